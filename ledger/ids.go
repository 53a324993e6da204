package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// HashSize is the length of every hash of the ledger, in bytes (SHA-256).
const HashSize = sha256.Size

// Hash is a SHA-256 digest. The zero value means "none".
type Hash [HashSize]byte

// IsZero reports whether h is the zero value, which names nothing.
func (h Hash) IsZero() bool { return h == Hash{} }

// String is the lower-case hexadecimal form, 64 characters.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Short is the first eight hexadecimal characters, for people's eyes only.
func (h Hash) Short() string { return hex.EncodeToString(h[:4]) }

// ParseHash reads the 64 hexadecimal characters that String writes.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != 2*HashSize {
		return h, fmt.Errorf("a hash has %d hexadecimal characters, this has %d", 2*HashSize, len(s))
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return Hash{}, fmt.Errorf("read a hash: %w", err)
	}
	return h, nil
}

// HashFromBytes copies b, which must hold exactly HashSize bytes.
func HashFromBytes(b []byte) (Hash, error) {
	var h Hash
	if len(b) != HashSize {
		return h, fmt.Errorf("a hash has %d bytes, this has %d", HashSize, len(b))
	}
	copy(h[:], b)
	return h, nil
}

// Height is the position of a block in the chain. Genesis stands at height 0,
// the first block of transactions at height 1.
type Height uint64

// Seq is a slot of the agreement protocol. The decision of slot s becomes the
// block of height s.
type Seq uint64

// View numbers the reign of a primary: replica view mod n.
type View uint64

// Epoch numbers a set of members and their keys.
type Epoch uint64

// ReplicaID is the index of a replica in its epoch's member list, from 0.
type ReplicaID uint16

// String names the replica as people see it.
func (r ReplicaID) String() string { return fmt.Sprintf("replica-%d", uint16(r)) }

// Time is a block's time: nanoseconds since 1970-01-01 UTC. It is proposed by
// the primary and monotonic along the chain; it is data, never a clock.
type Time int64

// Std converts to the standard library's form, in UTC.
func (t Time) Std() time.Time { return time.Unix(0, int64(t)).UTC() }

// TimeFromStd converts from the standard library's form.
func TimeFromStd(t time.Time) Time { return Time(t.UnixNano()) }

// ID identifies a ledger: the hash of its genesis. Every signed byte layout
// carries it, so that nothing signed for one ledger is valid on another.
type ID = Hash
