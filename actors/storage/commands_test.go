package storage

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
)

// A sweep walks the window while blocks go in: what it saw expire may have been
// used again by the time it is deleted.
func TestACommandUsedAgainDuringASweepStays(t *testing.T) {
	s, err := Open(t.TempDir(), Options{Ledger: ledger.ID{1}, MemTableBytes: 8 << 20})
	require.NoError(t, err)
	again, gone := ledger.Hash{1}, ledger.Hash{2}
	first := []Command{{Key: again, Height: 1, Expires: 1}, {Key: gone, Height: 1, Expires: 1}}
	require.NoError(t, s.Commit(&BlockCommit{Height: 1, BlockHash: ledger.Hash{1}, Commands: first}))
	reused := Command{Key: again, Height: 2, Index: 3, Expires: 9}
	require.NoError(t, s.Commit(&BlockCommit{Height: 2, BlockHash: ledger.Hash{2}, Commands: []Command{reused}}))
	require.NoError(t, s.drop(first))
	got, found, err := s.LocateCommand(again)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, reused, got)
	_, found, err = s.LocateCommand(gone)
	require.NoError(t, err)
	require.False(t, found)
	require.NoError(t, s.Close())
}
