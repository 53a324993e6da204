package execution

import (
	"bytes"
	"slices"

	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// overlay is what one block's transactions see: the state before, and the
// changes of the transactions before. A transaction's own changes are staged and
// kept or dropped as a whole; a contract's call within it can be rolled back.
type overlay struct {
	base    *values
	kept    map[string][]byte // nil: deleted
	order   []string          // keys of kept, in the order of their first write
	staged  map[string][]byte
	journal []undo
	from    state.Provenance // of what is staged
}

// undo is what a key's staged value was before a write.
type undo struct {
	key    string
	before []byte
	had    bool
}

func newOverlay(base *values) *overlay {
	return &overlay{base: base, kept: map[string][]byte{}, staged: map[string][]byte{}}
}

// Get implements contracts.Getter.
func (o *overlay) Get(key []byte) ([]byte, error) {
	if d, ok := o.staged[string(key)]; ok {
		return d, nil
	}
	if d, ok := o.kept[string(key)]; ok {
		return d, nil
	}
	return o.base.get(key)
}

// Set implements contracts.Store.
func (o *overlay) Set(key, data []byte) {
	k := string(key)
	before, had := o.staged[k]
	o.journal = append(o.journal, undo{k, before, had})
	o.staged[k] = data
}

// Mark implements contracts.Store.
func (o *overlay) Mark() int { return len(o.journal) }

// Rollback implements contracts.Store.
func (o *overlay) Rollback(mark int) {
	for i := len(o.journal) - 1; i >= mark; i-- {
		u := &o.journal[i]
		if u.had {
			o.staged[u.key] = u.before
		} else {
			delete(o.staged, u.key)
		}
	}
	o.journal = o.journal[:mark]
}

// stagedBytes is the size of the transaction's changes.
func (o *overlay) stagedBytes() int {
	size := 0
	for i := range o.journal {
		if u := &o.journal[i]; !u.had { // the first write of each key
			size += len(u.key) + len(o.staged[u.key])
		}
	}
	return size
}

// keep makes the staged changes part of the block; drop forgets them.
func (o *overlay) keep() {
	for i := range o.journal {
		u := &o.journal[i]
		if u.had {
			continue
		}
		if _, ok := o.kept[u.key]; !ok {
			o.order = append(o.order, u.key)
		}
		o.kept[u.key] = o.staged[u.key]
	}
	o.drop()
}

func (o *overlay) drop() {
	clear(o.staged)
	o.journal = o.journal[:0]
}

func (o *overlay) changes() []state.Change {
	out := make([]state.Change, len(o.order))
	for i, k := range o.order {
		d := o.kept[k]
		out[i] = state.Change{Key: []byte(k), Value: d, Delete: d == nil}
	}
	return out
}

// Scan implements contracts.Store: what the store holds, under what was changed
// since.
func (o *overlay) Scan(from, to []byte, reverse bool) (contracts.Iterator, error) {
	m := &merged{reverse: reverse, changed: map[string][]byte{}}
	for k, v := range o.base.fresh {
		m.sortedAdd(k, v.data, from, to)
	}
	for k, v := range o.kept {
		m.sortedAdd(k, v, from, to)
	}
	for k, v := range o.staged {
		m.sortedAdd(k, v, from, to)
	}
	m.sortedKeys()
	if o.base.durable > 0 {
		below, err := o.base.store.Scan(from, to, o.base.durable, reverse)
		if err != nil {
			return nil, err
		}
		m.below = below
	}
	return m, m.advance()
}

// merged walks over two ordered sequences: changed keys, and the store below
// them. At equal keys the change counts.
type merged struct {
	reverse    bool
	changed    map[string][]byte
	keys       []string
	below      contracts.Iterator // nil before the first block
	key, value []byte             // the next of below
	has        bool
}

func (m *merged) sortedAdd(k string, v, from, to []byte) {
	if k >= string(from) && k < string(to) {
		m.changed[k] = v
	}
}

func (m *merged) sortedKeys() {
	for k := range m.changed {
		m.keys = append(m.keys, k)
	}
	slices.Sort(m.keys)
	if m.reverse {
		slices.Reverse(m.keys)
	}
}

// advance reads the next of below.
func (m *merged) advance() (err error) {
	if m.below != nil {
		m.key, m.value, m.has, err = m.below.Next()
	}
	return err
}

// Next implements contracts.Iterator.
func (m *merged) Next() (key, value []byte, ok bool, err error) {
	for {
		if len(m.keys) == 0 && !m.has {
			return nil, nil, false, nil
		}
		if m.has && (len(m.keys) == 0 || m.before(m.key, m.keys[0])) {
			key, value = bytes.Clone(m.key), bytes.Clone(m.value)
			return key, value, true, m.advance()
		}
		k := m.keys[0]
		m.keys = m.keys[1:]
		if m.has && string(m.key) == k {
			if err := m.advance(); err != nil {
				return nil, nil, false, err
			}
		}
		if v := m.changed[k]; v != nil {
			return []byte(k), v, true, nil
		}
	}
}

func (m *merged) before(a []byte, b string) bool {
	if m.reverse {
		return string(a) > b
	}
	return string(a) < b
}

// Close implements contracts.Iterator.
func (m *merged) Close() {
	if m.below != nil {
		m.below.Close()
	}
}

// reader is the store as execution reads it.
type reader interface {
	Get(key []byte, at ledger.Height) (value []byte, found bool, err error)
	Scan(from, to []byte, at ledger.Height, reverse bool) (contracts.Iterator, error)
}
