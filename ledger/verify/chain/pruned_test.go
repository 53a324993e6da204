package chain_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
	"github.com/concordat-ledger/concordat/ledger/verify/sample"
)

// pruned are the blocks of which the first n have lost their contents.
func (m *made) pruned(n int) []*sample.Block {
	out := slices.Clone(m.blocks)
	for i := range n {
		b := *out[i]
		b.Txs, b.Results, b.Pruned = nil, nil, true
		out[i] = &b
	}
	return out
}

func TestAPrunedLedgerVerifiesAndSaysSo(t *testing.T) {
	m := makeLedger(t, certificate.SchemeEd25519, 8, 5, always)
	for _, n := range []int{1, 5, 8} {
		s, err := m.verify(m.pruned(n), 8, m.Records())
		require.NoError(t, err)
		require.Equal(t, ledger.Height(n), s.Pruned)
		require.Equal(t, uint64(8-n)*5, s.Counts.Transactions)
		require.Equal(t, uint64(8), s.Counts.CommitCertificates)
		mark, err := chain.ParseMark(s.Marshal())
		require.NoError(t, err)
		require.Equal(t, s.Pruned, mark.Pruned)
	}
	_, err := m.verify(slices.Concat(m.blocks[:2], m.pruned(4)[2:]), 8, m.Records())
	require.ErrorContains(t, err, "block 3, block: its contents are not here, though older blocks have theirs")
	forged := m.pruned(3)
	forged[2].Txs = m.blocks[2].Txs
	_, err = m.verify(forged, 8, m.Records())
	require.ErrorContains(t, err, "block 3, block: it is said to be pruned and has contents")
}

// What stays of a pruned block is as safe as it was.
func TestOneChangedByteOfAPrunedBlockIsRefused(t *testing.T) {
	m := makeLedger(t, certificate.SchemeEd25519, 6, 5, always)
	rapid.Check(t, func(t *rapid.T) {
		blocks := m.pruned(4)
		h := rapid.IntRange(1, 4).Draw(t, "height")
		part := rapid.SampledFrom([]chain.Part{chain.PartHeader, chain.PartCommit, chain.PartOutcome, chain.PartExecution}).Draw(t, "part")
		forged := *blocks[h-1]
		spoils[part](&forged, t)
		blocks[h-1] = &forged
		_, err := m.verify(blocks, 6, m.Records())
		var f *chain.Fault
		require.ErrorAs(t, err, &f)
		require.Equal(t, ledger.Height(h), f.Height, "%v", err)
	})
}
