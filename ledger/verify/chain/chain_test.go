package chain_test

import (
	"math/rand"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
	"github.com/concordat-ledger/concordat/ledger/verify/sample"
)

// made is a small ledger with its blocks.
type made struct {
	*sample.Ledger
	rules  *chain.Rules
	blocks []*sample.Block
}

// makeLedger certifies the blocks for which certify says so.
func makeLedger(t testing.TB, scheme string, blocks, txs int, certify func(ledger.Height) bool) *made {
	l, err := sample.New(rand.New(rand.NewSource(1)), scheme)
	require.NoError(t, err)
	m := &made{Ledger: l}
	m.rules, err = chain.NewRules(l.Genesis)
	require.NoError(t, err)
	for h := range ledger.Height(blocks) {
		b, err := l.Next(txs, certify(h+1))
		require.NoError(t, err)
		m.blocks = append(m.blocks, b)
	}
	return m
}

func always(ledger.Height) bool { return true }

func listing(pairs []state.Pair) chain.Record {
	return func() (key, record []byte, ok bool, err error) {
		if len(pairs) == 0 {
			return nil, nil, false, nil
		}
		p := pairs[0]
		pairs = pairs[1:]
		return p.Key, p.Value, true, nil
	}
}

// verify checks a ledger of these blocks and records.
func (m *made) verify(blocks []*sample.Block, at ledger.Height, records []state.Pair) (*chain.Summary, error) {
	c, err := m.rules.Chain(1, ledger.Hash{})
	if err != nil {
		return nil, err
	}
	for _, b := range blocks {
		if err := c.Next(&b.Block); err != nil {
			return nil, err
		}
	}
	if err := c.State(at, listing(records)); err != nil {
		return nil, err
	}
	return c.Finish()
}

func TestAWholeLedgerVerifies(t *testing.T) {
	for _, scheme := range []string{certificate.SchemeEd25519, certificate.SchemeBLS} {
		m := makeLedger(t, scheme, 20, 30, always)
		s, err := m.verify(m.blocks, 20, m.Records())
		require.NoError(t, err, scheme)
		require.Equal(t, ledger.Height(20), s.Certified)
		require.Equal(t, m.blocks[19].Hash, s.Hash)
		require.True(t, s.StateCertified)
		require.Equal(t, uint64(600), s.Counts.Transactions)
		require.Equal(t, uint64(540), s.Counts.Signatures, "one of ten is nonsense")
		require.Equal(t, uint64(len(m.Records())), s.Counts.Records)
		require.Empty(t, s.Gaps)
		require.Zero(t, s.Open)
	}
}

// A view change may fill a slot with nothing, proposed at no time.
func TestANullBlockVerifies(t *testing.T) {
	m := makeLedger(t, certificate.SchemeEd25519, 3, 2, always)
	m.Lie = func(d *sample.Draft) { d.Header.Time, d.Header.Proposed = m.time(t), 0 }
	b, err := m.Next(0, true)
	require.NoError(t, err)
	m.Lie = nil
	after, err := m.Next(2, true)
	require.NoError(t, err)
	s, err := m.verify(slices.Concat(m.blocks, []*sample.Block{b, after}), 5, m.Records())
	require.NoError(t, err)
	require.Equal(t, uint64(8), s.Counts.Transactions)
}

// time is that of the newest block.
func (m *made) time(t testing.TB) ledger.Time {
	h, err := ledger.ParseHeader(m.blocks[len(m.blocks)-1].Header)
	require.NoError(t, err)
	return h.Time
}

// The newest blocks may lack their certificate; then the state is that of the newest
// certified one, or of the newest one and said not to be certified.
func TestBlocksWithoutACertificateAreTold(t *testing.T) {
	m := makeLedger(t, certificate.SchemeEd25519, 12, 5, func(h ledger.Height) bool { return h != 4 && h != 5 && h <= 9 })
	s, err := m.verify(m.blocks, 12, m.Records())
	require.NoError(t, err)
	require.Equal(t, []chain.Range{{From: 4, To: 5}}, s.Gaps)
	require.Equal(t, uint64(2), s.GapBlocks)
	require.Equal(t, ledger.Height(10), s.Open)
	require.Equal(t, ledger.Height(9), s.Certified)
	require.False(t, s.StateCertified)
	_, err = m.verify(m.blocks, 11, m.Records())
	require.ErrorContains(t, err, "neither the newest block nor the newest that was certified")

	m = makeLedger(t, certificate.SchemeEd25519, 517, 1, func(h ledger.Height) bool { return h <= 5 })
	s, err = m.verify(m.blocks, 517, m.Records())
	require.NoError(t, err)
	require.Equal(t, ledger.Height(6), s.Open)
	last, err := m.Next(1, false)
	require.NoError(t, err)
	_, err = m.verify(append(m.blocks, last), 518, m.Records())
	require.EqualError(t, err, "block 6, execution certificate: it is missing, and so are all up to block 518: more than the 512 blocks that can be under way")
	_, err = m.verify(m.blocks[:0], 0, nil)
	require.Error(t, err)
}

