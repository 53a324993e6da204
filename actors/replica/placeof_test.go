package replica

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
)

// A transaction that a client node gives out again stands in a second block, as a
// duplicate of itself. Whoever asks for it is shown what happened, in the first.
func TestATransactionStandsWhereItWasExecuted(t *testing.T) {
	s := newShelf(t)
	again, other := ledger.Hash{1}, ledger.Hash{2}
	commit := func(results ...*ledger.Result) {
		tip, _ := s.lookups.Tip()
		b := &storage.BlockCommit{Height: tip + 1}
		for _, r := range results {
			b.Txs, b.Results, b.TxIDs = append(b.Txs, []byte("tx")), append(b.Results, r.Marshal()), append(b.TxIDs, r.TxID)
		}
		header := ledger.Header{Ledger: s.id, Height: b.Height, Parent: s.parent}
		b.BlockHash, b.Header, b.Outcome = header.Hash(), header.Marshal(), (&ledger.Outcome{}).Marshal()
		s.parent = b.BlockHash
		require.NoError(t, s.lookups.Store.Commit(b))
	}
	first := ledger.Place{Height: 1, Index: 1}
	commit(&ledger.Result{TxID: ledger.Hash{9}}, &ledger.Result{TxID: again})
	commit(&ledger.Result{TxID: again, Status: ledger.StatusDuplicate, First: first})
	commit(&ledger.Result{TxID: again, Status: ledger.StatusDuplicate, First: first}, &ledger.Result{TxID: other, Status: ledger.StatusDuplicate, First: first})
	at, found, err := s.lookups.PlaceOf(again)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, first, at)
	at, _, err = s.lookups.PlaceOf(other) // another transaction of the same command: its place is its own
	require.NoError(t, err)
	require.Equal(t, ledger.Place{Height: 3, Index: 1}, at)
}
