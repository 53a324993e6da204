package storage_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
)

// contents are all files below a folder.
func contents(t *testing.T, dir string) map[string]string {
	out := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		out[path] = string(raw)
		return err
	}))
	return out
}

func TestAReaderChangesNothing(t *testing.T) {
	dir := t.TempDir()
	opt := storage.Options{Ledger: ledger.ID{1}}
	_, err := storage.OpenReadOnly(dir, opt)
	require.ErrorIs(t, err, fs.ErrNotExist)
	s, err := storage.Open(dir, opt)
	require.NoError(t, err)
	for h := range ledger.Height(5) {
		require.NoError(t, s.Commit(block(h+1, 50)))
	}
	_, err = storage.OpenReadOnly(dir, opt)
	var locked *storage.LockedError
	require.ErrorAs(t, err, &locked)
	require.Equal(t, os.Getpid(), locked.PID)
	require.NoError(t, s.Close())

	before := contents(t, dir)
	r, err := storage.OpenReadOnly(dir, opt)
	require.NoError(t, err)
	second, err := storage.OpenReadOnly(dir, opt)
	require.NoError(t, err, "readers do not exclude each other")
	require.NoError(t, second.Close())
	_, err = storage.Open(dir, opt)
	require.ErrorAs(t, err, &locked, "but they keep a writer out")
	tip, _ := r.Tip()
	require.Equal(t, ledger.Height(5), tip)
	for h := range tip {
		got, err := r.Block(h + 1)
		require.NoError(t, err)
		require.Equal(t, block(h+1, 50).Txs, got.Txs)
	}
	n := 0
	require.NoError(t, r.Each(tip, func(_, _ []byte) error { n++; return nil }))
	require.Equal(t, 300, n)
	require.ErrorIs(t, r.Commit(block(6, 1)), storage.ErrFailed)
	require.ErrorIs(t, r.PutCertificate(5, []byte{1}), storage.ErrFailed)
	require.NoError(t, r.Close())
	require.Equal(t, before, contents(t, dir))

	_, err = storage.OpenReadOnly(dir, storage.Options{Ledger: ledger.ID{2}})
	var foreign *storage.ForeignError
	require.ErrorAs(t, err, &foreign)
}

// What a crash leaves is not read without Badger writing first; that is said.
func TestAStoreThatWasNotClosedIsNotReadOnly(t *testing.T) {
	dir, crashed := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	opt := storage.Options{Ledger: ledger.ID{1}, Sync: true}
	s, err := storage.Open(dir, opt)
	require.NoError(t, err)
	require.NoError(t, s.Commit(block(1, 5)))
	require.NoError(t, os.CopyFS(crashed, os.DirFS(dir)))
	require.NoError(t, s.Close())
	_, err = storage.OpenReadOnly(crashed, opt)
	require.ErrorIs(t, err, storage.ErrUnclean)
	s, err = storage.Open(crashed, opt)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	s, err = storage.OpenReadOnly(crashed, opt)
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

// A byte that changed on the disk is told with the piece that it belongs to.
func TestDamageOnTheDiskIsNamed(t *testing.T) {
	b := block(1, 3)
	b.Header, b.Results[1] = []byte("header of block one"), bytes.Repeat([]byte("result"), 9)
	b.Changes[2] = storage.Change{Key: []byte("some/key"), Value: []byte("a value that is found")}
	for _, c := range []struct {
		bytes []byte
		want  storage.Piece
		key   string
	}{
		{b.Header, storage.PieceBlock, ""},
		{b.Txs[1], storage.PieceTransactions, ""},
		{b.Results[1], storage.PieceResults, ""},
		{[]byte("a certificate of one"), storage.PieceCertificate, ""},
		{b.Changes[2].Value, storage.PieceRecord, "some/key"},
	} {
		dir := t.TempDir()
		opt := storage.Options{Ledger: ledger.ID{1}}
		s, err := storage.Open(dir, opt)
		require.NoError(t, err)
		require.NoError(t, s.Commit(b))
		for h := range ledger.Height(100) { // Open itself looks at the newest blocks only
			require.NoError(t, s.Commit(block(h+2, 0)))
		}
		require.NoError(t, s.PutCertificate(1, []byte("a certificate of one")))
		require.NoError(t, s.Close())
		spoil(t, dir, c.bytes)
		s, err = storage.OpenReadOnly(dir, opt)
		require.NoError(t, err)
		_, err = s.Block(1)
		if err == nil {
			_, _, err = s.Certificate(1)
		}
		if err == nil {
			err = s.Each(1, func(_, _ []byte) error { return nil })
		}
		var corrupt *storage.CorruptError
		require.ErrorAs(t, err, &corrupt, c.want)
		piece, h, key := corrupt.Piece()
		require.Equal(t, c.want, piece)
		require.Equal(t, ledger.Height(1), h)
		require.Equal(t, c.key, string(key))
		require.NoError(t, s.Close())
	}
}

// spoil changes one byte of what stands in one of the store's tables.
func spoil(t *testing.T, dir string, what []byte) {
	tables, err := filepath.Glob(filepath.Join(dir, "badger", "*.sst"))
	require.NoError(t, err)
	found := 0
	for _, table := range tables {
		raw, err := os.ReadFile(table)
		require.NoError(t, err)
		if at := bytes.Index(raw, what); at >= 0 {
			found++
			raw[at+len(what)/2] ^= 1
			require.NoError(t, os.WriteFile(table, raw, 0o600))
		}
	}
	require.Equal(t, 1, found)
}
