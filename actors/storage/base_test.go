package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/snapshot"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/reference"
)

var baseOptions = storage.Options{Ledger: ledger.ID{1}, MemTableBytes: 8 << 20}

// source is a store of twelve blocks that set, change and delete records.
func source(t *testing.T) *storage.Store {
	s, err := storage.Open(t.TempDir(), baseOptions)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	for h := ledger.Height(1); h <= 12; h++ {
		require.NoError(t, s.Commit(baseBlock(h)))
	}
	return s
}

func baseBlock(h ledger.Height) *storage.BlockCommit {
	n := 40
	if h == 5 {
		n = 8000 // several of Badger's transactions
	}
	b := block(h, n)
	b.Changes = nil
	b.CommandsSum, b.CommandsBefore = ledger.Hash{byte(h), 9}, ledger.Hash{byte(h - 1), 9}
	if h == 1 {
		b.CommandsBefore = ledger.Hash{}
	}
	for i := range 600 {
		c := storage.Change{Key: fmt.Appendf(nil, "key-%d", (i*7+int(h)*131)%2500), Value: state.EncodeRecord(nil, state.Provenance{Height: h}, bytes.Repeat([]byte{byte(h)}, 460))} // #nosec G115 -- small
		c.Delete = i%9 == 0
		b.Changes = append(b.Changes, c)
		b.Places = append(b.Places, state.Place(nil, c.Key))
	}
	return b
}

// records are what the store has of the state at a height.
func records(t *testing.T, s *storage.Store, at ledger.Height) map[string]string {
	out := map[string]string{}
	require.NoError(t, s.Each(at, func(k, v []byte) error { out[string(k)] = string(v); return nil }))
	return out
}

func TestWhatIsServedIsTheStateOfItsHeight(t *testing.T) {
	s := source(t)
	for _, at := range []ledger.Height{1, 8, 12} {
		f, err := s.Serve(at)
		require.NoError(t, err)
		want, got := records(t, s, at), map[string]string{}
		placed := map[string][]byte{}
		parts := f.Outline().Parts()
		for i, p := range parts {
			raw, total, err := f.Part(i, 0, 1000)
			require.NoError(t, err)
			raw = bytes.Clone(raw)
			for int64(len(raw)) < total {
				more, _, err := f.Part(i, int64(len(raw)), 50_000)
				require.NoError(t, err)
				raw = append(raw, more...)
			}
			pairs, err := snapshot.CheckPart(p, raw)
			require.NoError(t, err)
			for _, p := range pairs {
				got[string(p.Key)] = string(p.Value)
				placed[string(state.Place(nil, p.Key))] = p.Value
			}
		}
		require.Equal(t, want, got)
		root, err := f.Outline().Root()
		require.NoError(t, err)
		require.Equal(t, reference.Root(placed), [32]byte(root))
		require.Equal(t, at > 1, len(parts) > 2, "%d parts", len(parts))
		_, _, err = f.Part(len(parts), 0, 1)
		require.ErrorIs(t, err, storage.ErrNotFound)
		_, _, err = f.Part(0, 1<<40, 1)
		require.ErrorIs(t, err, storage.ErrNotFound)
		require.NoError(t, f.Close())
	}
	_, err := s.Serve(13)
	require.ErrorIs(t, err, storage.ErrAhead)
}

// What is served stays until it is closed.
func TestAServedHeightIsNotPruned(t *testing.T) {
	s := source(t)
	f, err := s.Serve(4)
	require.NoError(t, err)
	require.NoError(t, s.Prune(9))
	_, _, err = s.Get([]byte("key-1"), 4)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoError(t, s.Prune(9))
	_, _, err = s.Get([]byte("key-1"), 4)
	require.ErrorIs(t, err, storage.ErrPruned)
}

// install makes a store that begins with block 8.
func install(t *testing.T, from *storage.Store, dir string) {
	want := records(t, from, 8)
	require.NoError(t, storage.Install(dir, baseOptions, baseBlock(8), []byte("certificate"), func(emit func(k, v []byte) error) error {
		for _, k := range slices.Sorted(maps.Keys(want)) {
			if err := emit([]byte(k), []byte(want[k])); err != nil {
				return err
			}
		}
		return nil
	}))
}

