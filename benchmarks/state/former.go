package main

import (
	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/benchmarks/state/former"
	"github.com/concordat-ledger/concordat/ledger"
)

// formerStore is the store with the tree that came before.
type formerStore struct {
	dir    string
	bulk   bool
	store  *storage.Store
	tree   *former.Tree
	height ledger.Height
}

func (f *formerStore) open(dir string) error {
	f.dir, f.bulk = dir, false
	if err := f.start(); err != nil {
		return err
	}
	var l former.Loader
	err := f.store.Each(f.height, func(k, v []byte) error { l.Add(k, v); return nil })
	f.tree = l.Tree()
	return err
}

func (f *formerStore) start() (err error) {
	f.store, err = storage.Open(f.dir, storage.Options{Ledger: ledger.ID{1}, Sync: !f.bulk})
	if err == nil {
		f.height, _ = f.store.Tip()
	}
	return err
}

func (f *formerStore) apply(block []update, bulk bool) error {
	if f.bulk != bulk {
		f.bulk = bulk
		if err := f.close(); err != nil {
			return err
		}
		if err := f.start(); err != nil {
			return err
		}
	}
	h := f.height + 1
	set, _, _ := records(h, block)
	if !bulk { // loading leaves the tree to open
		changes := make([]former.Change, len(set))
		for i, c := range set {
			changes[i] = former.Change{Key: c.Key, Value: c.Value}
		}
		f.tree = f.tree.Apply(changes)
	}
	b := &storage.BlockCommit{Height: h, BlockHash: ledger.Hash{1, byte(h), byte(h >> 8), byte(h >> 16)}, Header: make([]byte, 200),
		Commit: make([]byte, 300), Outcome: make([]byte, 100), Changes: set}
	if err := f.store.Commit(b); err != nil {
		return err
	}
	f.height = h
	return nil
}

func (f *formerStore) root() []byte  { r := f.tree.Root(); return r[:] }
func (f *formerStore) reads() uint64 { return 0 }
func (f *formerStore) settle() error { return nil }
func (f *formerStore) close() error  { return f.store.Close() }

func (f *formerStore) one(key []byte) (int, func() error, error) {
	value, found, err := f.store.Get(key, f.height)
	if !found {
		value = nil
	}
	p, root := f.tree.Prove(key), f.tree.Root()
	sent := len(key) + len(value) + len(p.Siblings)*ledger.HashSize + 1
	if p.Other {
		sent += 2 * ledger.HashSize
	}
	return sent, func() error { return former.Verify(root, key, value, p) }, err
}

func (f *formerStore) span([]byte, int) (int, func() error, error) { return 0, nil, errNoRanges }
