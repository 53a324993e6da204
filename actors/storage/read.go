package storage

import (
	"errors"
	"fmt"
	"math"

	"github.com/dgraph-io/badger/v4"

	"github.com/concordat-ledger/concordat/ledger"
)

// StoredBlock is a block as it was committed.
type StoredBlock struct {
	Height                  ledger.Height
	Hash, CommandsSum       ledger.Hash
	Header, Commit, Outcome []byte
	Txs, Results            [][]byte
}

// read returns a checked copy of the newest value at or below version at. Damage is
// noted, and is an error: also where it hides that there is a value.
func (s *Store) read(key []byte, at uint64) ([]byte, error) {
	value, _, err := s.readVersion(key, at)
	return value, err
}

func (s *Store) readVersion(key []byte, at uint64) (value []byte, version uint64, err error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return nil, 0, ErrClosed
	}
	defer s.caught(key, &err)
	txn := s.db.NewTransactionAt(at, false)
	defer txn.Discard()
	value, version, err = getVersion(txn, key)
	if err != nil && !isNotFound(err) {
		return nil, 0, s.noted(err)
	}
	if err != nil || several(key[0]) {
		if bad := s.confirm(key, key); bad != nil {
			return nil, 0, bad
		}
	}
	return value, version, err
}

// several says of which kinds an older version could be taken for the newest one.
func several(kind byte) bool { return kind == kindState || kind == kindMeta || kind == kindCommand }

func get(txn *badger.Txn, key []byte) ([]byte, error) {
	value, _, err := getVersion(txn, key)
	return value, err
}

func getVersion(txn *badger.Txn, key []byte) ([]byte, uint64, error) {
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, 0, ErrNotFound
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read the store: %w", err)
	}
	framed, err := item.ValueCopy(nil)
	if err != nil {
		return nil, 0, fmt.Errorf("read the store: %w", err)
	}
	value, err := unframe(key, framed, item.Version())
	return value, item.Version(), err
}

func (s *Store) record(h ledger.Height) (*blockRecord, error) {
	rec, _, err := s.recordVersion(h)
	return rec, err
}

// recordVersion also tells the version at which the block was written: its height, unless
// it was fetched from the past.
func (s *Store) recordVersion(h ledger.Height) (*blockRecord, uint64, error) {
	if tip, _ := s.Tip(); h == 0 || h > tip {
		return nil, 0, fmt.Errorf("block %d: %w", h, ErrNotFound)
	}
	key := heightKey(kindBlock, h)
	raw, version, err := s.readVersion(key, math.MaxUint64)
	if base := s.Base(); h < base && errors.Is(err, ErrNotFound) { // it is there if something is held of it
		return nil, 0, fmt.Errorf("block %d: %w (the oldest is %d)", h, ErrNotHeld, base)
	}
	if errors.Is(err, ErrNotFound) {
		return nil, 0, s.noted(corrupt(key, uint64(h), "the block is missing"))
	}
	if err != nil {
		return nil, 0, err
	}
	rec, err := parseBlockRecord(raw)
	if err != nil {
		return nil, 0, s.noted(corrupt(key, uint64(h), err.Error()))
	}
	return rec, version, nil
}

// Head reads a block without transactions and results: what stays when it is pruned.
func (s *Store) Head(h ledger.Height) (*StoredBlock, error) {
	rec, err := s.record(h)
	if err != nil {
		return nil, err
	}
	return rec.head(h), nil
}

func (b *blockRecord) head(h ledger.Height) *StoredBlock {
	return &StoredBlock{Height: h, Hash: b.Hash, CommandsSum: b.CommandsSum, Header: b.Header, Commit: b.Commit, Outcome: b.Outcome}
}

// Block reads a whole block. Errors: ErrNotFound, ErrNotHeld, *PrunedError, *CorruptError.
func (s *Store) Block(h ledger.Height) (*StoredBlock, error) {
	rec, err := s.record(h)
	if err != nil {
		return nil, err
	}
	b := rec.head(h)
	if b.Txs, err = s.items(kindTxs, h, rec.Txs); err != nil {
		return nil, err
	}
	b.Results, err = s.items(kindResults, h, rec.Results)
	return b, err
}

// Header reads a block's header bytes.
func (s *Store) Header(h ledger.Height) ([]byte, error) {
	rec, err := s.record(h)
	if err != nil {
		return nil, err
	}
	return rec.Header, nil
}

// Results reads the results of a block, in the order of its transactions.
func (s *Store) Results(h ledger.Height) ([][]byte, error) {
	rec, err := s.record(h)
	if err != nil {
		return nil, err
	}
	return s.items(kindResults, h, rec.Results)
}

