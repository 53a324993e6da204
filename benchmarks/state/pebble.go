package main

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"

	"github.com/ava-labs/avalanchego/database"
	cockroach "github.com/cockroachdb/pebble/v2"
	"github.com/ethereum/go-ethereum/ethdb"
	"github.com/ethereum/go-ethereum/ethdb/pebble"
)

// pebbleCacheMiB is Pebble's cache and memtables together.
const pebbleCacheMiB = 128

// counted is go-ethereum's Pebble that counts its reads. Both peers stand on it.
type counted struct {
	ethdb.KeyValueStore
	gets atomic.Uint64
}

func openPebble(dir string) (*counted, error) {
	kv, err := pebble.New(dir, pebbleCacheMiB, 512, "", false)
	if err != nil {
		return nil, err
	}
	return &counted{KeyValueStore: kv}, nil
}

func (c *counted) Get(key []byte) ([]byte, error) {
	c.gets.Add(1)
	return c.KeyValueStore.Get(key)
}

// synced is Pebble as avalanchego wants a database: a batch is durable when it is written,
// as with that project's own Pebble, whose source does not compile beside a newer one.
type synced struct {
	*counted
	bulk *bool // batches need not be durable
}

func (s *synced) Get(key []byte) ([]byte, error) {
	v, err := s.counted.Get(key)
	if errors.Is(err, cockroach.ErrNotFound) {
		err = database.ErrNotFound
	}
	return v, err
}

func (s *synced) HealthCheck(context.Context) (any, error) { return nil, nil }

func (s *synced) NewBatch() database.Batch { return &syncedBatch{s.counted.NewBatch(), s} }

func (s *synced) NewIterator() database.Iterator { return s.NewIteratorWithStartAndPrefix(nil, nil) }

func (s *synced) NewIteratorWithStart(start []byte) database.Iterator {
	return s.NewIteratorWithStartAndPrefix(start, nil)
}

func (s *synced) NewIteratorWithPrefix(prefix []byte) database.Iterator {
	return s.NewIteratorWithStartAndPrefix(nil, prefix)
}

func (s *synced) NewIteratorWithStartAndPrefix(start, prefix []byte) database.Iterator {
	if len(start) >= len(prefix) { // the other side wants what follows the prefix
		start = start[len(prefix):]
	}
	return cloned{s.counted.NewIterator(prefix, start)}
}

// cloned gives its caller keys and values that stay as they are.
type cloned struct{ ethdb.Iterator }

func (c cloned) Key() []byte   { return bytes.Clone(c.Iterator.Key()) }
func (c cloned) Value() []byte { return bytes.Clone(c.Iterator.Value()) }

type syncedBatch struct {
	ethdb.Batch
	store *synced
}

func (b *syncedBatch) Size() int             { return b.ValueSize() }
func (b *syncedBatch) Inner() database.Batch { return b }

func (b *syncedBatch) Replay(w database.KeyValueWriterDeleter) error {
	return b.Batch.Replay(replayed{w})
}

func (b *syncedBatch) Write() error {
	if err := b.Batch.Write(); err != nil || *b.store.bulk {
		return err
	}
	return b.store.SyncKeyValue()
}

// replayed takes what a batch is played to.
type replayed struct{ database.KeyValueWriterDeleter }

func (replayed) DeleteRange([]byte, []byte) error { return errors.ErrUnsupported }
