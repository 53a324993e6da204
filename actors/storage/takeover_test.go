package storage

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
)

func TestFilesThatACrashLeftEmptyAreNoObstacle(t *testing.T) {
	dir := t.TempDir()
	opt := Options{Ledger: ledger.ID{1}, MemTableBytes: 8 << 20}
	s, err := Open(dir, opt)
	require.NoError(t, err)
	require.NoError(t, s.Commit(partsBlock(1, 1)))
	want := stateAt(t, s, 1)
	require.NoError(t, s.Close())
	for _, name := range []string{"00001.mem", "00090.mem", "000090.vlog"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "badger", name), nil, 0o600))
		s, err = Open(dir, opt)
		require.NoError(t, err)
		require.Equal(t, want, stateAt(t, s, 1))
		require.NoError(t, s.Close())
	}
}

func TestALogOfLargerMemtablesIsTakenOver(t *testing.T) {
	dir, crashed := t.TempDir(), t.TempDir()
	s, err := Open(dir, Options{Ledger: ledger.ID{1}, MemTableBytes: 32 << 20})
	require.NoError(t, err)
	for h := ledger.Height(1); h <= 6; h++ {
		require.NoError(t, s.Commit(partsBlock(h, byte(h))))
	}
	require.NoError(t, os.CopyFS(crashed, os.DirFS(dir))) // as a crash leaves it: the log not yet in tables
	want := stateAt(t, s, 6)
	require.NoError(t, s.Close())
	for range 2 {
		s, err = Open(crashed, Options{Ledger: ledger.ID{1}, MemTableBytes: 8 << 20})
		require.NoError(t, err)
		require.Equal(t, want, stateAt(t, s, 6))
		require.Equal(t, int64(8<<20), s.db.Opts().MemTableSize)
		require.NoError(t, s.Close())
	}
}
