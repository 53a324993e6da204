package execution

import (
	"bytes"

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

	inOrder       bool // there was a scan: what follows is kept, too
	keptOrdered   ordered
	stagedOrdered ordered
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
	o.stage(k, data)
}

func (o *overlay) stage(key string, data []byte) {
	o.staged[key] = data
	if o.inOrder {
		o.stagedOrdered = o.stagedOrdered.with(key, data)
	}
}

// Mark implements contracts.Store.
func (o *overlay) Mark() int { return len(o.journal) }

// Rollback implements contracts.Store.
func (o *overlay) Rollback(mark int) {
	for i := len(o.journal) - 1; i >= mark; i-- {
		u := &o.journal[i]
		if u.had {
			o.stage(u.key, u.before)
			continue
		}
		delete(o.staged, u.key)
		if o.inOrder {
			o.stagedOrdered = o.stagedOrdered.without(u.key)
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
		if o.inOrder {
			o.keptOrdered = o.keptOrdered.with(u.key, o.staged[u.key])
		}
	}
	o.drop()
}

func (o *overlay) drop() {
	clear(o.staged)
	o.stagedOrdered = ordered{}
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
// since. Only from the first scan on are changes kept in order, too.
func (o *overlay) Scan(from, to []byte, reverse bool) (contracts.Iterator, error) {
	if !o.inOrder {
		o.inOrder = true
		for k, v := range o.kept {
			o.keptOrdered = o.keptOrdered.with(k, v)
		}
		for k, v := range o.staged {
			o.stagedOrdered = o.stagedOrdered.with(k, v)
		}
	}
	m := &merged{reverse: reverse}
	for _, layer := range []ordered{o.stagedOrdered, o.keptOrdered, o.base.ordered()} {
		m.changed = append(m.changed, layer.walk(string(from), string(to), reverse))
	}
	if o.base.durable > 0 {
		below, err := o.base.store.Scan(from, to, o.base.durable, reverse)
		if err != nil {
			return nil, err
		}
		m.below = below
	}
	if err := m.advance(); err != nil {
		m.Close() // nobody else has it
		return nil, err
	}
	return m, nil
}

// merged walks over ordered sequences: changes, the newest layer first, and the store
// below them. At equal keys the newest counts.
type merged struct {
	reverse    bool
	changed    []*walk
	below      contracts.Iterator // nil before the first block
	key, value []byte             // the next of below
	has        bool
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
		var first *branch
		for _, w := range m.changed {
			if b := w.peek(); b != nil && (first == nil || m.before(b.key, first.key)) {
				first = b
			}
		}
		if first == nil && !m.has {
			return nil, nil, false, nil
		}
		if m.has && (first == nil || m.before(string(m.key), first.key)) {
			key, value = bytes.Clone(m.key), bytes.Clone(m.value)
			return key, value, true, m.advance()
		}
		for _, w := range m.changed {
			if b := w.peek(); b != nil && b.key == first.key {
				w.step()
			}
		}
		if m.has && string(m.key) == first.key {
			if err := m.advance(); err != nil {
				return nil, nil, false, err
			}
		}
		if first.value != nil {
			return []byte(first.key), first.value, true, nil
		}
	}
}

func (m *merged) before(a, b string) bool {
	if m.reverse {
		return a > b
	}
	return a < b
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
