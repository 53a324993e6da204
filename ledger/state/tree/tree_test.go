package tree_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/reference"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// memory is a store of pages with versions, as the real one has them.
type memory struct {
	mu    sync.Mutex
	pages map[uint64][]version
}

type version struct {
	at  ledger.Height
	raw []byte // nil: removed
}

func (m *memory) Page(id uint64, at ledger.Height) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range slices.Backward(m.pages[id]) {
		if v.at <= at && v.raw != nil {
			return v.raw, nil
		}
		if v.at <= at {
			break
		}
	}
	return nil, errors.New("no such page")
}

func (m *memory) set(id uint64, at ledger.Height, raw []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pages[id] = append(m.pages[id], version{at, raw})
}

// live counts the pages of the newest version.
func (m *memory) live() (n int) {
	for _, v := range m.pages {
		if v[len(v)-1].raw != nil {
			n++
		}
	}
	return n
}

// flushed is what a flush left behind.
type flushed struct {
	at    ledger.Height
	entry []byte
	root  ledger.Hash
	model map[string][]byte
}

var errWrite = errors.New("the disk is full")

// bench is a tree beside its model.
type bench struct {
	store *memory
	cache *tree.Cache
	tree  *tree.Tree
	prev  *tree.Tree
	next  uint64
	model map[string][]byte
	past  []flushed
}

func newBench(cacheBytes uint64) *bench {
	b := &bench{store: &memory{pages: map[uint64][]version{}}, model: map[string][]byte{}, next: 1}
	b.cache = tree.NewCache(b.store, cacheBytes)
	b.tree = tree.New(b.cache)
	return b
}

func (b *bench) apply(t require.TestingT, set map[string][]byte, remove []string) {
	var changes []tree.Change
	for _, k := range remove {
		changes = append(changes, tree.Change{Key: []byte(k), Remove: true})
		delete(b.model, k)
	}
	for k, v := range set {
		changes = append(changes, tree.Change{Key: []byte(k), Record: state.RecordHash(v), Size: len(k) + len(v)})
		b.model[k] = v
	}
	next, err := b.tree.Apply(changes)
	require.NoError(t, err)
	b.tree = next
}

func (b *bench) flush(t require.TestingT, at ledger.Height) {
	f, err := b.tree.Flush(at, b.next, b.prev, func(id uint64, raw []byte) error {
		b.store.set(id, at, slices.Clone(raw))
		return nil
	})
	require.NoError(t, err)
	for _, id := range f.Freed {
		b.store.set(id, at, nil)
	}
	f.Done()
	b.next, b.prev = f.Next, b.tree
	copied := map[string][]byte{}
	for k, v := range b.model {
		copied[k] = v
	}
	b.past = append(b.past, flushed{at, f.Entry, b.tree.Root(), copied})
}

func (b *bench) check(t require.TestingT) {
	require.Equal(t, reference.Root(b.model), [32]byte(b.tree.Root()))
	_, whole, err := b.tree.Cut(1 << 62)
	require.NoError(t, err)
	records := uint64(0)
	for _, p := range whole {
		records += p.Len()
	}
	require.Equal(t, len(b.model), int(records))
}

func (b *bench) record(placed []byte) (ledger.Hash, error) {
	v, ok := b.model[string(placed)]
	if !ok {
		return ledger.Hash{}, errors.New("no such record")
	}
	return state.RecordHash(v), nil
}

// keys draws from few, so that they meet: some are the beginnings of others.
func keys() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		switch rapid.IntRange(0, 3).Draw(t, "form") {
		case 0:
			return "\x00" + fmt.Sprintf("k%d", rapid.IntRange(0, 300).Draw(t, "number"))
		case 1:
			return "\x00" + string(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 255}), 1, 6).Draw(t, "bytes"))
		case 2:
			return "\x00deep/" + string(slices.Repeat([]byte{'x'}, rapid.IntRange(0, 90).Draw(t, "length")))
		}
		if rapid.IntRange(0, 20).Draw(t, "end") == 0 {
			return string(state.AfterOpen())
		}
		return string(state.Place([]byte{byte(rapid.IntRange(1, 3).Draw(t, "audience"))}, []byte{byte(rapid.IntRange(0, 40).Draw(t, "restricted"))}))
	})
}

