package ledger

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Limits of a transaction. Every member enforces them before any other work.
const (
	// EnvelopeBytesMax bounds a signed transaction on the wire. It leaves room
	// for the largest contract module beside its envelope.
	EnvelopeBytesMax = 6 << 20
	// CommandIDBytesMax bounds the caller's command id.
	CommandIDBytesMax = 64
	// NameBytesMax bounds contract and method names.
	NameBytesMax = 64
	// PublicKeySize and SignatureSize are those of Ed25519.
	PublicKeySize = 32
	SignatureSize = 64
)

// Transaction is what a party asks the ledger to do. Its wire form is the
// canonical subset of protobuf described at ledgerpb/ledger.proto: fields in
// ascending order, each at most once, defaults left out, shortest varints.
// Anything else is refused, so that one transaction has one byte form.
type Transaction struct {
	Ledger     ID     // the ledger it is meant for
	Party      Party  // who signs; must be registered with the signing key
	Command    []byte // 1 to 64 bytes chosen by the caller; makes a retry safe
	Contract   string
	Method     string
	Args       []byte // opaque to the ledger
	ValidUntil Time   // no block with a later time executes it
	GasLimit   uint64 // upper bound of gas; 0 means the ledger's default
}

// Envelope is a signed transaction: what travels, what is stored in blocks.
type Envelope struct {
	Payload   []byte // the transaction's bytes, exactly as signed
	PublicKey [PublicKeySize]byte
	Signature [SignatureSize]byte
}

// ErrMalformed is wrapped by every error about bytes that are not a canonical
// transaction or envelope.
var ErrMalformed = errors.New("malformed transaction")

// TransactionID is the hash by which a transaction is known: of its payload, so
// that neither the signature nor the envelope can give it a second id.
func TransactionID(payload []byte) Hash {
	return NewWriter(DomainTransaction, len(payload)+4).Bytes(payload).Sum()
}

// SignedBytes is what the party's key signs.
func SignedBytes(payload []byte) []byte {
	return NewWriter(DomainTransaction, len(payload)+4).Bytes(payload).Done()
}

// CommandKey identifies a party's command in the duplicate window.
func CommandKey(party Party, command []byte) Hash {
	return NewWriter(DomainCommand, 80).String(string(party)).Bytes(command).Sum()
}

// Marshal is the canonical wire form.
func (t *Transaction) Marshal() []byte {
	b := make([]byte, 0, 128+len(t.Args))
	b = appendBytesField(b, 1, t.Ledger[:])
	b = appendBytesField(b, 2, []byte(t.Party))
	b = appendBytesField(b, 3, t.Command)
	b = appendBytesField(b, 4, []byte(t.Contract))
	b = appendBytesField(b, 5, []byte(t.Method))
	b = appendBytesField(b, 6, t.Args)
	b = appendVarintField(b, 7, uint64(t.ValidUntil)) // #nosec G115 -- two's complement, as protobuf int64
	return appendVarintField(b, 8, t.GasLimit)
}

