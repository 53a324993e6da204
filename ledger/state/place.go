package state

import (
	"crypto/sha256"
	"fmt"
	"math/bits"

	"github.com/concordat-ledger/concordat/ledger"
)

// The first byte of a placed key.
const (
	placeOpen       = 0 // records that every member may read
	placeRestricted = 1 // then SHA-256 of the audience
)

const domainAudience ledger.Domain = "concordat/audience/1"

// PlacedBytesMax bounds a placed key.
const PlacedBytesMax = 1 + ledger.HashSize + KeyBytesMax

// Place is where a record of this key and encoded audience stands in the tree:
// all records that one audience may read are together, in the order of their
// keys, those for everyone first. So whoever may read a record may be shown its
// neighbours, and that a record is absent, or a range complete, can be proven to
// a reader without a word about records of which they must not know.
func Place(audience, key []byte) []byte {
	if len(audience) == 0 {
		return append(append(make([]byte, 0, 1+len(key)), placeOpen), key...)
	}
	group := ledger.NewWriter(domainAudience, len(audience)+4).Bytes(audience).Sum()
	out := append(make([]byte, 0, 1+len(group)+len(key)), placeRestricted)
	return append(append(out, group[:]...), key...)
}

// PlaceOf is the place of an encoded record.
func PlaceOf(key, record []byte) ([]byte, error) {
	h, err := parseHead(record)
	if err != nil {
		return nil, err
	}
	return Place(h.audience, key), nil
}

// KeyOf is the record's key in a placed key.
func KeyOf(placed []byte) ([]byte, error) {
	switch {
	case len(placed) > 1 && placed[0] == placeOpen:
		return placed[1:], nil
	case len(placed) > 1+ledger.HashSize && placed[0] == placeRestricted:
		return placed[1+ledger.HashSize:], nil
	}
	return nil, fmt.Errorf("%w: %x is no place of the state", ledger.ErrLayout, placed)
}

// SameAudience tells whether two places are of records of one audience.
func SameAudience(a, b []byte) bool {
	switch {
	case len(a) == 0 || len(b) == 0 || a[0] != b[0]:
		return false
	case a[0] == placeOpen:
		return true
	}
	n := 1 + ledger.HashSize
	return len(a) >= n && len(b) >= n && string(a[:n]) == string(b[:n])
}

// AfterOpen is the first place behind all records that every member may read.
func AfterOpen() []byte { return []byte{placeRestricted} }

// Bit reads a placed key as a sequence of bits in which no key is the beginning of
// another: before each byte stands a 1, behind the last byte zeros. The order of keys
// is that of their bits.
func Bit(key []byte, pos int) int {
	i, j := pos/9, pos%9
	if i >= len(key) {
		return 0
	}
	if j == 0 {
		return 1
	}
	return int(key[i] >> (8 - j) & 1)
}

// Critical is the first bit in which two keys differ; -1 for equal ones.
func Critical(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if x := a[i] ^ b[i]; x != 0 {
			return 9*i + 1 + bits.LeadingZeros8(x)
		}
	}
	if len(a) == len(b) {
		return -1
	}
	return 9 * n
}

// PositionMax bounds the position of an inner node.
const PositionMax = 9*PlacedBytesMax + 1

const (
	leafByte   = 0
	innerByte  = 1
	recordByte = 2
)

// RecordHash is what a leaf holds of an encoded record.
func RecordHash(record []byte) ledger.Hash {
	h := sha256.New()
	h.Write([]byte{recordByte})
	h.Write(record)
	var out ledger.Hash
	h.Sum(out[:0])
	return out
}

// LeafHash is the hash of a record's leaf.
func LeafHash(placed []byte, record ledger.Hash) ledger.Hash {
	var room [192]byte
	b := append(room[:0], leafByte, byte(len(placed)>>8), byte(len(placed))) // #nosec G115 -- at most PlacedBytesMax
	b = append(b, placed...)
	return sha256.Sum256(append(b, record[:]...))
}

// InnerHash is the hash of an inner node.
func InnerHash(pos int, left, right ledger.Hash) ledger.Hash {
	var b [3 + 2*ledger.HashSize]byte
	b[0], b[1], b[2] = innerByte, byte(pos>>8), byte(pos) // #nosec G115 -- at most PositionMax
	copy(b[3:], left[:])
	copy(b[3+ledger.HashSize:], right[:])
	return sha256.Sum256(b[:])
}

// PlaceRange is the range of places of the records of exactly one audience with keys
// from <= key < to; an empty to means all from there on.
func PlaceRange(audience, from, to []byte) (low, high []byte) {
	low = Place(audience, from)
	if len(to) > 0 {
		return low, Place(audience, to)
	}
	if len(audience) == 0 {
		return low, AfterOpen()
	}
	high = Place(audience, nil)
	for i := len(high) - 1; i >= 0; i-- {
		if high[i]++; high[i] != 0 {
			return low, high[:i+1]
		}
	}
	return low, nil
}
