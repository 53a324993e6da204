package state

import (
	"bytes"
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
)

// Claim says that under a state root exactly these records stand at the places
// from <= place < to.
type Claim struct {
	From, To []byte // placed keys; a nil To: to the end
	Records  []Pair
	Proof    Proof
}

// ClaimRecordsMax bounds the records of a claim.
const ClaimRecordsMax = 10_000

// Check verifies the claim.
func (c *Claim) Check(root ledger.Hash) error {
	leaves, err := c.Proof.Check(root, c.From, c.To)
	if err != nil {
		return err
	}
	if len(leaves) != len(c.Records) {
		return fmt.Errorf("%w: it shows %d records and comes with %d", ErrProof, len(leaves), len(c.Records))
	}
	for i, r := range c.Records {
		place, err := PlaceOf(r.Key, r.Value)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrProof, err)
		}
		if !bytes.Equal(place, leaves[i].Key) || RecordHash(r.Value) != leaves[i].Record {
			return fmt.Errorf("%w: record %q is not the one it shows", ErrProof, r.Key)
		}
	}
	return nil
}

// Marshal is the claim's exact layout.
func (c *Claim) Marshal() []byte {
	var w ledger.Writer
	w.Bytes(c.From)
	if c.To == nil {
		w.U8(0)
	} else {
		w.U8(1).Bytes(c.To)
	}
	w.U32(uint32(len(c.Records))) // #nosec G115 -- at most ClaimRecordsMax
	for _, r := range c.Records {
		w.Bytes(r.Key).Bytes(r.Value)
	}
	return w.Bytes(c.Proof.Marshal()).Done()
}

// ParseClaim reads what Marshal wrote. It verifies nothing.
func ParseClaim(b []byte) (*Claim, error) {
	r := ledger.NewPlainReader(b)
	c := &Claim{From: r.Bytes(PlacedBytesMax + 1)}
	switch r.U8() {
	case 0:
	case 1:
		c.To = r.Bytes(PlacedBytesMax + 1)
	default:
		return nil, fmt.Errorf("%w: unknown form", ErrProof)
	}
	for range r.Count(8, ClaimRecordsMax) {
		c.Records = append(c.Records, Pair{Key: r.Bytes(KeyBytesMax), Value: r.Bytes(len(b))})
	}
	proof := r.Bytes(len(b))
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("read a proof: %w", err)
	}
	var err error
	if c.Proof, err = ParseProof(proof); err != nil {
		return nil, err
	}
	return c, nil
}