// spoils say how one byte of each part is changed, and which part must be named.
var spoils = map[chain.Part]func(*sample.Block, *rapid.T) (index int){
	chain.PartHeader:    func(b *sample.Block, t *rapid.T) int { b.Header = flip(t, b.Header); return chain.Unknown },
	chain.PartCommit:    func(b *sample.Block, t *rapid.T) int { b.Commit = flip(t, b.Commit); return chain.Unknown },
	chain.PartOutcome:   func(b *sample.Block, t *rapid.T) int { b.Outcome = flip(t, b.Outcome); return chain.Unknown },
	chain.PartExecution: func(b *sample.Block, t *rapid.T) int { b.Certificate = flip(t, b.Certificate); return chain.Unknown },
	chain.PartCommands: func(b *sample.Block, t *rapid.T) int {
		copy(b.Commands[:], flip(t, b.Commands[:]))
		return chain.Unknown
	},
	chain.PartTransactions: func(b *sample.Block, t *rapid.T) int {
		i := rapid.IntRange(0, len(b.Txs)-1).Draw(t, "transaction")
		b.Txs = slices.Clone(b.Txs)
		b.Txs[i] = flip(t, b.Txs[i])
		return i
	},
	chain.PartResults: func(b *sample.Block, t *rapid.T) int {
		i := rapid.IntRange(0, len(b.Results)-1).Draw(t, "result")
		b.Results = slices.Clone(b.Results)
		b.Results[i] = flip(t, b.Results[i])
		return i
	},
}

