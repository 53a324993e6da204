package state

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
)

const domainProof ledger.Domain = "concordat/state-proof/2"

// ErrProof is wrapped by every proof that does not hold.
var ErrProof = errors.New("the state proof does not hold")

// ProofKind says what a ProofNode shows.
type ProofKind uint8

// A subtree by its hash alone, an inner node, a leaf.
const (
	ProofHash ProofKind = iota
	ProofInner
	ProofLeaf
)

// ProofNode is one node of the part of the tree that a proof shows.
type ProofNode struct {
	Kind ProofKind
	Pos  int         // of ProofInner
	Hash ledger.Hash // of ProofHash the subtree's, of ProofLeaf the RecordHash
	Key  []byte      // of ProofLeaf, placed
}

// Proof is what a state root says about a range of placed keys: the part of the
// tree that shows each leaf in the range, and of everything else enough to see that
// it lies outside. Each inner node stands before its left and its right subtree.
// One key is a range, and so is a key that is absent.
type Proof []ProofNode

// ProofNodesMax bounds a proof.
const ProofNodesMax = 1 << 18

// Leaf is a record that a proof shows.
type Leaf struct {
	Key    []byte // placed
	Record ledger.Hash
}

// Check verifies the proof under a root and returns the leaves from <= key < to: all
// there are. Without to the range goes to the end.
func (p Proof) Check(root ledger.Hash, from, to []byte) ([]Leaf, error) {
	if len(p) == 0 {
		if root != (ledger.Hash{}) {
			return nil, fmt.Errorf("%w: it shows an empty state", ErrProof)
		}
		return nil, nil
	}
	c := checker{proof: p, from: from, to: to}
	n, err := c.node(-1)
	switch {
	case err != nil:
		return nil, err
	case n.key == nil:
		return nil, fmt.Errorf("%w: it shows nothing", ErrProof)
	case c.at != len(p):
		return nil, fmt.Errorf("%w: %d nodes too many", ErrProof, len(p)-c.at)
	case n.hash != root:
		return nil, fmt.Errorf("%w: it leads to %s, not to %s", ErrProof, n.hash.Short(), root.Short())
	}
	return c.found, nil
}

// Next is the first key behind a key.
func Next(key []byte) []byte { return append(bytes.Clone(key), 0) }

type checker struct {
	proof    Proof
	at       int
	from, to []byte
	last     []byte
	found    []Leaf
}

// shown is a subtree of the proof: its hash, and any key in it if one is shown.
type shown struct {
	hash ledger.Hash
	key  []byte
}

func (c *checker) node(above int) (shown, error) {
	if c.at >= len(c.proof) {
		return shown{}, fmt.Errorf("%w: it is cut off", ErrProof)
	}
	n := &c.proof[c.at]
	c.at++
	switch n.Kind {
	case ProofHash:
		return shown{hash: n.Hash}, nil
	case ProofLeaf:
		if len(n.Key) == 0 || c.last != nil && bytes.Compare(c.last, n.Key) >= 0 {
			return shown{}, fmt.Errorf("%w: its keys are not in order", ErrProof)
		}
		c.last = n.Key
		if bytes.Compare(n.Key, c.from) >= 0 && (c.to == nil || bytes.Compare(n.Key, c.to) < 0) {
			c.found = append(c.found, Leaf{n.Key, n.Hash})
		}
		return shown{LeafHash(n.Key, n.Hash), n.Key}, nil
	case ProofInner:
		if n.Pos <= above || n.Pos > PositionMax {
			return shown{}, fmt.Errorf("%w: position %d below %d", ErrProof, n.Pos, above)
		}
		left, err := c.node(n.Pos)
		if err != nil {
			return left, err
		}
		right, err := c.node(n.Pos)
		if err != nil {
			return right, err
		}
		key, err := c.inner(n.Pos, left, right)
		return shown{InnerHash(n.Pos, left.hash, right.hash), key}, err
	}
	return shown{}, fmt.Errorf("%w: unknown form", ErrProof)
}

// inner judges an inner node by the keys that are shown below it. All keys below agree
// before its position; so one of them tells where a subtree lies of which only the
// hash is shown.
func (c *checker) inner(pos int, left, right shown) ([]byte, error) {
	l, r := left.key, right.key
	switch {
	case l == nil && r == nil:
		return nil, fmt.Errorf("%w: an inner node shows no key", ErrProof)
	case l != nil && Bit(l, pos) != 0, r != nil && Bit(r, pos) != 1, l != nil && r != nil && Critical(l, r) != pos:
		return nil, fmt.Errorf("%w: a key stands where it does not belong", ErrProof)
	case l == nil && !Outside(r, pos, false, c.from, c.to), r == nil && !Outside(l, pos, true, c.from, c.to):
		return nil, fmt.Errorf("%w: it hides a part of the range", ErrProof)
	case l == nil:
		return r, nil
	}
	return l, nil
}

// Outside tells whether all keys that agree with near before pos, and have the other
// bit there, lie outside of from <= key < to. right is the side on which they are.
func Outside(near []byte, pos int, right bool, from, to []byte) bool {
	return side(near, pos, right, from) < 0 || to != nil && side(near, pos, right, to) > 0
}

// side is 1 when none of those keys comes before x, -1 when all of them do, 0 when x is
// in their midst.
func side(near []byte, pos int, right bool, x []byte) int {
	d := Critical(x, near)
	behind := right // x is on near's side of the node
	switch {
	case d == pos && !least(x, pos):
		return 0
	case d == pos:
		return 1
	case d >= 0 && d < pos:
		behind = Bit(near, d) == 1
	}
	if behind {
		return 1
	}
	return -1
}

// least tells whether a key has no bit set behind a position: then it comes first among
// all that agree with it so far.
func least(key []byte, pos int) bool {
	i, j := pos/9, pos%9
	if len(key) > i+1 {
		return false
	}
	return len(key) <= i || j > 0 && key[i]<<j == 0
}

// Marshal is the proof's exact layout.
func (p Proof) Marshal() []byte {
	w := ledger.NewWriter(domainProof, 64+36*len(p)).U32(uint32(len(p))) // #nosec G115 -- at most ProofNodesMax
	for i := range p {
		n := &p[i]
		w.U8(uint8(n.Kind))
		switch n.Kind {
		case ProofHash:
			w.Hash(n.Hash)
		case ProofInner:
			w.U16(uint16(n.Pos)) // #nosec G115 -- at most PositionMax
		case ProofLeaf:
			w.Bytes(n.Key).Hash(n.Hash)
		}
	}
	return w.Done()
}

// ParseProof reads what Marshal wrote. It verifies nothing.
func ParseProof(b []byte) (Proof, error) {
	r := ledger.NewReader(domainProof, b)
	p := make(Proof, r.Count(3, ProofNodesMax))
	for i := range p {
		n := &p[i]
		n.Kind = ProofKind(r.U8())
		switch n.Kind {
		case ProofHash:
			n.Hash = r.Hash()
		case ProofInner:
			n.Pos = int(r.U16())
		case ProofLeaf:
			n.Key, n.Hash = r.Bytes(PlacedBytesMax), r.Hash()
		default:
			return nil, fmt.Errorf("%w: unknown form", ErrProof)
		}
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("read a state proof: %w", err)
	}
	if len(p) == 0 {
		p = nil
	}
	return p, nil
}
