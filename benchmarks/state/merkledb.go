package main

import (
	"context"
	"errors"

	"github.com/ava-labs/avalanchego/database"
	"github.com/ava-labs/avalanchego/ids"
	"github.com/ava-labs/avalanchego/utils/maybe"
	"github.com/ava-labs/avalanchego/x/merkledb"
)

// merkle is avalanchego's merkledb: a radix trie of 16 branches in the order of keys, with
// proofs of ranges.
type merkle struct {
	kv   *counted
	db   merkledb.MerkleDB
	bulk bool
}

func (m *merkle) open(dir string) (err error) {
	if m.kv, err = openPebble(dir); err != nil {
		return err
	}
	cfg := merkledb.NewConfig()
	cfg.HistoryLength = 16 // as many trees as our store keeps at hand
	cfg.ValueNodeCacheSize, cfg.IntermediateNodeCacheSize = 48<<20, 48<<20
	cfg.IntermediateWriteBufferSize, cfg.IntermediateWriteBatchSize = 32<<20, 4<<20
	m.db, err = merkledb.New(context.Background(), &synced{m.kv, &m.bulk}, cfg)
	return err
}

func (m *merkle) apply(block []update, bulk bool) error {
	m.bulk = bulk
	ops := make([]database.BatchOp, len(block))
	for i, u := range block {
		ops[i] = database.BatchOp{Key: u.key, Value: u.value}
	}
	ctx := context.Background()
	v, err := m.db.NewView(ctx, merkledb.ViewChanges{BatchOps: ops, ConsumeBytes: true})
	if err != nil {
		return err
	}
	if _, err := v.GetMerkleRoot(ctx); err != nil {
		return err
	}
	return v.CommitToDB(ctx)
}

func (m *merkle) id() ids.ID {
	id, err := m.db.GetMerkleRoot(context.Background())
	if err != nil {
		return ids.Empty
	}
	return id
}

func (m *merkle) root() []byte  { id := m.id(); return id[:] }
func (m *merkle) reads() uint64 { return m.kv.gets.Load() }
func (m *merkle) settle() error { return nil }
func (m *merkle) close() error  { return errors.Join(m.db.Close(), m.kv.Close()) }

// one is a range of one key, as the library marshals nothing else.
func (m *merkle) one(key []byte) (int, func() error, error) {
	return m.sent(maybe.Some(key), maybe.Some(key), 1)
}

func (m *merkle) span(from []byte, count int) (int, func() error, error) {
	return m.sent(maybe.Some(from), maybe.Nothing[[]byte](), count)
}

func (m *merkle) sent(from, to maybe.Maybe[[]byte], count int) (int, func() error, error) {
	ctx, id := context.Background(), m.id()
	p, err := m.db.GetRangeProof(ctx, from, to, count)
	if err != nil {
		return 0, nil, err
	}
	var form merkledb.RangeProofMarshaler
	sent, err := form.Marshal(p)
	return len(sent), func() error {
		p, err := form.Unmarshal(sent)
		if err != nil {
			return err
		}
		return p.Verify(ctx, from, to, id, merkledb.BranchFactorToTokenSize[merkledb.BranchFactor16], merkledb.DefaultHasher, count)
	}, err
}
