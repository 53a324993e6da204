package chain

import (
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
)

const domainMark ledger.Domain = "concordat/verify-mark/2"

// Mark is how far a check has come: enough to go on from there. It is as trustworthy
// as whoever kept it; the block that it names must be looked at again.
type Mark struct {
	Ledger        ledger.ID
	First         ledger.Height // with which the check began
	Height        ledger.Height // of the newest block that was checked
	Hash          ledger.Hash   // of its header
	Time          ledger.Time
	Sum           ledger.Hash // of the commands up to it
	Outcome       ledger.Outcome
	Certified     ledger.Height // the newest block with an execution certificate; 0: none
	CertifiedRoot ledger.Hash   // the state root after it
	Pruned        ledger.Height // the newest block without contents; all below it have none either
	Open          ledger.Height // since here no block has a certificate; 0: the newest has one
	Gaps          []Range       // blocks without one below others that have one, GapsMax at most
	GapBlocks     uint64        // how many blocks are in gaps
	Counts        Counts        // of records none: they are checked last, and at once
}

// Marshal is the mark's exact layout.
func (m *Mark) Marshal() []byte {
	w := ledger.NewWriter(domainMark, 512).Hash(m.Ledger).U64(uint64(m.First)).U64(uint64(m.Height)).Hash(m.Hash).
		U64(uint64(m.Time)).Hash(m.Sum).Bytes(m.Outcome.Marshal()). // #nosec G115 -- two's complement
		U64(uint64(m.Certified)).Hash(m.CertifiedRoot).U64(uint64(m.Open)).U64(uint64(m.Pruned)).U64(m.GapBlocks)
	for _, n := range []uint64{m.Counts.Blocks, m.Counts.Transactions, m.Counts.Signatures, m.Counts.CommitCertificates,
		m.Counts.ExecutionCertificates, m.Counts.Bytes} {
		w.U64(n)
	}
	w.U32(uint32(len(m.Gaps))) // #nosec G115 -- at most GapsMax
	for _, g := range m.Gaps {
		w.U64(uint64(g.From)).U64(uint64(g.To))
	}
	return w.Done()
}

// ParseMark reads what Marshal wrote.
func ParseMark(b []byte) (*Mark, error) {
	r := ledger.NewReader(domainMark, b)
	m := &Mark{Ledger: r.Hash(), First: ledger.Height(r.U64()), Height: ledger.Height(r.U64()), Hash: r.Hash(),
		Time: ledger.Time(r.U64()), Sum: r.Hash()} // #nosec G115 -- two's complement
	outcome := r.Bytes(1 << 10)
	m.Certified, m.CertifiedRoot, m.Open, m.Pruned, m.GapBlocks = ledger.Height(r.U64()), r.Hash(), ledger.Height(r.U64()), ledger.Height(r.U64()), r.U64()
	m.Counts = Counts{Blocks: r.U64(), Transactions: r.U64(), Signatures: r.U64(), CommitCertificates: r.U64(), ExecutionCertificates: r.U64(), Bytes: r.U64()}
	for range r.Count(16, GapsMax) {
		m.Gaps = append(m.Gaps, Range{ledger.Height(r.U64()), ledger.Height(r.U64())})
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("read a mark: %w", err)
	}
	o, err := ledger.ParseOutcome(outcome)
	if err != nil {
		return nil, fmt.Errorf("read a mark: %w", err)
	}
	m.Outcome = *o
	if m.First == 0 || m.Height < m.First || m.Certified > m.Height || m.Open > m.Height || m.Pruned > m.Height {
		return nil, fmt.Errorf("read a mark: %w: its heights are impossible", ledger.ErrLayout)
	}
	return m, nil
}

// ErrMark means that a mark is not of what is checked. It says nothing about the ledger.
var ErrMark = errors.New("the mark is of something else")

// Resume goes on from a mark of the same ledger. b is the block that the mark names,
// read again: it must still be that one. It may have been pruned since, and then blocks
// behind it too.
func (r *Rules) Resume(m *Mark, b *Block) (*Chain, error) {
	if m.Ledger != r.id {
		return nil, fmt.Errorf("%w: it is of ledger %s, not of %s", ErrMark, m.Ledger.Short(), r.id.Short())
	}
	k, err := r.Check(b)
	if err != nil {
		return nil, err
	}
	if k.Hash != m.Hash || b.Height != m.Height || k.Outcome != m.Outcome || k.Sum != m.Sum || k.Header.Time != m.Time {
		return nil, fmt.Errorf("%w: block %d is not the one that was checked before", ErrMark, m.Height)
	}
	c := &Chain{rules: r, mark: *m}
	if k.Pruned {
		c.mark.Pruned = m.Height
	}
	return c, nil
}
