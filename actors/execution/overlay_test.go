package execution

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// mapStore is a store that holds one height.
type mapStore struct {
	emptyStore
	state map[string][]byte
}

func (m mapStore) Get(key []byte, _ ledger.Height) ([]byte, bool, error) {
	v, ok := m.state[string(key)]
	return v, ok, nil
}

func (m mapStore) Scan(from, to []byte, _ ledger.Height, reverse bool) (contracts.Iterator, error) {
	it := &mapIterator{state: m.state}
	for _, k := range slices.Sorted(maps.Keys(m.state)) {
		if k >= string(from) && k < string(to) {
			it.keys = append(it.keys, k)
		}
	}
	if reverse {
		slices.Reverse(it.keys)
	}
	return it, nil
}

type mapIterator struct {
	state map[string][]byte
	keys  []string
}

func (m *mapIterator) Next() (key, value []byte, ok bool, err error) {
	if len(m.keys) == 0 {
		return nil, nil, false, nil
	}
	k := m.keys[0]
	m.keys = m.keys[1:]
	return []byte(k), m.state[k], true, nil
}

func (m *mapIterator) Close() {}

// model is what an overlay must show.
type model struct {
	stored, fresh, kept, staged map[string][]byte
	marks                       []map[string][]byte
}

func (m *model) all() map[string][]byte {
	out := maps.Clone(m.stored)
	for _, layer := range []map[string][]byte{m.fresh, m.kept, m.staged} {
		for k, v := range layer {
			if v == nil {
				delete(out, k)
			} else {
				out[k] = v
			}
		}
	}
	return out
}

// Whatever is set, rolled back, kept, dropped and made durable, reads and scans in
// both directions show what plain maps show.
func TestOverlayAgainstMaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := model{stored: map[string][]byte{}, fresh: map[string][]byte{}, kept: map[string][]byte{}, staged: map[string][]byte{}}
		key := rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf("k%02d", rapid.IntRange(0, 12).Draw(t, "n")) })
		for range rapid.IntRange(0, 8).Draw(t, "stored") {
			m.stored[key.Draw(t, "key")] = []byte("old")
		}
		v := newValues(mapStore{state: m.stored}, 1)
		for range rapid.IntRange(0, 6).Draw(t, "fresh") {
			k := key.Draw(t, "key")
			c := state.Change{Key: []byte(k), Value: []byte("fresh"), Delete: rapid.Bool().Draw(t, "delete")}
			m.fresh[k] = c.Value
			if c.Delete {
				m.fresh[k] = nil
			}
			v.apply(2, []state.Change{c})
		}
		o := newOverlay(v)
		var marks []int
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				k, value := key.Draw(t, "key"), rapid.SampledFrom([][]byte{nil, {}, []byte("a"), []byte("b")}).Draw(t, "value")
				o.Set([]byte(k), value)
				m.staged[k] = value
			},
			"mark": func(*rapid.T) {
				marks = append(marks, o.Mark())
				m.marks = append(m.marks, maps.Clone(m.staged))
			},
			"rollback": func(t *rapid.T) {
				if len(marks) == 0 {
					return // nothing is marked
				}
				i := rapid.IntRange(0, len(marks)-1).Draw(t, "mark")
				o.Rollback(marks[i])
				m.staged = maps.Clone(m.marks[i])
				marks, m.marks = marks[:i], m.marks[:i]
			},
			"keep": func(*rapid.T) {
				o.keep()
				maps.Copy(m.kept, m.staged)
				m.staged, marks, m.marks = map[string][]byte{}, nil, nil
			},
			"drop": func(*rapid.T) {
				o.drop()
				m.staged, marks, m.marks = map[string][]byte{}, nil, nil
			},
			"": func(t *rapid.T) { compareOverlay(t, o, &m, key) },
		})
		for _, c := range o.changes() {
			want, ok := m.kept[string(c.Key)]
			require.True(t, ok)
			require.Equal(t, want == nil, c.Delete)
			require.True(t, bytes.Equal(want, c.Value))
		}
		require.Len(t, o.changes(), len(m.kept))
	})
}

func compareOverlay(t *rapid.T, o *overlay, m *model, key *rapid.Generator[string]) {
	all := m.all()
	size := 0
	for k, v := range m.staged {
		size += len(k) + len(v)
	}
	require.Equal(t, size, o.stagedBytes())
	k := key.Draw(t, "read")
	v, err := o.Get([]byte(k))
	require.NoError(t, err)
	require.True(t, bytes.Equal(all[k], v) && (all[k] == nil) == (v == nil), "%s: %q, not %q", k, v, all[k])
	from, to, reverse := key.Draw(t, "from"), key.Draw(t, "to"), rapid.Bool().Draw(t, "reverse")
	var want []string
	for _, k := range slices.Sorted(maps.Keys(all)) {
		if k >= from && k < to {
			want = append(want, k+"="+string(all[k]))
		}
	}
	if reverse {
		slices.Reverse(want)
	}
	it, err := o.Scan([]byte(from), []byte(to), reverse)
	require.NoError(t, err)
	defer it.Close()
	var have []string
	for {
		k, v, ok, err := it.Next()
		require.NoError(t, err)
		if !ok {
			break
		}
		have = append(have, string(k)+"="+string(v))
	}
	require.Equal(t, want, have)
}

