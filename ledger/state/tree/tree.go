package tree

import (
	"bytes"
	"slices"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// Change sets the record at a place, or removes it.
type Change struct {
	Key    []byte      // placed; kept by the tree
	Record ledger.Hash // state.RecordHash
	Size   int         // bytes of key and record
	Remove bool
}

// Set is the change that puts an encoded record at its place.
func Set(key, record []byte) (Change, error) {
	place, err := state.PlaceOf(key, record)
	if err != nil {
		return Change{}, err
	}
	return Change{Key: place, Record: state.RecordHash(record), Size: len(key) + len(record)}, nil
}

// Tree is one immutable version of the state. Reads may run at any time and in any
// number.
type Tree struct {
	root  *node
	cache *Cache
}

// New is the empty state. cache loads and keeps pages; nil: the tree is in memory as a
// whole.
func New(cache *Cache) *Tree { return &Tree{cache: cache} }

// Root authenticates the whole state; 32 zero bytes when it is empty.
func (t *Tree) Root() ledger.Hash {
	if t.root == nil {
		return ledger.Hash{}
	}
	return t.root.hash
}

// Bytes is what all keys and records take together.
func (t *Tree) Bytes() uint64 {
	if t.root == nil {
		return 0
	}
	return t.root.bytes
}

// Apply returns the version after the changes. Their order does not matter, but of
// several changes of one key the last one counts. An error says that a page could not
// be loaded.
func (t *Tree) Apply(changes []Change) (*Tree, error) {
	items := make([]item, len(changes))
	for i := range changes {
		items[i].key = changes[i].Key
		if !changes[i].Remove {
			items[i].leaf = newLeaf(changes[i].Key, changes[i].Record, changes[i].Size)
		}
	}
	slices.SortStableFunc(items, func(a, b item) int { return bytes.Compare(a.key, b.key) })
	last := items[:0]
	for i := range items {
		if i+1 < len(items) && bytes.Equal(items[i+1].key, items[i].key) {
			continue
		}
		last = append(last, items[i])
	}
	root, err := t.apply(t.root, last)
	if err != nil {
		return nil, err
	}
	return &Tree{root: root, cache: t.cache}, nil
}

// item is a change on its way down: a leaf, or none where one is to go.
type item struct {
	key  []byte
	leaf *node
}

func (t *Tree) apply(n *node, items []item) (*node, error) {
	switch {
	case len(items) == 0:
		return n, nil
	case n == nil:
		return build(keep(items)), nil
	case n.leaf():
		return meet(n, items), nil
	}
	// Items are in order: if any leaves the node's bits before its position, the first
	// or the last does so earliest.
	at := n.pos
	for _, k := range [][]byte{items[0].key, items[len(items)-1].key} {
		if d := state.Critical(k, n.key); d >= 0 && d < at {
			at = d
		}
	}
	low, high := split(items, at)
	if at < n.pos { // some stand beside this node
		beside, below := low, high
		if state.Bit(n.key, at) == 0 {
			beside, below = high, low
		}
		same, err := t.apply(n, below)
		if err != nil {
			return nil, err
		}
		other := build(keep(beside))
		if state.Bit(n.key, at) == 0 {
			return join(at, same, other), nil
		}
		return join(at, other, same), nil
	}
	kids, err := t.cache.kids(n)
	if err != nil {
		return nil, err
	}
	left, right, err := both(len(low) >= parallelMin && len(high) >= parallelMin,
		func() (*node, error) { return t.apply(kids.left, low) },
		func() (*node, error) { return t.apply(kids.right, high) })
	if err != nil {
		return nil, err
	}
	if left == kids.left && right == kids.right {
		return n, nil
	}
	if p := n.page.Load(); p != nil {
		p.stale.Store(true)
	}
	return join(at, left, right), nil
}

// meet puts an existing leaf among the items that reach it.
func meet(n *node, items []item) *node {
	at, found := slices.BinarySearchFunc(items, n.key, func(e item, k []byte) int { return bytes.Compare(e.key, k) })
	if !found {
		items = slices.Insert(slices.Clone(items), at, item{n.key, n})
	} else if l := items[at].leaf; l != nil && l.hash == n.hash {
		items = slices.Clone(items)
		items[at].leaf = n // the same as before
	}
	return build(keep(items))
}

// keep leaves out what goes.
func keep(items []item) []item {
	if !slices.ContainsFunc(items, func(i item) bool { return i.leaf == nil }) {
		return items
	}
	return slices.DeleteFunc(slices.Clone(items), func(i item) bool { return i.leaf == nil })
}

func build(items []item) *node {
	switch len(items) {
	case 0:
		return nil
	case 1:
		return items[0].leaf
	}
	at := state.Critical(items[0].key, items[len(items)-1].key)
	low, high := split(items, at)
	return join(at, build(low), build(high))
}

// split finds where the bit at a position turns from 0 to 1, in ordered items that
// agree before it.
func split(items []item, pos int) (low, high []item) {
	at, _ := slices.BinarySearchFunc(items, 1, func(e item, one int) int { return state.Bit(e.key, pos) - one })
	return items[:at], items[at:]
}
