package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// Domain separates the meanings of signed and hashed layouts: equal bytes under
// two domains never give one hash. The strings are part of the protocol.
type Domain string

// Domains of all layouts that are hashed or signed.
const (
	DomainGenesis     Domain = "concordat/genesis/1"
	DomainTransaction Domain = "concordat/transaction/1"
	DomainCommand     Domain = "concordat/command/1"
	DomainProposal    Domain = "concordat/proposal/1"
	DomainHeader      Domain = "concordat/header/2"
	DomainOutcome     Domain = "concordat/outcome/1"
	DomainRoots       Domain = "concordat/roots/1"
	DomainResult      Domain = "concordat/result/2"
	DomainResultLeaf  Domain = "concordat/result-leaf/2"
	DomainEvent       Domain = "concordat/event/1"
	DomainAttestation Domain = "concordat/attestation/1"
	DomainVote        Domain = "concordat/vote/1"
	DomainPrePrepare  Domain = "concordat/preprepare/1"
	DomainEvidence    Domain = "concordat/evidence/1"
	DomainRecord      Domain = "concordat/record/1"
	DomainRead        Domain = "concordat/read/1"
	DomainCommands    Domain = "concordat/commands/1"
	DomainCheckpoint  Domain = "concordat/checkpoint/1"
)

// Writer appends an explicit layout: fixed-width big-endian integers, and byte
// strings behind a 32-bit length, so that no two different field lists give one
// byte sequence. The zero value is ready for use.
type Writer struct{ buf []byte }

// NewWriter starts a layout with its domain.
func NewWriter(domain Domain, sizeHint int) *Writer {
	w := &Writer{buf: make([]byte, 0, sizeHint+len(domain)+4)}
	return w.String(string(domain))
}

// U8 appends one byte.
func (w *Writer) U8(v uint8) *Writer { w.buf = append(w.buf, v); return w }

// U16 appends two bytes, big endian.
func (w *Writer) U16(v uint16) *Writer { w.buf = binary.BigEndian.AppendUint16(w.buf, v); return w }

// U32 appends four bytes, big endian.
func (w *Writer) U32(v uint32) *Writer { w.buf = binary.BigEndian.AppendUint32(w.buf, v); return w }

// U64 appends eight bytes, big endian.
func (w *Writer) U64(v uint64) *Writer { w.buf = binary.BigEndian.AppendUint64(w.buf, v); return w }

// Hash appends the 32 bytes of h.
func (w *Writer) Hash(h Hash) *Writer { w.buf = append(w.buf, h[:]...); return w }

// Bytes appends a 32-bit length and then b.
func (w *Writer) Bytes(b []byte) *Writer {
	w.U32(uint32(len(b))) // #nosec G115 -- callers bound sizes far below 4 GiB
	w.buf = append(w.buf, b...)
	return w
}

// String appends a 32-bit length and then the bytes of s.
func (w *Writer) String(s string) *Writer {
	w.U32(uint32(len(s))) // #nosec G115 -- callers bound sizes far below 4 GiB
	w.buf = append(w.buf, s...)
	return w
}

// Done returns the layout. The writer must not be used afterwards.
func (w *Writer) Done() []byte { return w.buf }

// Sum returns the SHA-256 of the layout.
func (w *Writer) Sum() Hash { return sha256.Sum256(w.buf) }

// ErrLayout is wrapped by every error of a Reader.
var ErrLayout = errors.New("malformed layout")

// Reader takes apart what a Writer made. Errors stick: after the first one all
// reads return zero values, and Close reports it.
type Reader struct {
	buf []byte
	err error
}

// NewReader starts reading b, which must begin with domain.
func NewReader(domain Domain, b []byte) *Reader {
	r := &Reader{buf: b}
	if got := r.String(len(domain)); r.err == nil && got != string(domain) {
		r.fail("it is a %q where a %q is expected", got, string(domain))
	}
	return r
}

// NewPlainReader starts reading b, which has no domain in front.
func NewPlainReader(b []byte) *Reader { return &Reader{buf: b} }

func (r *Reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrLayout, fmt.Sprintf(format, args...))
	}
}

func (r *Reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > len(r.buf) {
		r.fail("%d bytes expected, %d left", n, len(r.buf))
		return nil
	}
	out := r.buf[:n:n]
	r.buf = r.buf[n:]
	return out
}

// U8 reads one byte.
func (r *Reader) U8() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// U16 reads two bytes, big endian.
func (r *Reader) U16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

// U32 reads four bytes, big endian.
func (r *Reader) U32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// U64 reads eight bytes, big endian.
func (r *Reader) U64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// Hash reads 32 bytes.
func (r *Reader) Hash() Hash {
	var h Hash
	copy(h[:], r.take(HashSize))
	return h
}

// Bytes reads a byte string of at most limit bytes. The result aliases the input.
func (r *Reader) Bytes(limit int) []byte {
	n := r.U32()
	// #nosec G115 -- both sides are bounded far below the limits of the type
	if r.err == nil && uint64(n) > uint64(max(limit, 0)) {
		r.fail("a byte string of %d bytes where at most %d are allowed", n, limit)
		return nil
	}
	return r.take(int(n))
}

// String reads a string of at most limit bytes.
func (r *Reader) String(limit int) string { return string(r.Bytes(limit)) }

// Remaining is the number of bytes not yet read. Counts of repeated elements
// must be compared with it before anything is allocated.
func (r *Reader) Remaining() int { return len(r.buf) }

// Count reads a 32-bit number of elements that take at least elementMin bytes
// each, and refuses one that the remaining input cannot hold.
func (r *Reader) Count(elementMin, limit int) int {
	n := int(r.U32())
	if r.err == nil && (n > limit || n*max(elementMin, 1) > len(r.buf)) {
		r.fail("%d elements do not fit (limit %d, %d bytes left)", n, limit, len(r.buf))
		return 0
	}
	return n
}

// Err is the first error met.
func (r *Reader) Err() error { return r.err }

// Close returns the first error met, and one if input is left over.
func (r *Reader) Close() error {
	if r.err == nil && len(r.buf) != 0 {
		r.fail("%d bytes left over", len(r.buf))
	}
	return r.err
}
