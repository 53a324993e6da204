//go:build !race

// One goroutine, and much memory: nothing for the race detector.

package storage_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

func TestLargeTransactionsAreReadBackWhereverTheyStand(t *testing.T) {
	const largest = ledger.EnvelopeBytesMax
	for _, mem := range []int64{8 << 20, 0} {
		dir := t.TempDir()
		opt := storage.Options{Ledger: ledger.ID{1}, Sync: true, MemTableBytes: mem}
		blocks := []*storage.BlockCommit{
			sized(1, module),
			sized(2, module, 300, 300),
			sized(3, 300, module, 0, 300),
			sized(4, 300, 40_000, 40_000, module),
			sized(5, largest),
			sized(6, largest, 300, 1<<20-1000),
			sized(7, 300, largest, 300),
			sized(8, 1<<20-1000, 0, largest),
			sized(9, module, module, module, 300, 70_000, 70_000),
			sized(10, 60<<10, 60<<10-8, 60<<10-9, 256<<10, 256<<10-8, 256<<10-9, 512<<10-8),
		}
		blocks[0].Changes = moduleChanges(module, 1)
		blocks[4].Changes = moduleChanges(largest, 2)
		s, err := storage.Open(dir, opt)
		require.NoError(t, err)
		require.NoError(t, s.Commit(blocks[0]))
		require.NoError(t, s.CommitGroup(blocks[1:]))
		for range 2 {
			for _, b := range blocks {
				requireBlock(t, s, b)
			}
			_, err = s.Tx(7, 3)
			require.ErrorIs(t, err, storage.ErrNotFound)
			require.NoError(t, s.Close())
			s, err = storage.Open(dir, opt)
			require.NoError(t, err)
		}
		require.NoError(t, s.Verify())
		require.NoError(t, s.Close())
	}
}

func TestTheLargestBlockIsStored(t *testing.T) {
	for _, mem := range []int64{8 << 20, 0} {
		dir := t.TempDir()
		opt := storage.Options{Ledger: ledger.ID{1}, MemTableBytes: mem}
		s, err := storage.Open(dir, opt)
		require.NoError(t, err)
		blocks := []*storage.BlockCommit{full(1, state.ValueBytesMax), full(2, 300), full(3, state.ValueBytesMax)}
		for _, b := range blocks {
			require.NoError(t, s.Commit(b))
		}
		require.NoError(t, s.Close())
		s, err = storage.Open(dir, opt)
		require.NoError(t, err)
		requireBlock(t, s, blocks[0])
		blocks[1].Changes = blocks[1].Changes[:2000]
		requireBlock(t, s, blocks[1])
		requireBlock(t, s, blocks[2])
		require.NoError(t, s.Close())
	}
}