func flip(t *rapid.T, b []byte) []byte {
	b = slices.Clone(b)
	at := rapid.IntRange(0, len(b)-1).Draw(t, "byte")
	b[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
	return b
}

// Whichever byte of whichever part is changed: the ledger is refused, and the block and
// the part are named. The transaction is named, or none is, but never another one.
func TestOneChangedByteIsRefusedAndItsPlaceNamed(t *testing.T) {
	m := makeLedger(t, certificate.SchemeEd25519, 6, 10, always)
	for part, spoil := range spoils {
		t.Run(string(part), func(t *testing.T) {
			named := 0
			rapid.Check(t, func(t *rapid.T) {
				h := rapid.IntRange(1, len(m.blocks)).Draw(t, "height")
				forged := *m.blocks[h-1]
				index := spoil(&forged, t)
				blocks := slices.Clone(m.blocks)
				blocks[h-1] = &forged
				_, err := m.verify(blocks, 6, m.Records())
				var f *chain.Fault
				require.ErrorAs(t, err, &f)
				require.Equal(t, part, f.Part, "%v", err)
				m.sameTogether(t, blocks, h, part, err)
				require.Equal(t, ledger.Height(h), f.Height, "%v", err)
				require.Contains(t, []int{chain.Unknown, index}, f.Index)
				if f.Index != chain.Unknown {
					named++
				}
			})
			if part == chain.PartTransactions || part == chain.PartResults {
				require.Positive(t, named)
			}
		})
	}
}

// sameTogether demands of blocks that are checked together what is found one by one.
func (m *made) sameTogether(t *rapid.T, blocks []*sample.Block, h int, part chain.Part, alone error) {
	var all []*chain.Block
	for _, b := range blocks {
		all = append(all, &b.Block)
	}
	good, err := m.rules.CheckAll(rand.New(rand.NewSource(int64(h))), all)
	if part == chain.PartCommands || part == chain.PartHeader {
		return // what only the chain can tell
	}
	require.Len(t, good, h-1)
	require.EqualError(t, err, alone.Error())
}

func TestBlocksThatHoldDoSoTogether(t *testing.T) {
	m := makeLedger(t, certificate.SchemeEd25519, 9, 3, func(h ledger.Height) bool { return h != 4 })
	var all []*chain.Block
	for _, b := range m.blocks {
		all = append(all, &b.Block)
	}
	for _, n := range []int{0, 1, 2, 9} {
		good, err := m.rules.CheckAll(rand.New(rand.NewSource(1)), all[:n])
		require.NoError(t, err)
		require.Len(t, good, n)
		for i, k := range good {
			alone, err := m.rules.Check(all[i])
			require.NoError(t, err)
			require.Equal(t, alone, k)
		}
	}
}

func TestAChangedRecordIsRefused(t *testing.T) {
	m := makeLedger(t, certificate.SchemeEd25519, 3, 10, always)
	rapid.Check(t, func(t *rapid.T) {
		records := m.Records()
		i := rapid.IntRange(0, len(records)-1).Draw(t, "record")
		if rapid.Bool().Draw(t, "key") {
			records[i].Key = flip(t, records[i].Key)
		} else {
			records[i].Value = flip(t, records[i].Value)
		}
		_, err := m.verify(m.blocks, 3, records)
		var f *chain.Fault
		require.ErrorAs(t, err, &f)
		require.Equal(t, chain.PartRecord, f.Part)
		require.Equal(t, ledger.Height(3), f.Height)
	})
	records := m.Records()
	stale := state.Pair{Key: records[4].Key, Value: state.EncodeRecord(nil, state.Provenance{}, []byte("stale"))}
	_, err := m.verify(m.blocks, 3, slices.Insert(records, 4, stale))
	require.ErrorContains(t, err, `record "`+string(stale.Key)+`": it does not stand in its order, or comes twice`)
	_, err = m.verify(m.blocks, 3, m.Records()[1:])
	require.ErrorContains(t, err, "they give the state root")
}

// Blocks cannot be left out, exchanged or taken from another ledger.
func TestBlocksAreAChain(t *testing.T) {
	m := makeLedger(t, certificate.SchemeEd25519, 6, 3, always)
	refused := func(blocks []*sample.Block, want string) {
		t.Helper()
		_, err := m.verify(blocks, 6, m.Records())
		require.True(t, chain.IsFault(err))
		require.ErrorContains(t, err, want)
	}
	b := m.blocks
	refused(slices.Concat(b[:2], b[3:]), "block 3, block: it is missing, block 4 stands in its place")
	refused(b[1:], "block 1, block: it is missing")
	refused(slices.Concat(b[:3], b[2:]), "block 4, block: it is missing, block 3 stands in its place")
	refused(b[:5], "records")
	renumbered := *b[4]
	renumbered.Height = 4
	refused(slices.Concat(b[:3], []*sample.Block{&renumbered}), "block 4, header: it is of block 5")
	other := makeLedger(t, certificate.SchemeBLS, 6, 3, always)
	refused(slices.Concat(b[:3], other.blocks[3:]), "block 4, header: it is of ledger")
	err := m.rules.SameGenesis(other.Genesis)
	require.True(t, chain.IsFault(err))
	require.NoError(t, m.rules.SameGenesis(m.Genesis))
}

// A check that goes on from a mark ends like one that was never interrupted.
func TestACheckGoesOnFromItsMark(t *testing.T) {
	m := makeLedger(t, certificate.SchemeEd25519, 10, 3, func(h ledger.Height) bool { return h != 3 })
	want, err := m.verify(m.blocks, 10, m.Records())
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		upto := rapid.IntRange(1, 10).Draw(t, "blocks")
		c, err := m.rules.Chain(1, ledger.Hash{})
		require.NoError(t, err)
		for _, b := range m.blocks[:upto] {
			require.NoError(t, c.Next(&b.Block))
		}
		mark := c.Mark()
		kept, err := chain.ParseMark(mark.Marshal())
		require.NoError(t, err)
		require.Equal(t, &mark, kept)
		other := *m.blocks[upto-1]
		other.Txs = slices.Clone(other.Txs)
		other.Txs[0] = append(slices.Clone(other.Txs[0]), 0)
		_, err = m.rules.Resume(kept, &other.Block)
		require.Error(t, err)
		if upto > 1 {
			_, err = m.rules.Resume(kept, &m.blocks[upto-2].Block)
			require.ErrorIs(t, err, chain.ErrMark)
			require.ErrorContains(t, err, "not the one that was checked before")
			require.False(t, chain.IsFault(err), "it is no fault of the ledger")
		}
		c, err = m.rules.Resume(kept, &m.blocks[upto-1].Block)
		require.NoError(t, err)
		for _, b := range m.blocks[upto:] {
			require.NoError(t, c.Next(&b.Block))
		}
		require.NoError(t, c.State(10, listing(m.Records())))
		got, err := c.Finish()
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

// What was checked may be pruned before the check goes on: up to the mark, and behind it.
func TestACheckGoesOnWhereBlocksWerePrunedSince(t *testing.T) {
	m := makeLedger(t, certificate.SchemeEd25519, 8, 2, always)
	for _, n := range []int{3, 4, 5, 7, 8} {
		c, err := m.rules.Chain(1, ledger.Hash{})
		require.NoError(t, err)
		for _, b := range m.blocks[:4] {
			require.NoError(t, c.Next(&b.Block))
		}
		mark, now := c.Mark(), m.pruned(n)
		c, err = m.rules.Resume(&mark, &now[3].Block)
		require.NoError(t, err)
		for _, b := range now[4:] {
			require.NoError(t, c.Next(&b.Block), "%d blocks are pruned", n)
		}
		require.NoError(t, c.State(8, listing(m.Records())))
		s, err := c.Finish()
		require.NoError(t, err)
		if n >= 4 {
			require.Equal(t, ledger.Height(n), s.Pruned)
		}
	}
}

func FuzzParseMark(f *testing.F) {
	m := makeLedger(f, certificate.SchemeEd25519, 1, 1, always)
	c, err := m.rules.Chain(1, ledger.Hash{})
	require.NoError(f, err)
	require.NoError(f, c.Next(&m.blocks[0].Block))
	mark := c.Mark()
	f.Add(mark.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := chain.ParseMark(b); err == nil {
			require.Equal(t, b, m.Marshal())
		}
	})
}
