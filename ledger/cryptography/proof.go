package cryptography

import (
	"encoding/binary"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/verify"
)

// merklePathMax is the longest path that a tree of 2^64 leaves can have.
const merklePathMax = 64

// MerkleHashes is the length of the path that the input of MerkleInclusion claims to
// have, for its price.
func MerkleHashes(in []byte) int {
	if len(in) < merkleHead {
		return 0
	}
	return int(in[merkleHead-1])
}

const merkleHead = ledger.HashSize + 8 + 8 + 1

// MerkleInclusion verifies that a leaf is in a tree of RFC 6962: root (32), index (8),
// size (8), hashes of the path (1, at most 64), the path (32 each), the leaf.
func MerkleInclusion(in []byte) []byte {
	if len(in) < merkleHead {
		return nil
	}
	var root ledger.Hash
	copy(root[:], in)
	index, size := binary.LittleEndian.Uint64(in[ledger.HashSize:]), binary.LittleEndian.Uint64(in[ledger.HashSize+8:])
	n, rest := MerkleHashes(in), in[merkleHead:]
	if n > merklePathMax || len(rest) < n*ledger.HashSize {
		return nil
	}
	path := make(ledger.MerklePath, n)
	for i := range path {
		rest = rest[copy(path[i][:], rest):]
	}
	return answer(ledger.VerifyMerklePath(root, index, size, rest, path) == nil)
}

// Receipt verifies a receipt of any ledger: the ledger's id (32), its key (96), the
// receipt. Both are the caller's to know, as a constant or from its state: they stay
// the same as members come and go, and no replica's own memory takes part. The answer
// says what the receipt proves, in the canonical form of messages: height 1, time 2,
// index 3, transaction 4, status 5, code 6, output 7.
func Receipt(in []byte) []byte {
	const head = ledger.HashSize + certificate.KeyBytes
	if len(in) < head {
		return nil
	}
	var id ledger.ID
	copy(id[:], in)
	r, err := ledger.ParseReceipt(in[head:])
	if err != nil || verify.Receipt(id, in[ledger.HashSize:head], r) != nil {
		return nil
	}
	b := appendNumber(nil, 1, uint64(r.Header.Height))
	b = appendNumber(b, 2, uint64(r.Header.Time)) // #nosec G115 -- as protobuf writes it
	b = appendNumber(b, 3, uint64(r.Index))
	b = appendBytes(b, 4, r.Result.TxID[:])
	b = appendNumber(b, 5, uint64(r.Result.Status))
	b = appendNumber(b, 6, uint64(r.Result.Code))
	return appendBytes(b, 7, r.Result.Output)
}

func appendNumber(b []byte, tag byte, v uint64) []byte {
	if v == 0 {
		return b
	}
	return binary.AppendUvarint(append(b, tag<<3), v)
}

func appendBytes(b []byte, tag byte, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return append(binary.AppendUvarint(append(b, tag<<3|2), uint64(len(v))), v...)
}
