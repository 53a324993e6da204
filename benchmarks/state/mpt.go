package main

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/trie"
	"github.com/ethereum/go-ethereum/trie/trienode"
	"github.com/ethereum/go-ethereum/triedb"
	"github.com/ethereum/go-ethereum/triedb/pathdb"
)

// mpt is go-ethereum's Merkle Patricia trie over its path database. The keys are not hashed
// first, so that they keep their order. The path database itself loses its newest layers in
// a crash and has the blocks executed again; so each block's changes are written and synced.
type mpt struct {
	kv    *counted
	db    *triedb.Database
	at    common.Hash
	block uint64
}

var mptState = []byte("benchmark-state")

func (m *mpt) open(dir string) (err error) {
	if m.kv, err = openPebble(dir); err != nil {
		return err
	}
	cfg := *pathdb.Defaults
	cfg.TrieCleanSize = 96 << 20
	cfg.StateCleanSize, cfg.SnapshotNoBuild = 0, true // of flat accounts, of which there are none
	m.db = triedb.NewDatabase(rawdb.NewDatabase(m.kv), &triedb.Config{PathDB: &cfg})
	m.at, m.block = types.EmptyRootHash, 0
	if raw, err := m.kv.Get(mptState); err == nil {
		m.block, m.at = binary.BigEndian.Uint64(raw), common.BytesToHash(raw[8:])
	}
	_, err = trie.New(trie.StateTrieID(m.at), m.db)
	return err
}

func (m *mpt) apply(block []update, bulk bool) error {
	t, err := trie.New(trie.StateTrieID(m.at), m.db)
	if err != nil {
		return err
	}
	keys, values := make([][]byte, len(block)), make([][]byte, len(block))
	var log []byte
	for i, u := range block {
		keys[i], values[i] = u.key, u.value
		log = append(append(log, u.key...), u.value...)
	}
	if err := t.UpdateBatch(keys, values); err != nil {
		return err
	}
	root, nodes := t.Commit(false)
	m.block++
	if err := m.db.Update(root, m.at, m.block, trienode.NewWithNodeSet(nodes), triedb.NewStateSet()); err != nil {
		return err
	}
	m.at = root
	if bulk {
		return nil
	}
	if err := m.kv.Put(binary.BigEndian.AppendUint64([]byte("benchmark-log"), m.block%256), log); err != nil {
		return err
	}
	return m.kv.SyncKeyValue()
}

func (m *mpt) root() []byte  { return m.at[:] }
func (m *mpt) reads() uint64 { return m.kv.gets.Load() }
func (m *mpt) settle() error { return nil }

func (m *mpt) close() error {
	err := m.kv.Put(mptState, append(binary.BigEndian.AppendUint64(nil, m.block), m.at[:]...))
	return errors.Join(err, m.db.Journal(m.at), m.db.Close(), m.kv.Close())
}

func (m *mpt) one(key []byte) (int, func() error, error) {
	t, err := trie.New(trie.StateTrieID(m.at), m.db)
	if err != nil {
		return 0, nil, err
	}
	var p trienode.ProofList
	if err := t.Prove(key, &p); err != nil {
		return 0, nil, err
	}
	want, err := t.Get(key)
	return p.DataSize(), func() error {
		got, err := trie.VerifyProof(m.at, key, p.Set())
		if err == nil && !bytes.Equal(got, want) {
			err = errors.New("another value")
		}
		return err
	}, err
}

func (m *mpt) span(from []byte, count int) (int, func() error, error) {
	t, err := trie.New(trie.StateTrieID(m.at), m.db)
	if err != nil {
		return 0, nil, err
	}
	nodes, err := t.NodeIterator(from)
	if err != nil {
		return 0, nil, err
	}
	var keys, values [][]byte
	sent := 0
	for it := trie.NewIterator(nodes); len(keys) < count && it.Next(); {
		keys, values = append(keys, bytes.Clone(it.Key)), append(values, bytes.Clone(it.Value))
		sent += len(it.Key) + len(it.Value)
	}
	set := trienode.NewProofSet()
	if err := errors.Join(t.Prove(from, set), t.Prove(keys[len(keys)-1], set)); err != nil {
		return 0, nil, err
	}
	list := set.List()
	return sent + set.DataSize(), func() error {
		got := trienode.NewProofSet()
		for _, n := range list {
			if err := got.Put(keccak(n), n); err != nil {
				return err
			}
		}
		_, err := trie.VerifyRangeProof(m.at, from, keys, values, got)
		return err
	}, nil
}
