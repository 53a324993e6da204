package storage_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state/reference"
)

func pageFiles(t *testing.T, dir string) (names []string, bytes int64) {
	entries, err := os.ReadDir(filepath.Join(dir, "tree"))
	require.NoError(t, err)
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		names, bytes = append(names, e.Name()), bytes+info.Size()
	}
	return names, bytes
}

// With pruning the files of pages keep about the size of the tree, however long the same
// keys are changed; every height that can be read has its tree, through restarts too.
func TestThePagesOfAPrunedStoreAreBounded(t *testing.T) {
	small := treeOptions
	small.TreeSegmentBytes = 64 << 10
	g := &grove{dir: filepath.Join(t.TempDir(), "store"), options: &small, model: []map[string][]byte{{}}, keys: map[string][]byte{}}
	g.open(t)
	all := make([]int, 3000)
	for i := range all {
		all[i] = i
	}
	g.commit(t, all, nil, 0)
	require.NoError(t, g.store.FlushTree(g.tree, 1))
	var early int64
	oldest, heights := ledger.Height(1), ledger.Height(160)
	if testing.Short() {
		heights = 80
	}
	for h := ledger.Height(2); h < heights; h++ {
		var set []int
		for i := range 150 {
			set = append(set, (i*131+int(h)*977)%3000)
		}
		g.commit(t, set, []int{int(h) * 3 % 3000}, int(h)%4)
		require.NoError(t, g.store.FlushTree(g.tree, h))
		if h > 10 {
			oldest = h - 8
			require.NoError(t, g.store.Prune(oldest))
		}
		if h%40 == 0 {
			require.NoError(t, g.store.Close())
			g.open(t)
		}
		if h%20 == 0 {
			g.check(t, oldest)
		}
		if h == 40 {
			_, early = pageFiles(t, g.dir)
		}
	}
	names, last := pageFiles(t, g.dir)
	require.Greater(t, names[0], fmt.Sprintf("%010d.pages", 5), "nothing was dropped")
	require.Less(t, last, early*3/2, "with twice as many flushes, or four times")
	g.check(t, oldest)
	require.NoError(t, g.store.Close())
}

// A flush meets damage in a page that it would write again: the tree is made anew from the
// records, and whoever goes on with the tree of before does not bring the damage back.
func TestAFlushGoesOnAfterARepair(t *testing.T) {
	g := newGrove(t, filepath.Join(t.TempDir(), "store"))
	all := make([]int, 4000)
	for i := range all {
		all[i] = i
	}
	g.commit(t, all, nil, 0)
	require.NoError(t, g.store.FlushTree(g.tree, 1))
	names, bytes := pageFiles(t, g.dir)
	require.Len(t, names, 1)
	flipRange(t, filepath.Join(g.dir, "tree", names[0]), bytes/4, bytes/2, 0x20)
	old, err := g.store.Tree(1)
	require.NoError(t, err)
	require.Error(t, old.Walk(nil, nil, func([]byte, ledger.Hash) error { return nil }), "the cache is small")
	open, _ := g.store.Damage()
	require.Len(t, open, 1)
	require.Equal(t, storage.DamagedTree, open[0].Kind)
	rebuilt, err := g.store.RebuildTree(1)
	require.NoError(t, err)
	require.NoError(t, g.store.Replace(rebuilt, 1))
	g.store.Settle(open[0])
	for h := ledger.Height(2); h < 6; h++ { // g.tree has pages of before
		err := g.tryCommit([]int{int(h)}, nil, 1)
		if err != nil { // what it needs is damaged: it is taken from the store again
			g.tree, err = g.store.Tree(h - 1)
			require.NoError(t, err)
			g.commit(t, []int{int(h)}, nil, 1)
		}
		require.NoError(t, g.store.FlushTree(g.tree, h))
	}
	open, _ = g.store.Damage()
	require.Empty(t, open, "old pages are of no interest")
	require.NoError(t, g.store.Close())
	g.open(t)
	require.Equal(t, reference.Root(g.model[len(g.model)-1]), [32]byte(g.tree.Root()))
	require.NoError(t, g.tree.Walk(nil, nil, func([]byte, ledger.Hash) error { return nil }))
	require.NoError(t, g.store.Close())
}

// A page that is dropped is no damage: its height cannot be read any more.
func TestADroppedPageIsNoDamage(t *testing.T) {
	small := treeOptions
	small.TreeSegmentBytes = 16 << 10
	g := &grove{dir: filepath.Join(t.TempDir(), "store"), options: &small, model: []map[string][]byte{{}}, keys: map[string][]byte{}}
	g.open(t)
	all := make([]int, 2000)
	for i := range all {
		all[i] = i
	}
	g.commit(t, all, nil, 0)
	require.NoError(t, g.store.FlushTree(g.tree, 1))
	require.NoError(t, g.store.Close())
	g.open(t)
	old := g.tree
	for h := ledger.Height(2); h < 40; h++ {
		g.commit(t, all[:700], nil, int(h))
		require.NoError(t, g.store.FlushTree(g.tree, h))
		require.NoError(t, g.store.Prune(h-1))
	}
	err := old.Walk(nil, nil, func([]byte, ledger.Hash) error { return nil })
	require.ErrorIs(t, err, storage.ErrPruned)
	open, _ := g.store.Damage()
	require.Empty(t, open)
	var damaged *storage.CorruptError
	require.False(t, errors.As(err, &damaged))
	require.NoError(t, g.store.Close())
}