// Tx reads transaction i of a block.
func (s *Store) Tx(h ledger.Height, i uint32) ([]byte, error) { return s.item(kindTxs, h, i) }

// Result reads the result of transaction i of a block.
func (s *Store) Result(h ledger.Height, i uint32) ([]byte, error) { return s.item(kindResults, h, i) }

func (s *Store) item(kind byte, h ledger.Height, i uint32) ([]byte, error) {
	rec, err := s.record(h)
	if err != nil {
		return nil, err
	}
	x := rec.Txs
	if kind == kindResults {
		x = rec.Results
	}
	if i >= x.Count {
		return nil, fmt.Errorf("item %d of block %d: %w", i, h, ErrNotFound)
	}
	if s.gone(h) != nil {
		return s.heldItem(kind, h, i)
	}
	lo, hi, count := x.span(i)
	items, err := s.chunk(kind, h, lo, hi, count)
	if err != nil && s.gone(h) != nil { // since it was looked at
		return s.heldItem(kind, h, i)
	}
	if err != nil {
		return nil, err
	}
	return items[i-x.Firsts[lo]], nil
}

// chunk reads the count items of the chunk that the values lo to hi-1 hold.
func (s *Store) chunk(kind byte, h ledger.Height, lo, hi int, count uint32) ([][]byte, error) {
	var whole []byte
	for c := lo; c < hi; c++ {
		key := chunkKey(kind, h, c)
		raw, err := s.read(key, math.MaxUint64)
		if isNotFound(err) {
			return nil, s.noted(corrupt(key, uint64(h), "the chunk is missing"))
		}
		if err != nil {
			return nil, err
		}
		if hi-lo == 1 {
			whole = raw
			break
		}
		if whole == nil {
			whole = make([]byte, 0, (hi-lo)*pieceBytes)
		}
		whole = append(whole, raw...)
	}
	items, err := unpack(whole)
	if err == nil && uint64(len(items)) != uint64(count) {
		err = errors.New("items are missing")
	}
	if err != nil {
		return nil, s.noted(corrupt(chunkKey(kind, h, lo), uint64(h), err.Error()))
	}
	return items, nil
}

func (s *Store) items(kind byte, h ledger.Height, x index) ([][]byte, error) {
	if err := s.gone(h); err != nil {
		return nil, err
	}
	all, err := s.stored(kind, h, x)
	if pruned := s.gone(h); err != nil && pruned != nil { // since it was looked at
		return nil, pruned
	}
	return all, err
}

// stored reads items whether they are pruned or not.
func (s *Store) stored(kind byte, h ledger.Height, x index) ([][]byte, error) {
	var all [][]byte
	for i := uint32(0); i < x.Count; {
		lo, hi, count := x.span(i)
		items, err := s.chunk(kind, h, lo, hi, count)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
		i += count
	}
	return all, nil
}

// Certificate reads what PutCertificate stored.
func (s *Store) Certificate(h ledger.Height) ([]byte, bool, error) {
	return s.maybe(heightKey(kindCertificate, h))
}

// maybe reads as of the tip, and turns ErrNotFound into false: what a block
// brings that is not durable yet does not count.
func (s *Store) maybe(key []byte) ([]byte, bool, error) {
	tip, _ := s.Tip()
	return s.maybeAt(key, uint64(tip))
}

func (s *Store) maybeAt(key []byte, at uint64) ([]byte, bool, error) {
	raw, err := s.read(key, at)
	if isNotFound(err) {
		return nil, false, nil
	}
	return raw, err == nil, err
}

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// LocateTx says where a transaction stands.
func (s *Store) LocateTx(id ledger.Hash) (ledger.Height, uint32, bool, error) {
	key := hashKey(kindTxID, id)
	raw, found, err := s.maybe(key)
	if err != nil || !found {
		return 0, 0, false, err
	}
	h, i, err := parsePlace(raw)
	if err != nil {
		return 0, 0, false, corrupt(key, uint64(h), err.Error())
	}
	return h, i, true, nil
}

// LocateBlock finds a block by its hash.
func (s *Store) LocateBlock(hash ledger.Hash) (ledger.Height, bool, error) {
	key := hashKey(kindBlockHash, hash)
	raw, found, err := s.maybe(key)
	if err != nil || !found {
		return 0, false, err
	}
	h, err := parseHeight(raw)
	if err != nil {
		return 0, false, corrupt(key, uint64(h), err.Error())
	}
	return h, true, nil
}
