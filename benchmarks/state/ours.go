package main

import (
	"fmt"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// flushEvery is as in the product: see flusher.go of actors/storage.
const flushEvery = 64 << 10

// ours is what the product does with the changes of a block, one step after the other.
type ours struct {
	dir     string
	bulk    bool
	store   *storage.Store
	tree    *tree.Tree
	height  ledger.Height
	changed int
	done    chan error // of the flush under way
	hold    bool       // no flush begins
}

func (o *ours) open(dir string) (err error) {
	o.dir, o.bulk = dir, false
	return o.start()
}

func (o *ours) start() (err error) {
	o.store, err = storage.Open(o.dir, storage.Options{Ledger: ledger.ID{1}, Sync: !o.bulk})
	if err != nil {
		return err
	}
	o.height, _ = o.store.Tip()
	o.tree, err = o.store.Tree(o.height)
	return err
}

// mode opens the store anew if it is to sync from now on, or no longer.
func (o *ours) mode(bulk bool) error {
	if o.bulk == bulk {
		return nil
	}
	o.bulk = bulk
	if err := o.close(); err != nil {
		return err
	}
	return o.start()
}

// records are the changes of a block as the store and the tree take them.
func records(h ledger.Height, block []update) ([]storage.Change, []tree.Change, [][]byte) {
	from := state.Provenance{Height: h, TxID: ledger.Hash{byte(h), byte(h >> 8)}}
	set, leaves, places := make([]storage.Change, len(block)), make([]tree.Change, len(block)), make([][]byte, len(block))
	for i, u := range block {
		raw := state.EncodeRecord(nil, from, u.value)
		places[i] = state.Place(nil, u.key)
		set[i] = storage.Change{Key: u.key, Value: raw}
		leaves[i] = tree.Change{Key: places[i], Record: state.RecordHash(raw), Size: len(u.key) + len(raw)}
	}
	return set, leaves, places
}

func (o *ours) apply(block []update, bulk bool) (err error) {
	if err := o.mode(bulk); err != nil {
		return err
	}
	h := o.height + 1
	set, leaves, places := records(h, block)
	t, err := o.tree.Apply(leaves)
	if err != nil {
		return err
	}
	b := &storage.BlockCommit{Height: h, BlockHash: ledger.Hash{1, byte(h), byte(h >> 8), byte(h >> 16)}, Header: make([]byte, 200),
		Commit: make([]byte, 300), Outcome: make([]byte, 100), Changes: set, Places: places, Tree: t}
	if err := o.store.Commit(b); err != nil {
		return err
	}
	o.tree, o.height = t, h
	return o.flush(len(block))
}

// flush does what flusher.go does.
func (o *ours) flush(changed int) error {
	o.changed += changed
	if o.changed < flushEvery || o.hold {
		return nil
	}
	if o.done != nil {
		select {
		case err := <-o.done:
			o.done = nil
			if err != nil {
				return err
			}
		default:
			return nil
		}
	}
	o.changed = 0
	o.done = make(chan error, 1)
	go func(t *tree.Tree, h ledger.Height) { o.done <- o.store.FlushTree(t, h) }(o.tree, o.height)
	return nil
}

func (o *ours) settle() error {
	if o.done == nil {
		return nil
	}
	err := <-o.done
	o.done = nil
	return err
}

func (o *ours) root() []byte { r := o.tree.Root(); return r[:] }

func (o *ours) reads() uint64 {
	s, err := o.store.Stats()
	if err != nil {
		return 0
	}
	return s.TreePageLoads
}

func (o *ours) close() error {
	if err := o.settle(); err != nil {
		return err
	}
	return o.store.Close()
}

func (o *ours) one(key []byte) (int, func() error, error) {
	return o.claim(state.Place(nil, key), state.Next(state.Place(nil, key)))
}

func (o *ours) span(from []byte, count int) (int, func() error, error) {
	it, err := o.store.Scan(from, nil, o.height, false)
	if err != nil {
		return 0, nil, err
	}
	defer it.Close()
	var last []byte
	for range count {
		if !it.Next() {
			return 0, nil, fmt.Errorf("the range ends early: %w", it.Err())
		}
		last = it.Key()
	}
	return o.claim(state.Place(nil, from), state.Next(state.Place(nil, last)))
}

// claim is what a reader is sent: the records of a range with their proof.
func (o *ours) claim(from, to []byte) (int, func() error, error) {
	c := &state.Claim{From: from, To: to}
	get := func(key []byte) ([]byte, error) {
		raw, found, err := o.store.Get(key, o.height)
		if err == nil && !found {
			err = fmt.Errorf("no record of %x", key)
		}
		return raw, err
	}
	err := o.tree.Walk(from, to, func(placed []byte, _ ledger.Hash) error {
		raw, err := get(placed[1:])
		c.Records = append(c.Records, state.Pair{Key: placed[1:], Value: raw})
		return err
	})
	if err != nil {
		return 0, nil, err
	}
	c.Proof, err = o.tree.Prove(from, to, func(placed []byte) (ledger.Hash, error) {
		raw, err := get(placed[1:])
		return state.RecordHash(raw), err
	})
	sent, root := c.Marshal(), o.tree.Root()
	return len(sent), func() error {
		c, err := state.ParseClaim(sent)
		if err != nil {
			return err
		}
		return c.Check(root)
	}, err
}

// memory is the tree alone.
type memory struct {
	tree   *tree.Tree
	height ledger.Height
}

func (m *memory) open(string) error { m.tree = tree.New(nil); return nil }

func (m *memory) apply(block []update, _ bool) (err error) {
	m.height++
	_, leaves, _ := records(m.height, block)
	m.tree, err = m.tree.Apply(leaves)
	return err
}

func (m *memory) root() []byte  { r := m.tree.Root(); return r[:] }
func (m *memory) reads() uint64 { return 0 }
func (m *memory) settle() error { return nil }
func (m *memory) close() error  { return nil }
