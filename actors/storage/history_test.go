package storage_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
)

// damageVersion flips a bit of a value where it stands in the tables, or the last one of
// its key.
func damageVersion(t *testing.T, dir string, value []byte, inKey bool) {
	done := 0
	for _, path := range storeFiles(t, dir, "badger/*.sst") {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		at := bytes.Index(raw, value)
		if at < 0 {
			continue
		}
		if inKey { // Badger writes the version behind it, as 8 bytes that begin with ones
			at = bytes.LastIndex(raw[:at], bytes.Repeat([]byte{255}, 6)) - 1
		}
		flipRange(t, path, int64(at), 1, 1)
		done++
	}
	require.NotZero(t, done)
}

// A damaged key makes Badger pass a version over, or show it as that of another key.
func TestAHistoryWithADamagedVersionIsRefusedAndTheDamageNoted(t *testing.T) {
	c := newWhole(t, 12, 2, 60)
	origin := t.TempDir()
	c.write(t, origin)
	tip := ledger.Height(len(c.blocks))
	versions := c.versions()
	for _, key := range slices.Sorted(maps.Keys(versions)) {
		want := versions[key]
		if len(want) < 3 {
			continue
		}
		for _, inKey := range []bool{false, true} {
			dir := filepath.Join(t.TempDir(), "store")
			copyAll(t, origin, dir)
			s, err := storage.Open(dir, baseOptions)
			require.NoError(t, err)
			s.BelieveNothing()
			damageVersion(t, dir, want[1].Value, inKey)
			got, _, err := s.History([]byte(key), tip, 10, 1<<20)
			var damaged *storage.CorruptError
			require.ErrorAs(t, err, &damaged, "in the key: %v", inKey)
			require.Empty(t, got)
			open, _ := s.Damage()
			require.NotEmpty(t, open)
			require.NoError(t, s.Close())
		}
		return
	}
	t.Fatal("no record has three versions")
}

func TestAHistoryEndsWhereItIsToldTo(t *testing.T) {
	c := newWhole(t, 12, 2, 60)
	dir := t.TempDir()
	c.write(t, dir)
	s, err := storage.Open(dir, baseOptions)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	for key, want := range c.versions() {
		for most := 1; most <= len(want)+1; most++ {
			got, more, err := s.History([]byte(key), 12, most, 1<<20)
			require.NoError(t, err)
			require.Len(t, got, min(most, len(want)))
			require.Equal(t, most < len(want), more)
		}
		got, more, err := s.History([]byte(key), 12, 100, 1)
		require.NoError(t, err)
		require.Len(t, got, 1, "one is larger than the bytes that are wanted")
		require.Equal(t, len(want) > 1, more)
	}
}

// What is pinned is not pruned, and trees of what is pruned are not kept.
func TestAPinnedHeightStaysUntilItIsReleased(t *testing.T) {
	g := newGrove(t, t.TempDir())
	for h := range 40 {
		g.commit(t, []int{h, h + 1}, nil, h)
	}
	release, err := g.store.Pin(10)
	require.NoError(t, err)
	_, err = g.store.Tree(10)
	require.NoError(t, err)
	require.NoError(t, g.store.Prune(20))
	require.Equal(t, ledger.Height(10), g.store.OldestState())
	require.Contains(t, g.store.AskedViews(), ledger.Height(10))
	_, err = g.store.Pin(9)
	require.ErrorIs(t, err, storage.ErrPruned)
	_, err = g.store.Pin(41)
	require.ErrorIs(t, err, storage.ErrAhead)
	release()
	require.NoError(t, g.store.Prune(20))
	require.Equal(t, ledger.Height(20), g.store.OldestState())
	require.NotContains(t, g.store.AskedViews(), ledger.Height(10))
	require.NoError(t, g.store.Close())
}

// A pin that comes when the heights to be pruned are chosen already is refused.
func TestAPinThatComesTooLateIsRefused(t *testing.T) {
	g := newGrove(t, t.TempDir())
	for h := range 30 {
		g.commit(t, []int{h}, nil, h)
	}
	late := false
	g.store.OnSync(func() {
		late = true
		_, err := g.store.Pin(5)
		require.ErrorIs(t, err, storage.ErrPruned)
		release, err := g.store.Pin(20)
		require.NoError(t, err)
		release()
	})
	require.NoError(t, g.store.Prune(20))
	require.True(t, late)
	g.store.OnSync(func() {})
	require.NoError(t, g.store.Close())
}
