package state

import (
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
)

// Record is a value of the state and who may read it.
type Record struct {
	Audience ledger.Audience
	Value    []byte
}

// Limits of the state's keys and values.
const (
	KeyBytesMax   = 512
	ValueBytesMax = 64 << 10
)

// EncodeRecord is the exact layout that the tree hashes and the store keeps. The
// audience is in its encoded form.
func EncodeRecord(audience, value []byte) []byte {
	b := make([]byte, 0, 2+len(audience)+len(value))
	b = append(b, byte(len(audience)>>8), byte(len(audience))) // #nosec G115 -- at most 64 entries of 66 bytes
	b = append(b, audience...)
	return append(b, value...)
}

// DecodeRecord reads what EncodeRecord wrote; the value aliases b.
func DecodeRecord(b []byte) (Record, error) {
	if len(b) < 2 || len(b)-2 < int(b[0])<<8+int(b[1]) {
		return Record{}, fmt.Errorf("%w: a record is cut off", ledger.ErrLayout)
	}
	n := int(b[0])<<8 + int(b[1])
	audience, err := ledger.ParseAudience(b[2 : 2+n])
	if err != nil {
		return Record{}, fmt.Errorf("read a record: %w", err)
	}
	return Record{Audience: audience, Value: b[2+n:]}, nil
}

// RecordValue is the value alone, for readers to whom everything is visible.
func RecordValue(b []byte) ([]byte, error) {
	if len(b) < 2 || len(b)-2 < int(b[0])<<8+int(b[1]) {
		return nil, fmt.Errorf("%w: a record is cut off", ledger.ErrLayout)
	}
	return b[2+int(b[0])<<8+int(b[1]):], nil
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
