package tree_test

import (
	"errors"
	"fmt"
	"maps"
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

// memory is a log of pages, as the real one is. An address is written once.
type memory struct {
	mu      sync.Mutex
	pages   map[uint64][]byte
	end     uint64
	dropped uint64 // pages below are gone
}

var errGone = errors.New("the page was dropped")

func (m *memory) Page(addr uint64, size int) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	raw, ok := m.pages[addr]
	switch {
	case addr < m.dropped:
		return nil, errGone
	case !ok || len(raw) != size:
		return nil, errors.New("no such page")
	}
	return raw, nil
}

func (m *memory) add(raw []byte) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	addr := m.end
	m.pages[addr] = slices.Clone(raw)
	m.end += uint64(len(raw)) + 8
	return addr, nil
}

// flushed is what a flush left behind.
type flushed struct {
	entry  []byte
	from   uint64 // it needs no page below
	stored uint64
	root   ledger.Hash
	model  map[string][]byte
}

var errWrite = errors.New("the disk is full")

// bench is a tree beside its model.
type bench struct {
	store *memory
	cache *tree.Cache
	tree  *tree.Tree
	from  uint64
	model map[string][]byte
	past  []flushed
}

func newBench(cacheBytes uint64) *bench {
	b := &bench{store: &memory{pages: map[uint64][]byte{}, end: 32}, model: map[string][]byte{}}
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

func (b *bench) flush(t require.TestingT) {
	f, err := b.tree.Flush(b.from, b.store.add)
	require.NoError(t, err)
	f.Done()
	copied := map[string][]byte{}
	for k, v := range b.model {
		copied[k] = v
	}
	b.past = append(b.past, flushed{f.Entry, b.from, f.Stored, b.tree.Root(), copied})
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
				b.clean(t)
				b.flush(t)
			case 1: // the write fails half-way; the next one succeeds
				left := rapid.IntRange(0, 5).Draw(t, "writes")
				b.clean(t)
				f, err := b.tree.Flush(b.from, func(raw []byte) (uint64, error) {
					if left--; left < 0 {
						return 0, errWrite
					}
					return b.store.add(raw)
				})
				if err != nil {
					require.ErrorIs(t, err, errWrite)
				}
				if err == nil {
					f.Undo() // as when the last step cannot be written
					b.flush(t)
				}
			case 2:
				if len(b.past) > 0 && rapid.Bool().Draw(t, "restart") {
					last := b.past[len(b.past)-1]
					again, err := tree.Open(tree.NewCache(b.store, 0), last.entry)
					require.NoError(t, err)
					require.Equal(t, last.root, again.Root())
				}
			}
		}
		b.flush(t)
		b.check(t)
		b.exact(t)
		for _, p := range b.past { // each flushed version can be read, if its pages are there
			if p.from < b.store.dropped {
				continue
			}
			again, err := tree.Open(tree.NewCache(b.store, 0), p.entry)
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
	})
}

// clean has the next flush write pages again, and drops what no version needs since: one
// flush would do, were there not nodes in memory that were loaded before it.
func (b *bench) clean(t *rapid.T) {
	b.from = max(b.from, rapid.Uint64Range(0, b.store.end).Draw(t, "from"))
	if n := len(b.past); n > 3 && rapid.Bool().Draw(t, "drop") {
		b.store.dropped = max(b.store.dropped, b.past[n-3].from)
	}
}

// exact demands that the last flush needs no page below its bound, and knows how many
// bytes its pages have.
func (b *bench) exact(t require.TestingT) {
	last := b.past[len(b.past)-1]
	seen := map[uint64]int{}
	again, err := tree.Open(tree.NewCache(counting{b.store, seen}, 0), last.entry)
	require.NoError(t, err)
	require.NoError(t, again.Walk(nil, nil, func([]byte, ledger.Hash) error { return nil }))
	stored := 0
	for addr, size := range seen {
		require.GreaterOrEqual(t, addr, last.from)
		stored += size
	}
	require.Equal(t, int(last.stored), stored)
}

type counting struct {
	*memory
	seen map[uint64]int
}

func (c counting) Page(addr uint64, size int) ([]byte, error) {
	c.seen[addr] = size
	return c.memory.Page(addr, size)
}

// What follows a restart and goes on from the flushed pages gives the same.
func TestATreeGoesOnFromItsPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBench(3000)
		for range rapid.IntRange(1, 12).Draw(t, "batches") {
			b.apply(t, rapid.MapOfN(keys(), rapid.SliceOfN(rapid.Byte(), 0, 6), 0, 80).Draw(t, "set"),
				rapid.SliceOfN(keys(), 0, 60).Draw(t, "remove"))
			b.check(t)
			b.clean(t)
			b.flush(t)
			last := b.past[len(b.past)-1]
			var err error
			b.cache = tree.NewCache(b.store, 3000)
			b.tree, err = tree.Open(b.cache, last.entry)
			require.NoError(t, err)
			b.check(t)
			b.exact(t)
		}
	})
}

func TestADamagedPageIsNeverUsed(t *testing.T) {
	b := newBench(0)
	set := map[string][]byte{}
	for i := range 3000 {
		set[fmt.Sprintf("key %04d", i)] = []byte{byte(i)}
	}
	b.apply(t, set, nil)
	b.flush(t)
	for addr, good := range b.store.pages {
		for _, at := range []int{0, len(good) / 3, len(good) / 2, len(good) - 1} {
			b.store.pages[addr] = slices.Clone(good)
			b.store.pages[addr][at] ^= 0x10
			again, err := tree.Open(tree.NewCache(b.store, 0), b.past[0].entry)
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
		b.store.pages[addr] = good
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
	b.flush(t)
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
	for h := range ledger.Height(60) {
		change := map[string][]byte{}
		for i := range 50 {
			change[fmt.Sprintf("key %04d", (i*71+int(h)*13)%4000)] = fmt.Appendf(nil, "%d", h)
		}
		// A flush that writes old pages again runs beside the next updates.
		flushed := make(chan error, 1)
		was := b.tree
		if h%3 == 0 && b.store.end > 60_000 {
			b.from = max(b.from, b.store.end-60_000)
		}
		from := b.from
		go func() {
			f, err := was.Flush(from, b.store.add)
			if err == nil {
				f.Done()
			}
			flushed <- err
		}()
		for range 3 {
			b.apply(t, maps.Clone(change), nil)
			b.check(t)
		}
		require.NoError(t, <-flushed)
	}
	close(stop)
	group.Wait()
	b.flush(t)
	b.exact(t)
}