// ParseTransaction reads the canonical wire form and refuses everything else.
// The byte fields alias b.
func ParseTransaction(b []byte) (*Transaction, error) {
	var t Transaction
	var ledger []byte
	r := fieldReader{buf: b}
	for r.next() {
		switch r.field {
		case 1:
			ledger = r.bytes(HashSize)
		case 2:
			t.Party = Party(r.bytes(NameBytesMax))
		case 3:
			t.Command = r.bytes(CommandIDBytesMax)
		case 4:
			t.Contract = string(r.bytes(NameBytesMax))
		case 5:
			t.Method = string(r.bytes(NameBytesMax))
		case 6:
			t.Args = r.bytes(EnvelopeBytesMax)
		case 7:
			t.ValidUntil = Time(r.varint()) // #nosec G115 -- two's complement, as protobuf int64
		case 8:
			t.GasLimit = r.varint()
		default:
			r.unknown()
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	if len(ledger) != HashSize {
		return nil, fmt.Errorf("%w: the ledger id has %d bytes, not %d", ErrMalformed, len(ledger), HashSize)
	}
	copy(t.Ledger[:], ledger)
	return &t, t.validate()
}

func (t *Transaction) validate() error {
	switch {
	case t.Party == "":
		return fmt.Errorf("%w: it names no party", ErrMalformed)
	case len(t.Command) == 0:
		return fmt.Errorf("%w: it has no command id", ErrMalformed)
	case t.Contract == "":
		return fmt.Errorf("%w: it names no contract", ErrMalformed)
	case t.Method == "":
		return fmt.Errorf("%w: it names no method", ErrMalformed)
	case t.ValidUntil <= 0:
		return fmt.Errorf("%w: it does not say until when it is valid", ErrMalformed)
	}
	if err := t.Party.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return nil
}

// Marshal is the canonical wire form: payload, public key, signature.
func (e *Envelope) Marshal() []byte {
	b := make([]byte, 0, len(e.Payload)+PublicKeySize+SignatureSize+16)
	b = appendBytesField(b, 1, e.Payload)
	b = appendBytesField(b, 2, e.PublicKey[:])
	return appendBytesField(b, 3, e.Signature[:])
}

// ParseEnvelope reads the canonical wire form and refuses everything else. The
// payload aliases b. The signature is not checked here.
func ParseEnvelope(b []byte) (Envelope, error) {
	var e Envelope
	if len(b) > EnvelopeBytesMax {
		return e, fmt.Errorf("%w: it has %d bytes, the limit is %d", ErrMalformed, len(b), EnvelopeBytesMax)
	}
	var key, sig []byte
	r := fieldReader{buf: b}
	for r.next() {
		switch r.field {
		case 1:
			e.Payload = r.bytes(EnvelopeBytesMax)
		case 2:
			key = r.bytes(PublicKeySize)
		case 3:
			sig = r.bytes(SignatureSize)
		default:
			r.unknown()
		}
	}
	switch {
	case r.err != nil:
		return Envelope{}, r.err
	case len(e.Payload) == 0:
		return Envelope{}, fmt.Errorf("%w: the envelope is empty", ErrMalformed)
	case len(key) != PublicKeySize:
		return Envelope{}, fmt.Errorf("%w: the public key has %d bytes, not %d", ErrMalformed, len(key), PublicKeySize)
	case len(sig) != SignatureSize:
		return Envelope{}, fmt.Errorf("%w: the signature has %d bytes, not %d", ErrMalformed, len(sig), SignatureSize)
	}
	copy(e.PublicKey[:], key)
	copy(e.Signature[:], sig)
	return e, nil
}

func appendBytesField(b []byte, field protowire.Number, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendBytes(b, v)
}

func appendVarintField(b []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	b = protowire.AppendTag(b, field, protowire.VarintType)
	return protowire.AppendVarint(b, v)
}

// fieldReader walks canonical protobuf: strictly ascending fields, no default
// values, shortest varints.
type fieldReader struct {
	buf   []byte
	field protowire.Number
	typ   protowire.Type
	last  protowire.Number
	err   error
}

func (r *fieldReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
}

func (r *fieldReader) next() bool {
	if r.err != nil || len(r.buf) == 0 {
		return false
	}
	v := r.rawVarint()
	if r.err != nil {
		return false
	}
	r.field, r.typ = protowire.DecodeTag(v)
	if r.field <= r.last {
		r.fail("field %d stands after field %d", r.field, r.last)
		return false
	}
	r.last = r.field
	return true
}

func (r *fieldReader) rawVarint() uint64 {
	v, n := protowire.ConsumeVarint(r.buf)
	if n < 0 {
		r.fail("a number is cut off or too long")
		return 0
	}
	if n != protowire.SizeVarint(v) {
		r.fail("a number is not in its shortest form")
		return 0
	}
	r.buf = r.buf[n:]
	return v
}

func (r *fieldReader) varint() uint64 {
	if r.typ != protowire.VarintType {
		r.fail("field %d is not a number", r.field)
		return 0
	}
	v := r.rawVarint()
	if v == 0 && r.err == nil {
		r.fail("field %d holds its default, which is left out", r.field)
	}
	return v
}

func (r *fieldReader) bytes(limit int) []byte {
	if r.typ != protowire.BytesType {
		r.fail("field %d is not a byte string", r.field)
		return nil
	}
	n := r.rawVarint()
	switch {
	case r.err != nil:
		return nil
	case n == 0:
		r.fail("field %d is empty, which is left out", r.field)
		return nil
	case n > uint64(limit) || n > uint64(len(r.buf)): // #nosec G115 -- limits are positive constants
		r.fail("field %d has %d bytes, the limit is %d and %d are left", r.field, n, limit, len(r.buf))
		return nil
	}
	out := r.buf[:n:n]
	r.buf = r.buf[n:]
	return out
}

func (r *fieldReader) unknown() { r.fail("field %d is unknown", r.field) }
