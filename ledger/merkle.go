package ledger

import (
	"errors"
	"fmt"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

var merkleRanges = compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}

// MerkleTree is an RFC 6962 tree over a block's transactions or results. It is
// immutable after NewMerkleTree.
type MerkleTree struct {
	levels [][][]byte // complete nodes by level and index; levels[0] are leaf hashes
	root   Hash
	size   uint64
}

// NewMerkleTree hashes the leaves, in order. Of no leaves the root is the hash
// of the empty string, as RFC 6962 section 2.1 has it.
func NewMerkleTree(leaves [][]byte) *MerkleTree {
	hashes := make([][]byte, len(leaves))
	for i, leaf := range leaves {
		hashes[i] = rfc6962.DefaultHasher.HashLeaf(leaf)
	}
	return merkleTreeOf(hashes)
}

// merkleTreeOf is the tree over leaves that are hashed already.
func merkleTreeOf(hashes [][]byte) *MerkleTree {
	t := &MerkleTree{size: uint64(len(hashes))}
	if len(hashes) == 0 {
		copy(t.root[:], rfc6962.DefaultHasher.EmptyRoot())
		return t
	}
	store := func(id compact.NodeID, hash []byte) {
		for uint(len(t.levels)) <= id.Level {
			t.levels = append(t.levels, nil)
		}
		t.levels[id.Level] = append(t.levels[id.Level], hash)
	}
	r := merkleRanges.NewEmptyRange(0)
	for _, hash := range hashes {
		if err := r.Append(hash, store); err != nil {
			panic(fmt.Sprintf("append to an empty Merkle range: %v", err)) // cannot happen: the range starts at 0
		}
	}
	root, err := r.GetRootHash(nil)
	if err != nil {
		panic(fmt.Sprintf("root of a Merkle range from 0: %v", err)) // cannot happen: as above
	}
	copy(t.root[:], root)
	return t
}

// Root is the tree head.
func (t *MerkleTree) Root() Hash { return t.root }

// MerklePath is an inclusion proof: sibling hashes from the leaf upwards, at
// most 64.
type MerklePath []Hash

// ErrMerkle is wrapped by every failed inclusion check.
var ErrMerkle = errors.New("the Merkle path does not lead to the root")

// Path proves that leaf index is in the tree.
func (t *MerkleTree) Path(index uint64) (MerklePath, error) {
	if index >= t.size {
		return nil, fmt.Errorf("leaf %d of a tree of %d", index, t.size)
	}
	nodes, err := proof.Inclusion(index, t.size)
	if err != nil {
		return nil, fmt.Errorf("plan the path of leaf %d of %d: %w", index, t.size, err)
	}
	hashes := make([][]byte, len(nodes.IDs))
	for i, id := range nodes.IDs {
		hashes[i] = t.levels[id.Level][id.Index]
	}
	hashes, err = nodes.Rehash(hashes, rfc6962.DefaultHasher.HashChildren)
	if err != nil {
		return nil, fmt.Errorf("build the path of leaf %d of %d: %w", index, t.size, err)
	}
	path := make(MerklePath, len(hashes))
	for i, h := range hashes {
		copy(path[i][:], h)
	}
	return path, nil
}

// VerifyMerklePath checks that leaf stands at index of a tree of size leaves
// with that root.
func VerifyMerklePath(root Hash, index, size uint64, leaf []byte, path MerklePath) error {
	hashes := make([][]byte, len(path))
	for i := range path {
		hashes[i] = path[i][:]
	}
	err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, size, rfc6962.DefaultHasher.HashLeaf(leaf), hashes, root[:])
	var mismatch proof.RootMismatchError
	switch {
	case errors.As(err, &mismatch):
		return fmt.Errorf("%w: it gives %x, not %s", ErrMerkle, mismatch.CalculatedRoot, root)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrMerkle, err)
	}
	return nil
}
