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

const (
	certificateBytesMax = 64 << 10
	merklePathMax       = 64
)

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

// Marshal is the receipt's exact layout.
func (r *Receipt) Marshal() []byte {
	w := NewWriter(DomainReceipt, 1024).Bytes(r.Header.Marshal()).Bytes(r.Outcome.Marshal()).
		U32(r.Index).Bytes(r.Result.Marshal()).U32(uint32(len(r.Path))) // #nosec G115 -- at most 64
	for _, h := range r.Path {
		w.Hash(h)
	}
	return w.Bytes(r.Certificate).Done()
}

// ParseReceipt reads what Marshal wrote. It verifies nothing.
func ParseReceipt(b []byte) (*Receipt, error) {
	r := NewReader(DomainReceipt, b)
	header := r.Bytes(1 << 10)
	outcome := r.Bytes(1 << 10)
	index := r.U32()
	result := r.Bytes(OutputBytesMax + EventsBytesMax + 128<<10)
	n := r.Count(HashSize, merklePathMax)
	path := make(MerklePath, n)
	for i := range path {
		path[i] = r.Hash()
	}
	certificate := r.Bytes(certificateBytesMax)
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("read a receipt: %w", err)
	}
	out := &Receipt{Index: index, Path: path, Certificate: certificate}
	h, err := ParseHeader(header)
	if err != nil {
		return nil, fmt.Errorf("read a receipt's header: %w", err)
	}
	o, err := ParseOutcome(outcome)
	if err != nil {
		return nil, fmt.Errorf("read a receipt's outcome: %w", err)
	}
	res, err := ParseResult(result)
	if err != nil {
		return nil, fmt.Errorf("read a receipt's result: %w", err)
	}
	out.Header, out.Outcome, out.Result = *h, *o, *res
	return out, nil
}
