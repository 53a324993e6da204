package main

import (
	"errors"
	"fmt"
)

// update sets a key.
type update struct{ key, value []byte }

// engine is an authenticated state with its store.
type engine interface {
	// open opens what is in a folder, or founds it there.
	open(dir string) error
	// apply makes one block of updates part of the state, durably once it returns; with
	// bulk many are loaded and nothing need be durable before close.
	apply(block []update, bulk bool) error
	root() []byte
	// reads counts what was read from the store at random, as the engine reads it: pages of
	// several nodes, or nodes.
	reads() uint64
	// settle waits for what goes on in the background.
	settle() error
	// close ends in good order; it writes nothing that a start could do without.
	close() error
}

// prover is an engine whose proofs are measured. Each gives what is sent to the reader,
// records included, and a check that begins with these bytes.
type prover interface {
	one(key []byte) (sent int, verify func() error, err error)
	span(from []byte, count int) (sent int, verify func() error, err error)
}

// errNoRanges is returned by span where the structure has no order of keys.
var errNoRanges = errors.New("no proofs of ranges")

// kind is a structure to be measured.
type kind struct {
	name   string
	about  string
	stored bool // it can be opened again
	warmup int  // blocks until it works as it will later
	most   int  // keys; 0: any number
	why    string
	make   func() engine
}

var kinds = []kind{
	{name: "ours", about: "this ledger's tree and store: records with versions, places, tree, one synced commit a block, pages in the background",
		stored: true, warmup: 20, make: func() engine { return &ours{} }},
	{name: "ours-memory", about: "the same tree alone, all of it in memory, no store",
		warmup: 5, make: func() engine { return &memory{} }},
	{name: "former", about: "the structure before: the same store, a compact sparse Merkle tree in memory, built from the records at start",
		stored: true, warmup: 5, make: func() engine { return &formerStore{} }},
	{name: "mpt", about: "go-ethereum 1.17: Merkle Patricia trie, pathdb over Pebble, its defaults; each block's changes beside it, synced; no history",
		stored: true, warmup: 140, make: func() engine { return &mpt{} }},
	{name: "merkledb", about: "avalanchego 1.15: x/merkledb over Pebble, values synced with each block, inner nodes buffered",
		stored: true, warmup: 20, make: func() engine { return &merkle{} }},
	{name: "verkle", about: "go-verkle 0.2: in memory, no store",
		warmup: 1, most: 100_000, why: "its nodes take about 10 KB a key in memory", make: func() engine { return &verkleTree{} }},
}

func kindOf(name string) (kind, error) {
	for _, k := range kinds {
		if k.name == name {
			return k, nil
		}
	}
	return kind{}, fmt.Errorf("there is no structure %q", name)
}
