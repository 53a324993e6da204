package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// AudienceMax bounds the entries of an audience.
const AudienceMax = 64

// OrganisationEntry begins an audience entry that stands for all parties of an
// organisation.
const OrganisationEntry = "org:"

// Audience says who may read a record: a strictly ascending list of parties, contracts
// and "org:NAME" entries. Empty means every member.
type Audience []Party

// ErrAudience is wrapped by errors about bytes that are no audience.
var ErrAudience = errors.New("malformed audience")

// NewAudience sorts the entries and drops repetitions.
func NewAudience(entries ...Party) Audience {
	a := slices.Clone(entries)
	slices.Sort(a)
	return slices.Compact(a)
}

// Encode is the byte form that contracts use: a 16-bit little-endian count, then
// each entry behind its 16-bit little-endian length. Of an empty audience it is
// empty.
func (a Audience) Encode() []byte {
	if len(a) == 0 {
		return nil
	}
	b := binary.LittleEndian.AppendUint16(nil, uint16(len(a))) // #nosec G115 -- at most AudienceMax
	for _, p := range a {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(p))) // #nosec G115 -- at most NameBytesMax
		b = append(b, p...)
	}
	return b
}

// ParseAudience reads what Encode wrote and refuses everything else.
func ParseAudience(b []byte) (Audience, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if len(b) < 2 {
		return nil, fmt.Errorf("%w: it is cut off", ErrAudience)
	}
	n := int(binary.LittleEndian.Uint16(b))
	b = b[2:]
	if n == 0 || n > AudienceMax {
		return nil, fmt.Errorf("%w: %d entries, not 1 to %d", ErrAudience, n, AudienceMax)
	}
	a := make(Audience, 0, n)
	for range n {
		if len(b) < 2 || len(b)-2 < int(binary.LittleEndian.Uint16(b)) {
			return nil, fmt.Errorf("%w: it is cut off", ErrAudience)
		}
		l := int(binary.LittleEndian.Uint16(b))
		p := Party(b[2 : 2+l])
		b = b[2+l:]
		if err := validateEntry(p); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrAudience, err)
		}
		if len(a) > 0 && a[len(a)-1] >= p {
			return nil, fmt.Errorf("%w: the entries are not in ascending order", ErrAudience)
		}
		a = append(a, p)
	}
	if len(b) != 0 {
		return nil, fmt.Errorf("%w: %d bytes left over", ErrAudience, len(b))
	}
	return a, nil
}

// validateEntry accepts an organisation, a party, and a contract. Nobody reads as a
// contract, so an entry of one lets no one see the record. It is allowed for a contract
// that keeps records for those concerned, a holder's balance for the holder, must go on
// when the holder is a contract.
func validateEntry(p Party) error {
	if organisation, ok := strings.CutPrefix(string(p), OrganisationEntry); ok {
		return Party(organisation).Validate()
	}
	return p.ValidateNamed()
}

// Recipient is someone for whom a read is made.
type Recipient struct {
	Party        Party
	Organisation string
	Auditor      bool // reads everything
}
