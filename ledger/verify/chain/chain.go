package chain

import (
	"github.com/concordat-ledger/concordat/ledger"
)

// Links checks that headers follow one another. Its zero value begins nowhere; use
// Chain.Links.
type Links struct {
	rules  *Rules
	next   ledger.Height
	parent ledger.Hash // hash of the header before, or zero when it is not known
	time   ledger.Time
}

// Next checks that b is the next block: its height, its parent, its time.
func (l *Links) Next(b *Block) error {
	if b.Height != l.next {
		return NewFault(l.next, PartBlock, "it is missing, block %d stands in its place", b.Height)
	}
	h, err := l.rules.header(b)
	switch {
	case err != nil:
		return err
	case !l.parent.IsZero() && h.Parent != l.parent:
		return NewFault(b.Height, PartHeader, "its parent is %s, the block before is %s", h.Parent.Short(), l.parent.Short())
	case !l.parent.IsZero() && h.Time != ledger.BlockTime(l.time, h.Proposed):
		return NewFault(b.Height, PartHeader, "its time is neither the proposed one nor its parent's")
	case h.Time < h.Proposed:
		return NewFault(b.Height, PartHeader, "its time is before the proposed one")
	}
	l.next, l.parent, l.time = h.Height+1, h.Hash(), h.Time
	return nil
}

// Range is a run of blocks.
type Range struct{ From, To ledger.Height }

// GapsMax is how many gaps are remembered one by one; more are only counted.
const GapsMax = 64

// Chain puts checked blocks together. It is not safe for concurrent use.
type Chain struct {
	rules *Rules
	mark  Mark
	state *records // once they were checked
}

// records are those of the state that was checked.
type records struct {
	height ledger.Height
	root   ledger.Hash
	counts Counts
}

// Chain begins at a height, 1 but for a ledger whose first blocks are not there:
// then before is the digest of the commands up to the block before, which nothing
// here can prove.
func (r *Rules) Chain(first ledger.Height, before ledger.Hash) (*Chain, error) {
	if first == 0 || first == 1 && !before.IsZero() {
		return nil, NewFault(first, PartBlock, "no ledger begins with it")
	}
	return &Chain{rules: r, mark: Mark{Ledger: r.id, First: first, Height: first - 1, Sum: before}}, nil
}

// Links looks at the headers of the blocks that come next.
func (c *Chain) Links() *Links {
	l := &Links{rules: c.rules, next: c.mark.Height + 1, parent: c.mark.Hash, time: c.mark.Time}
	if l.next == 1 {
		l.parent = c.rules.id
	}
	return l
}

// Next checks a block and adds it, for those who do one after the other.
func (c *Chain) Next(b *Block) error {
	if err := c.Links().Next(b); err != nil {
		return err
	}
	k, err := c.rules.Check(b)
	if err != nil {
		return err
	}
	return c.Add(k)
}

// Add takes the next block, which Links and Check have passed.
func (c *Chain) Add(k *Checked) error {
	h, m := k.Header.Height, &c.mark
	if h != m.Height+1 {
		return NewFault(m.Height+1, PartBlock, "it is missing, block %d stands in its place", h)
	}
	switch {
	case k.Pruned && m.Pruned != m.Height && m.Height >= m.First:
		return NewFault(h, PartBlock, "its contents are not here, though older blocks have theirs")
	case k.Pruned:
		m.Pruned = h
	case ledger.CommandsDigest(m.Sum, h, k.Header.Time, k.commands) != k.Sum:
		return NewFault(h, PartCommands, "it does not follow from the block's commands and the digest before")
	}
	m.Height, m.Hash, m.Time, m.Sum, m.Outcome = h, k.Hash, k.Header.Time, k.Sum, k.Outcome
	m.Counts.add(k.Counts)
	if !k.Certified {
		if m.Open == 0 {
			m.Open = h
		}
		return nil
	}
	if m.Open != 0 {
		if m.GapBlocks += uint64(h - m.Open); len(m.Gaps) < GapsMax {
			m.Gaps = append(m.Gaps, Range{m.Open, h - 1})
		}
		m.Open = 0
	}
	m.Certified, m.CertifiedRoot = h, k.Outcome.StateRoot
	return nil
}

// Summary is what holds of a ledger that was checked to its end.
type Summary struct {
	Mark
	StateHeight    ledger.Height // of the records
	StateRoot      ledger.Hash
	StateCertified bool // the root is one that was certified
}

// openMax is how many of the newest blocks may lack their certificate. Collectors care for
// those of four windows, and a replica that catches up has fetched up to 256 blocks
// before their certificates are kept; twice that leaves room for how a crash falls.
func (r *Rules) openMax() ledger.Height {
	return ledger.Height(max(8*r.genesis.Limits.Window, 512)) // #nosec G115 -- positive
}

// Finish ends the check. The records must have been checked before.
func (c *Chain) Finish() (*Summary, error) {
	m := &c.mark
	switch {
	case m.Height < m.First:
		return nil, NewFault(m.First, PartBlock, "it is missing: the ledger has no block at all")
	case m.Open != 0 && m.Height-m.Open >= c.rules.openMax():
		return nil, NewFault(m.Open, PartExecution, "it is missing, and so are all up to block %d: more than the %d blocks that can be under way",
			m.Height, c.rules.openMax())
	case c.state == nil:
		return nil, NewFault(m.Height, PartRecord, "they are missing")
	}
	s := &Summary{Mark: *m, StateHeight: c.state.height, StateRoot: c.state.root, StateCertified: c.state.height == m.Certified}
	s.Counts.add(c.state.counts)
	return s, nil
}

// Mark is how far the check has come.
func (c *Chain) Mark() Mark { return c.mark }
