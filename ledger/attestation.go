package ledger

import "fmt"

// AttestationKind says what an attestation claims.
type AttestationKind uint8

// What a block's execution certificate can show.
const (
	AttestResult AttestationKind = 1 // the result of a transaction; see Receipt
	AttestState  AttestationKind = 2 // records of the state, or that there are none; see state.Claim
)

const (
	certificateBytesMax = 64 << 10
	claimBytesMax       = 64 << 20
)

// Attestation is a claim about a block with everything needed to verify it offline:
// the header, what executing it gave, the certificate over both, and the claim with its
// path to one of the roots. Every byte of its encoding takes part in the check.
type Attestation struct {
	Header      Header
	Outcome     Outcome
	Certificate []byte // execution certificate over header and outcome
	Kind        AttestationKind
	Claim       []byte
}

// Marshal is the attestation's exact layout.
func (a *Attestation) Marshal() []byte {
	return NewWriter(DomainAttestation, 512+len(a.Claim)).Bytes(a.Header.Marshal()).Bytes(a.Outcome.Marshal()).
		Bytes(a.Certificate).U8(uint8(a.Kind)).Bytes(a.Claim).Done()
}

// ParseAttestation reads what Marshal wrote. It verifies nothing.
func ParseAttestation(b []byte) (*Attestation, error) {
	r := NewReader(DomainAttestation, b)
	header, outcome := r.Bytes(1<<10), r.Bytes(1<<10)
	a := &Attestation{Certificate: r.Bytes(certificateBytesMax), Kind: AttestationKind(r.U8()), Claim: r.Bytes(claimBytesMax)}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("read a receipt or proof: %w", err)
	}
	h, err := ParseHeader(header)
	if err != nil {
		return nil, fmt.Errorf("read the header of a receipt or proof: %w", err)
	}
	o, err := ParseOutcome(outcome)
	if err != nil {
		return nil, fmt.Errorf("read the outcome of a receipt or proof: %w", err)
	}
	a.Header, a.Outcome = *h, *o
	return a, nil
}
