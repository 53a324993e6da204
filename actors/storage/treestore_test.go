package storage_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/reference"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// grove is a store with records, and what its tree must be as of each height.
type grove struct {
	dir     string
	options *storage.Options // nil: treeOptions
	store   *storage.Store
	tree    *tree.Tree
	model   []map[string][]byte // by height: placed keys with records
	keys    map[string][]byte   // where each key's record stands
}

var treeOptions = storage.Options{Ledger: ledger.ID{5}, FreeBytesMin: 1, MemTableBytes: 8 << 20, TreeCacheBytes: 100 << 10, Sync: true}

func newGrove(t require.TestingT, dir string) *grove {
	g := &grove{dir: dir, model: []map[string][]byte{{}}, keys: map[string][]byte{}}
	g.open(t)
	return g
}

func (g *grove) open(t require.TestingT) {
	var err error
	options := treeOptions
	if g.options != nil {
		options = *g.options
	}
	g.store, err = storage.Open(g.dir, options)
	require.NoError(t, err)
	tip, _ := g.store.Tip()
	g.tree, err = g.store.Tree(tip)
	require.NoError(t, err)
}

// loads is how many pages were read since the store was opened.
func (g *grove) loads(t require.TestingT) uint64 {
	stats, err := g.store.Stats()
	require.NoError(t, err)
	return stats.TreePageLoads
}

// audiences of the records.
var audiences = []ledger.Audience{nil, nil, ledger.NewAudience("a@a"), ledger.NewAudience("a@a", "b@b")}

// commit stores a block that sets or removes keys, given by numbers.
func (g *grove) commit(t require.TestingT, set, remove []int, salt int) {
	require.NoError(t, g.tryCommit(set, remove, salt))
}

// tryCommit changes nothing if the tree cannot be read.
func (g *grove) tryCommit(set, remove []int, salt int) error {
	was := maps.Clone(g.keys)
	h := ledger.Height(len(g.model))
	model := maps.Clone(g.model[h-1])
	b := &storage.BlockCommit{Height: h, BlockHash: ledger.Hash{byte(h), byte(h >> 8), 1}}
	var changes []tree.Change
	done := map[string]bool{}
	put := func(n int, gone bool) {
		key := fmt.Sprintf("key %05d", n)
		if done[key] {
			return
		}
		done[key] = true
		audience := audiences[(n+salt)%len(audiences)].Encode()
		raw := state.EncodeRecord(audience, state.Provenance{Height: h}, fmt.Append(nil, n, salt))
		place := state.Place(audience, []byte(key))
		if old := g.keys[key]; old != nil && (gone || string(old) != string(place)) {
			changes = append(changes, tree.Change{Key: old, Remove: true})
			delete(model, string(old))
		}
		delete(g.keys, key)
		if !gone {
			changes = append(changes, tree.Change{Key: place, Record: state.RecordHash(raw), Size: len(key) + len(raw)})
			model[string(place)], g.keys[key] = raw, place
		}
		b.Changes = append(b.Changes, storage.Change{Key: []byte(key), Value: raw, Delete: gone})
	}
	for _, n := range set {
		put(n, false)
	}
	for _, n := range remove {
		put(n, true)
	}
	for _, c := range changes {
		b.Places = append(b.Places, c.Key)
	}
	next, err := g.tree.Apply(changes)
	if err != nil {
		g.keys = was
		return err
	}
	g.tree, b.Tree = next, next
	g.model = append(g.model, model)
	return g.store.Commit(b)
}

func (g *grove) check(t require.TestingT, from ledger.Height) {
	require.Equal(t, reference.Root(g.model[len(g.model)-1]), [32]byte(g.tree.Root()))
	for h := from; h < ledger.Height(len(g.model)); h++ {
		at, err := g.store.Tree(h)
		require.NoError(t, err)
		require.Equal(t, reference.Root(g.model[h]), [32]byte(at.Root()), "height %d", h)
	}
}

func TestTheTreeOfEachRetainedHeightIsThere(t *testing.T) {
	checks(t, 60)
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "store")
		require.NoError(rt, err)
		g := newGrove(rt, dir)
		pruned := ledger.Height(0)
		numbers := rapid.SliceOfN(rapid.IntRange(0, 400), 0, 120)
		for range rapid.IntRange(2, 12).Draw(rt, "blocks") {
			g.commit(rt, numbers.Draw(rt, "set"), numbers.Draw(rt, "remove"), rapid.IntRange(0, 5).Draw(rt, "salt"))
			tip := ledger.Height(len(g.model) - 1)
			switch rapid.IntRange(0, 5).Draw(rt, "then") {
			case 0, 1:
				require.NoError(rt, g.store.FlushTree(g.tree, tip))
			case 2:
				require.NoError(rt, g.store.Close())
				g.open(rt)
			case 3:
				pruned = max(pruned, tip-min(tip, 3))
				require.NoError(rt, g.store.Prune(pruned))
			case 4:
				again, err := g.store.RebuildTree(tip)
				require.NoError(rt, err)
				require.Equal(rt, g.tree.Root(), again.Root())
				g.tree = again // and go on from it
			}
		}
		g.check(rt, max(pruned, 1))
		require.NoError(rt, g.store.Close())
		g.open(rt)
		g.check(rt, max(pruned, 1))
		require.NoError(rt, g.store.Close())
	})
}

// A start reads what changed since the last flush, not the state.
func TestAStartDoesNotReadTheState(t *testing.T) {
	g := newGrove(t, filepath.Join(t.TempDir(), "store"))
	all := make([]int, 20_000)
	for i := range all {
		all[i] = i
	}
	g.commit(t, all, nil, 0)
	require.NoError(t, g.store.FlushTree(g.tree, 1))
	g.commit(t, []int{5, 6, 7}, []int{8}, 1)
	require.NoError(t, g.store.Close())
	g.open(t)
	loads := g.loads(t)
	require.Equal(t, reference.Root(g.model[2]), [32]byte(g.tree.Root()))
	require.Less(t, loads, uint64(40))
	require.NoError(t, g.tree.Walk(nil, nil, func([]byte, ledger.Hash) error { return nil }))
	require.Greater(t, g.loads(t), uint64(500))
	require.NoError(t, g.store.Close())
}

// A flush that the process does not survive, at any write, leaves the tree as it was.
func TestAFlushIsDoneOrNot(t *testing.T) {
	g := newGrove(t, filepath.Join(t.TempDir(), "store"))
	all := make([]int, 3000)
	for i := range all {
		all[i] = i
	}
	g.commit(t, all, nil, 0)
	require.NoError(t, g.store.FlushTree(g.tree, 1))
	for round := range 6 {
		g.commit(t, []int{round, 100 + round*7, 2000 + round}, []int{round * 50}, round)
		stopped := errors.New("the process ended")
		left := round % 2
		err := g.store.FlushTreeTorn(g.tree, ledger.Height(len(g.model)-1), func() error {
			if left--; left < 0 {
				return stopped
			}
			return nil
		})
		require.ErrorIs(t, err, stopped)
		if round%2 == 0 {
			require.NoError(t, g.store.Close())
			g.open(t)
		}
		g.check(t, 1)
	}
	require.NoError(t, g.store.FlushTree(g.tree, ledger.Height(len(g.model)-1)))
	require.NoError(t, g.store.Close())
	g.open(t)
	g.check(t, 1)
	require.NoError(t, g.store.Close())
}