func TestAnInstalledSnapshotGoesOnLikeTheStoreItCameFrom(t *testing.T) {
	from := source(t)
	dir := filepath.Join(t.TempDir(), "store")
	install(t, from, dir)
	s, err := storage.Open(dir, baseOptions)
	require.NoError(t, err)
	tip, hash := s.Tip()
	require.Equal(t, ledger.Height(8), tip)
	require.Equal(t, baseBlock(8).BlockHash, hash)
	require.Equal(t, ledger.Height(8), s.Base())
	cert, ok, err := s.Certificate(8)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "certificate", string(cert))
	_, err = s.Block(7)
	require.ErrorIs(t, err, storage.ErrNotHeld)
	_, _, err = s.Get([]byte("key-1"), 7)
	require.ErrorIs(t, err, storage.ErrPruned)
	require.Error(t, s.PutCertificate(7, cert))
	for h := ledger.Height(9); h <= 12; h++ {
		require.NoError(t, s.Commit(baseBlock(h)))
	}
	for h := ledger.Height(8); h <= 12; h++ {
		require.Equal(t, records(t, from, h), records(t, s, h), "state of height %d", h)
	}
	require.ErrorIs(t, s.PutOlder(baseBlock(6), nil), storage.ErrOutOfOrder)
	for h := ledger.Height(7); h >= 1; h-- {
		require.NoError(t, s.PutOlder(baseBlock(h), []byte{byte(h)}))
		require.Equal(t, h, s.Base())
		require.NoError(t, s.Close())
		s, err = storage.Open(dir, baseOptions)
		require.NoError(t, err)
		require.Equal(t, h, s.Base())
		before, err := s.CommandsBefore(h)
		require.NoError(t, err)
		require.Equal(t, baseBlock(h).CommandsBefore, before)
	}
	require.ErrorIs(t, s.PutOlder(baseBlock(0), nil), storage.ErrOutOfOrder)
	for h := ledger.Height(1); h <= 12; h++ {
		want, err := from.Block(h)
		require.NoError(t, err)
		got, err := s.Block(h)
		require.NoError(t, err)
		require.Equal(t, want, got)
		at, i, found, err := s.LocateTx(baseBlock(h).TxIDs[7])
		require.NoError(t, err)
		require.Equal(t, [3]any{h, uint32(7), true}, [3]any{at, i, found})
	}
	require.NoError(t, s.Close())
}

func TestAnInstallationThatFailsLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fresh")
	broken := errors.New("broken")
	err := storage.Install(dir, baseOptions, baseBlock(8), nil, func(emit func(k, v []byte) error) error {
		if err := emit([]byte("k"), state.EncodeRecord(nil, state.Provenance{}, nil)); err != nil {
			return err
		}
		return broken
	})
	require.ErrorIs(t, err, broken)
	require.NoDirExists(t, dir)
	install(t, source(t), dir) // over what was left
	s, err := storage.Open(dir, baseOptions)
	require.NoError(t, err)
	require.NotContains(t, records(t, s, 8), "k")
	require.NoError(t, s.Close())
}

// Wherever taking over an installed store is cut off, the next start completes it.
func TestReplaceIsCompletedAfterACrash(t *testing.T) {
	mark := func(dir, text string) {
		require.NoError(t, os.MkdirAll(dir, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "mark"), []byte(text), 0o600))
	}
	for name, prepare := range map[string]func(dir, fresh string){
		"before":                      func(dir, fresh string) { mark(dir, "old"); mark(fresh, "new") },
		"the store is moved away":     func(dir, fresh string) { mark(dir+".old", "old"); mark(fresh, "new") },
		"the new one is in its place": func(dir, _ string) { mark(dir+".old", "old"); mark(dir, "new") },
		"there was none":              func(_, fresh string) { mark(fresh, "new") },
		"twice":                       func(dir, fresh string) { mark(dir+".old", "older"); mark(dir, "old"); mark(fresh, "new") },
		"nothing to do":               func(dir, _ string) { mark(dir, "new") },
	} {
		dir := filepath.Join(t.TempDir(), "store")
		prepare(dir, dir+".fresh")
		require.NoError(t, storage.Replace(dir, dir+".fresh"), name)
		text, err := os.ReadFile(filepath.Join(dir, "mark"))
		require.NoError(t, err, name)
		require.Equal(t, "new", string(text), name)
		require.NoDirExists(t, dir+".old", name)
		require.NoDirExists(t, dir+".fresh", name)
	}
}