// A scan shows the moment when it was opened, whatever is written meanwhile.
func TestAScanShowsTheMomentItWasOpened(t *testing.T) {
	b := newBench(t)
	o := newOverlay(b.chain.values)
	for _, k := range []string{"c/x/a", "c/x/b", "c/x/c"} {
		o.Set([]byte(k), []byte("old"))
	}
	it, err := o.Scan([]byte("c/x/"), []byte("c/x0"), false)
	require.NoError(t, err)
	o.Set([]byte("c/x/b"), []byte("new"))
	o.Set([]byte("c/x/c"), nil)
	o.Set([]byte("c/x/d"), []byte("new"))
	seen := ""
	for {
		k, v, ok, err := it.Next()
		require.NoError(t, err)
		if !ok {
			break
		}
		seen += string(k) + "=" + string(v) + " "
	}
	require.Equal(t, "c/x/a=old c/x/b=old c/x/c=old ", seen)
}

// A scan's price is fixed, so what it takes must not grow with what the block has changed
// before: looking at every change would let one transaction hold up the ledger for minutes.
func TestAScanDoesNotLookAtEveryChange(t *testing.T) {
	takes := func(changes int) float64 {
		v := newValues(mapStore{}, 1)
		o := newOverlay(v)
		for i := range changes {
			k := fmt.Appendf(nil, "k%06d", i)
			v.apply(2, []state.Change{{Key: k, Value: []byte("fresh")}})
			o.Set(k, []byte("kept"))
		}
		o.keep()
		for i := range changes {
			o.Set(fmt.Appendf(nil, "k%06d", i), []byte("staged"))
		}
		return testing.AllocsPerRun(3, func() {
			it, err := o.Scan([]byte("k000010"), []byte("l"), false)
			require.NoError(t, err)
			key, value, ok, err := it.Next()
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, "k000010 staged", fmt.Sprintf("%s %s", key, value))
			it.Close()
		})
	}
	require.Less(t, takes(20_000), takes(20)+100)
}

// Large records do not make the cache large.
func TestTheCacheIsBoundedInBytes(t *testing.T) {
	large := make([]byte, 60<<10)
	stored := map[string][]byte{}
	for i := range 5_000 {
		stored[fmt.Sprint(i)] = large
	}
	v := newValues(mapStore{state: stored}, 1)
	for range 2 {
		for i := range 5_000 {
			got, err := v.get([]byte(fmt.Sprint(i)))
			require.NoError(t, err)
			require.Len(t, got, len(large))
			held := (len(v.young) + len(v.old)) * len(large)
			require.Less(t, held, 2*(cacheBytesMax+len(large)+1024))
		}
	}
}

// As blocks come and become durable, scans show what plain maps show, from either end.
func TestScansWhileBlocksBecomeDurable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stored, truth := map[string][]byte{}, map[string][]byte{}
		v := newValues(mapStore{state: stored}, 1)
		blocks := map[ledger.Height][]state.Change{}
		newest := ledger.Height(1)
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "executed") || v.durable == newest {
				newest++
				for range rapid.IntRange(0, 5).Draw(t, "changes") {
					c := state.Change{Key: fmt.Appendf(nil, "k%02d", rapid.IntRange(0, 20).Draw(t, "n")), Delete: rapid.IntRange(0, 3).Draw(t, "delete") == 0}
					if truth[string(c.Key)] = nil; !c.Delete {
						c.Value = fmt.Appendf(nil, "of %d", newest)
						truth[string(c.Key)] = c.Value
					}
					blocks[newest] = append(blocks[newest], c)
				}
				v.apply(newest, blocks[newest])
			} else {
				for _, c := range blocks[v.durable+1] {
					if delete(stored, string(c.Key)); !c.Delete {
						stored[string(c.Key)] = c.Value
					}
				}
				v.settle(v.durable+1, blocks[v.durable+1])
			}
			from, to, reverse := "k05", "k17", rapid.Bool().Draw(t, "reverse")
			want := []string{}
			for _, k := range slices.Sorted(maps.Keys(truth)) {
				if k >= from && k < to && truth[k] != nil {
					want = append(want, k+" "+string(truth[k]))
				}
			}
			if reverse {
				slices.Reverse(want)
			}
			it, err := newOverlay(v).Scan([]byte(from), []byte(to), reverse)
			require.NoError(t, err)
			have := []string{}
			for key, value, ok, _ := it.Next(); ok; key, value, ok, _ = it.Next() {
				have = append(have, string(key)+" "+string(value))
			}
			it.Close()
			require.Equal(t, want, have)
		}
	})
}

// failing is a store whose scans fail at their first record.
type failing struct {
	mapStore
	closed *bool
}

func (f failing) Scan([]byte, []byte, ledger.Height, bool) (contracts.Iterator, error) {
	return failingScan{f.closed}, nil
}

type failingScan struct{ closed *bool }

func (failingScan) Next() (key, value []byte, ok bool, err error) {
	return nil, nil, false, errors.New("damaged")
}
func (f failingScan) Close() { *f.closed = true }

// A scan that cannot begin holds nothing in the store.
func TestAScanThatCannotBeginIsClosed(t *testing.T) {
	closed := false
	_, err := newOverlay(newValues(failing{closed: &closed}, 1)).Scan([]byte("a"), []byte("b"), false)
	require.ErrorContains(t, err, "damaged")
	require.True(t, closed)
}
