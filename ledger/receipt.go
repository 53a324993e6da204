package ledger

import "fmt"

// Outcome is what execution made of a block: together with the block's hash it
// is what the execution certificate signs.
type Outcome struct {
	StateRoot   Hash
	ResultsRoot Hash
}

// Marshal is the outcome's exact layout.
func (o *Outcome) Marshal() []byte {
	return NewWriter(DomainRoots, 64).Hash(o.StateRoot).Hash(o.ResultsRoot).Done()
}

// ParseOutcome reads what Marshal wrote.
func ParseOutcome(b []byte) (*Outcome, error) {
	r := NewReader(DomainRoots, b)
	o := &Outcome{StateRoot: r.Hash(), ResultsRoot: r.Hash()}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("read an outcome: %w", err)
	}
	return o, nil
}

const merklePathMax = 64

// Receipt is a transaction's result with everything needed to verify it
// offline, against the ledger's id and public key alone. Every byte of its
// encoding takes part in the check: a receipt with any byte changed is refused.
type Receipt struct {
	Header      Header
	Outcome     Outcome
	Index       uint32 // of the transaction in its block
	Result      Result
	Path        MerklePath // of the result below Outcome.ResultsRoot
	Certificate []byte     // execution certificate over header and outcome
}

// Marshal is the receipt's exact layout: an Attestation.
func (r *Receipt) Marshal() []byte {
	var w Writer
	w.U32(r.Index).Bytes(r.Result.Marshal()).U32(uint32(len(r.Path))) // #nosec G115 -- at most 64
	for _, h := range r.Path {
		w.Hash(h)
	}
	a := &Attestation{Header: r.Header, Outcome: r.Outcome, Certificate: r.Certificate, Kind: AttestResult, Claim: w.Done()}
	return a.Marshal()
}

// ParseReceipt reads what Marshal wrote. It verifies nothing.
func ParseReceipt(b []byte) (*Receipt, error) {
	a, err := ParseAttestation(b)
	if err != nil {
		return nil, err
	}
	if a.Kind != AttestResult {
		return nil, fmt.Errorf("read a receipt: %w: it is a proof of another kind", ErrLayout)
	}
	r := NewPlainReader(a.Claim)
	out := &Receipt{Header: a.Header, Outcome: a.Outcome, Certificate: a.Certificate, Index: r.U32()}
	result := r.Bytes(OutputBytesMax + EventsBytesMax + 128<<10)
	out.Path = make(MerklePath, r.Count(HashSize, merklePathMax))
	for i := range out.Path {
		out.Path[i] = r.Hash()
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("read a receipt: %w", err)
	}
	res, err := ParseShownResult(result)
	if err != nil {
		return nil, fmt.Errorf("read a receipt's result: %w", err)
	}
	out.Result = *res
	return out, nil
}
