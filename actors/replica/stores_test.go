package replica

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/retention"
)

// stored makes a store of so many blocks in a folder.
func stored(t *testing.T, r *instance, folder string, blocks ledger.Height) {
	s, err := storage.Open(filepath.Join(r.cfg.DataDir, folder), r.storeOptions())
	require.NoError(t, err)
	for h := ledger.Height(1); h <= blocks; h++ {
		require.NoError(t, s.Commit(&storage.BlockCommit{Height: h, BlockHash: ledger.Hash{byte(h), 1}}))
	}
	require.NoError(t, s.Close())
}

func tipIn(t *testing.T, r *instance, folder string) ledger.Height {
	tip, err := tipOf(filepath.Join(r.cfg.DataDir, folder), r.storeOptions())
	require.NoError(t, err)
	return tip
}

// An archive that was away takes a snapshot; what it has of the past may be nobody else's.
// It goes when all of it is in the new store.
func TestWhoKeepsEverythingKeepsTheStoreThatASnapshotReplaces(t *testing.T) {
	r := &instance{cfg: Config{DataDir: t.TempDir(), FreeBytesMin: 1, Logger: slog.New(slog.DiscardHandler)}, id: ledger.ID{3}}
	stored(t, r, storeDir, 4)
	stored(t, r, freshDir, 9)
	require.NoError(t, r.replaceStore())
	require.Equal(t, [2]ledger.Height{9, 4}, [2]ledger.Height{tipIn(t, r, storeDir), tipIn(t, r, beforeDir)})
	stored(t, r, freshDir, 12) // another one, before the past was fetched
	require.NoError(t, r.replaceStore())
	require.Equal(t, [2]ledger.Height{12, 4}, [2]ledger.Height{tipIn(t, r, storeDir), tipIn(t, r, beforeDir)})

	var err error
	r.store, err = storage.Open(filepath.Join(r.cfg.DataDir, storeDir), r.storeOptions())
	require.NoError(t, err)
	defer func() { require.NoError(t, r.store.Close()) }()
	r.dropPast() // it has all blocks
	_, err = os.Stat(filepath.Join(r.cfg.DataDir, beforeDir))
	require.True(t, errors.Is(err, fs.ErrNotExist))
}

// Whoever prunes needs no past.
func TestWhoPrunesReplacesItsStore(t *testing.T) {
	r := &instance{cfg: Config{DataDir: t.TempDir(), FreeBytesMin: 1, Retention: retention.Policy{Blocks: 10}, Logger: slog.New(slog.DiscardHandler)}, id: ledger.ID{3}}
	stored(t, r, storeDir, 4)
	stored(t, r, freshDir, 9)
	require.NoError(t, r.replaceStore())
	require.Equal(t, ledger.Height(9), tipIn(t, r, storeDir))
	_, err := os.Stat(filepath.Join(r.cfg.DataDir, beforeDir))
	require.True(t, errors.Is(err, fs.ErrNotExist))
}