func TestAnyBatchesGiveTheReferenceRootThroughFlushesAndRestarts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBench(uint64(rapid.SampledFrom([]int{0, 5_000, 1 << 30}).Draw(t, "cache")))
		height := ledger.Height(0)
		for range rapid.IntRange(1, 14).Draw(t, "batches") {
			height++
			set := rapid.MapOfN(keys(), rapid.SliceOfN(rapid.Byte(), 0, 6), 0, 60).Draw(t, "set")
			remove := rapid.SliceOfN(keys(), 0, 30).Draw(t, "remove")
			before, root := b.tree, b.tree.Root()
			b.apply(t, set, remove)
			require.Equal(t, root, before.Root(), "versions do not change")
			b.check(t)
			switch rapid.IntRange(0, 3).Draw(t, "then") {
			case 0:
				b.flush(t, height)
			case 1: // the write fails half-way; the next one succeeds
				left := rapid.IntRange(0, 5).Draw(t, "writes")
				f, err := b.tree.Flush(height, b.next, b.prev, func(uint64, []byte) error {
					if left--; left < 0 {
						return errWrite
					}
					return nil
				})
				if err != nil {
					require.ErrorIs(t, err, errWrite)
				}
				if err == nil {
					f.Undo() // as when the last step cannot be written
					b.flush(t, height)
				}
			case 2:
				if len(b.past) > 0 && rapid.Bool().Draw(t, "restart") {
					last := b.past[len(b.past)-1]
					again, err := tree.Open(tree.NewCache(b.store, 0), last.entry, last.at)
					require.NoError(t, err)
					require.Equal(t, last.root, again.Root())
				}
			}
		}
		b.flush(t, height)
		b.check(t)
		for _, p := range b.past { // each flushed version can be read as of its height
			again, err := tree.Open(tree.NewCache(b.store, 0), p.entry, p.at)
			require.NoError(t, err)
			require.Equal(t, p.root, again.Root())
			var got []string
			require.NoError(t, again.Walk(nil, nil, func(k []byte, leaf ledger.Hash) error {
				require.Equal(t, leaf, state.LeafHash(k, state.RecordHash(p.model[string(k)])))
				got = append(got, string(k))
				return nil
			}))
			require.Len(t, got, len(p.model))
			require.True(t, slices.IsSorted(got))
		}
		b.reachable(t)
	})
}

// reachable demands that the store keeps no page that nobody needs: a tree that is
// built anew from the same flushes would leak for ever.
func (b *bench) reachable(t require.TestingT) {
	last := b.past[len(b.past)-1]
	seen := map[uint64]bool{}
	again, err := tree.Open(tree.NewCache(counting{b.store, seen}, 0), last.entry, last.at)
	require.NoError(t, err)
	require.NoError(t, again.Walk(nil, nil, func([]byte, ledger.Hash) error { return nil }))
	require.Equal(t, len(seen), b.store.live(), "pages in the store, and pages that the tree has")
}

type counting struct {
	*memory
	seen map[uint64]bool
}

func (c counting) Page(id uint64, at ledger.Height) ([]byte, error) {
	c.seen[id] = true
	return c.memory.Page(id, at)
}

// What follows a restart and goes on from the flushed pages gives the same.
func TestATreeGoesOnFromItsPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBench(3000)
		for h := range ledger.Height(rapid.IntRange(1, 12).Draw(t, "batches")) {
			b.apply(t, rapid.MapOfN(keys(), rapid.SliceOfN(rapid.Byte(), 0, 6), 0, 80).Draw(t, "set"),
				rapid.SliceOfN(keys(), 0, 60).Draw(t, "remove"))
			b.check(t)
			b.flush(t, h+1)
			last := b.past[len(b.past)-1]
			var err error
			b.cache = tree.NewCache(b.store, 3000)
			b.tree, err = tree.Open(b.cache, last.entry, last.at)
			require.NoError(t, err)
			b.prev = b.tree
			b.check(t)
		}
		b.reachable(t)
	})
}

func TestADamagedPageIsNeverUsed(t *testing.T) {
	b := newBench(0)
	set := map[string][]byte{}
	for i := range 3000 {
		set[fmt.Sprintf("key %04d", i)] = []byte{byte(i)}
	}
	b.apply(t, set, nil)
	b.flush(t, 1)
	for id, versions := range b.store.pages {
		good := versions[0].raw
		for _, at := range []int{0, len(good) / 3, len(good) / 2, len(good) - 1} {
			b.store.pages[id] = []version{{1, slices.Clone(good)}}
			b.store.pages[id][0].raw[at] ^= 0x10
			again, err := tree.Open(tree.NewCache(b.store, 0), b.past[0].entry, 1)
			require.NoError(t, err)
			keys := 0
			err = again.Walk(nil, nil, func(k []byte, leaf ledger.Hash) error {
				if state.LeafHash(k, state.RecordHash(b.model[string(k)])) != leaf {
					return tree.ErrRecord // a key or a size is not under the hash; the record shows it
				}
				keys++
				return nil
			})
			if err == nil {
				require.Equal(t, 3000, keys) // a size was hit, which nobody believes
			}
		}
		b.store.pages[id] = []version{{1, good}}
	}
}

// Readers, updates and flushes at once; run with -race.
func TestVersionsAreReadWhileTheTreeGoesOn(t *testing.T) {
	b := newBench(20_000)
	set := map[string][]byte{}
	for i := range 4000 {
		set[fmt.Sprintf("key %04d", i)] = []byte{byte(i)}
	}
	b.apply(t, set, nil)
	b.flush(t, 1)
	var group sync.WaitGroup
	stop := make(chan struct{})
	for r := range 3 {
		version := b.tree
		group.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				k := fmt.Sprintf("key %04d", (i*37+r)%4000)
				leaf, ok, err := version.Leaf([]byte(k))
				if err != nil || !ok || leaf != state.LeafHash([]byte(k), state.RecordHash(set[k])) {
					t.Errorf("%s: %v %v", k, ok, err)
					return
				}
			}
		})
	}
	for h := range ledger.Height(30) {
		change := map[string][]byte{}
		for i := range 50 {
			change[fmt.Sprintf("key %04d", (i*71+int(h)*13)%4000)] = fmt.Appendf(nil, "%d", h)
		}
		next := map[string][]byte{}
		for k, v := range change {
			next[k] = v
		}
		b.apply(t, next, nil)
		b.check(t)
	}
	close(stop)
	group.Wait()
	b.flush(t, 40)
}
