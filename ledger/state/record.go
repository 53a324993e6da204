package state

import (
	"encoding/binary"
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
)

// Provenance says which transaction wrote a record, and in which block. What
// founded the ledger was written by none, in block 1.
type Provenance struct {
	Height ledger.Height
	TxID   ledger.Hash
}

// Record is a value of the state, who may read it, and where it comes from.
type Record struct {
	Audience ledger.Audience
	Provenance
	Value []byte
}

// Change sets a key to an encoded Record, or deletes it.
type Change struct {
	Key, Value []byte
	Delete     bool
}

// Limits of the state's keys and values.
const (
	KeyBytesMax   = 512
	ValueBytesMax = 64 << 10
)

const provenanceBytes = 8 + ledger.HashSize

// EncodeRecord is the exact layout that the tree hashes and the store keeps: the
// length of the audience in two bytes, the audience in its encoded form, height
// and transaction, the value.
func EncodeRecord(audience []byte, from Provenance, value []byte) []byte {
	b := make([]byte, 0, 2+len(audience)+provenanceBytes+len(value))
	b = append(b, byte(len(audience)>>8), byte(len(audience))) // #nosec G115 -- at most 64 entries of 66 bytes
	b = append(b, audience...)
	b = binary.BigEndian.AppendUint64(b, uint64(from.Height))
	b = append(b, from.TxID[:]...)
	return append(b, value...)
}

// head is an encoded record taken apart; its slices alias the record.
type head struct {
	audience []byte
	from     Provenance
	value    []byte
}

func parseHead(b []byte) (head, error) {
	var h head
	if len(b) < 2 {
		return h, fmt.Errorf("%w: a record is cut off", ledger.ErrLayout)
	}
	n := int(b[0])<<8 + int(b[1])
	if len(b)-2 < n+provenanceBytes {
		return h, fmt.Errorf("%w: a record is cut off", ledger.ErrLayout)
	}
	h.audience = b[2 : 2+n]
	h.from.Height = ledger.Height(binary.BigEndian.Uint64(b[2+n:]))
	copy(h.from.TxID[:], b[2+n+8:])
	h.value = b[2+n+provenanceBytes:]
	return h, nil
}

// DecodeRecord reads what EncodeRecord wrote; the value aliases b.
func DecodeRecord(b []byte) (Record, error) {
	h, err := parseHead(b)
	if err != nil {
		return Record{}, err
	}
	audience, err := ledger.ParseAudience(h.audience)
	if err != nil {
		return Record{}, fmt.Errorf("read a record: %w", err)
	}
	return Record{Audience: audience, Provenance: h.from, Value: h.value}, nil
}

// RecordValue is the value alone, for readers to whom everything is visible.
func RecordValue(b []byte) ([]byte, error) {
	h, err := parseHead(b)
	return h.value, err
}

// SplitRecord is the value and the encoded audience, for readers to whom everything
// is visible and who must know who else may read it.
func SplitRecord(b []byte) (value, audience []byte, err error) {
	h, err := parseHead(b)
	return h.value, h.audience, err
}

// Visible is the one filter of all reads made for someone. What it refuses must
// look to the reader like what does not exist.
func Visible(audience ledger.Audience, reader ledger.Recipient) bool {
	if len(audience) == 0 || reader.Auditor {
		return true
	}
	for _, entry := range audience {
		if entry == reader.Party && reader.Party != "" {
			return true
		}
		if reader.Organisation != "" && string(entry) == ledger.OrganisationEntry+reader.Organisation {
			return true
		}
	}
	return false
}
