package storage

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/concordat-ledger/concordat/ledger"
)

// View reads the state as of one height. It may be used by several goroutines.
type View struct {
	store *Store
	at    ledger.Height
}

// Retained refuses heights that the store does not have, or no longer has.
func (s *Store) Retained(at ledger.Height) error {
	if tip, _ := s.Tip(); at > tip {
		return fmt.Errorf("read the state of height %d: %w", at, ErrAhead)
	}
	if low := s.pruned.Load(); uint64(at) < low {
		return &PrunedError{State: true, Height: at, Oldest: ledger.Height(low)}
	}
	return nil
}

// View opens the state as of a height. A height that is not retained shows as
// ErrAhead or ErrPruned at the first read.
func (s *Store) View(at ledger.Height) *View { return &View{store: s, at: at} }

// Get reads a record: false if there was none at this height. The value is the caller's.
func (v *View) Get(key []byte) (value []byte, found bool, err error) { return v.store.Get(key, v.at) }

// Scan iterates over from <= key < to; an empty to means the end.
func (v *View) Scan(from, to []byte, reverse bool) (*Iterator, error) {
	return v.store.Scan(from, to, v.at, reverse)
}

// Height is the height the view shows.
func (v *View) Height() ledger.Height { return v.at }

// Close ends the view. Iterators opened from it are closed on their own.
func (v *View) Close() {}

// Get reads a record of the state as of height at.
func (s *Store) Get(key []byte, at ledger.Height) (value []byte, found bool, err error) {
	if err := s.Retained(at); err != nil {
		return nil, false, err
	}
	if len(key) == 0 || len(key) > KeyBytesMax {
		return nil, false, nil
	}
	value, err = s.read(stateKey(key), uint64(at))
	if err := s.Retained(at); err != nil { // pruned meanwhile: the version may have gone
		return nil, false, err
	}
	if errors.Is(err, ErrNotFound) {
		return nil, false, nil
	}
	return value, err == nil, err
}

// Iterator walks over records. Next, then Key and Value; Close when done. It is
// for one goroutine. Closing the store ends it with ErrClosed.
type Iterator struct {
	store    *Store
	txn      *badger.Txn
	it       *badger.Iterator
	kind     byte
	from, to []byte // with kind; to exclusive
	reverse  bool
	started  bool
	ended    bool   // under store.life
	guarded  bool   // what is passed over must be believed
	past     []byte // up to here it is, with kind
	key      []byte
	value    []byte
	err      error
}

// Scan iterates over the state as of height at: from <= key < to, an empty to
// means the end; reverse begins at the end.
func (s *Store) Scan(from, to []byte, at ledger.Height, reverse bool) (*Iterator, error) {
	if err := s.Retained(at); err != nil {
		return nil, err
	}
	it, err := s.scan(kindState, from, to, uint64(at), reverse)
	if err != nil {
		return nil, err
	}
	if err := s.Retained(at); err != nil { // pruned meanwhile; from here on it holds on to its tables
		it.Close()
		return nil, err
	}
	it.guarded = true
	return it, nil
}

func (s *Store) scan(kind byte, from, to []byte, at uint64, reverse bool) (*Iterator, error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return nil, ErrClosed
	}
	it := &Iterator{store: s, kind: kind, reverse: reverse, from: append([]byte{kind}, from...), to: []byte{kind + 1}}
	if len(to) > 0 {
		it.to = append([]byte{kind}, to...)
	}
	it.txn = s.db.NewTransactionAt(at, false)
	opt := badger.DefaultIteratorOptions
	opt.Reverse, opt.PrefetchSize = reverse, 16
	it.it = it.txn.NewIterator(opt)
	s.iterators.Store(it, nil)
	return it, nil
}

// Next moves on; false at the end or at an error, which Err tells.
func (it *Iterator) Next() bool {
	it.store.life.RLock()
	defer it.store.life.RUnlock()
	if it.err != nil || it.ended {
		if it.err == nil && it.store.closed {
			it.err = ErrClosed
		}
		return false
	}
	return it.move()
}

func (it *Iterator) move() (more bool) {
	more = true
	defer func() { more = more && it.err == nil }()
	defer it.store.caught(it.from, &it.err)
	it.step()
	if !it.it.Valid() {
		return it.believe(nil)
	}
	item := it.it.Item()
	key := item.Key()
	if bytes.Compare(key, it.from) < 0 || bytes.Compare(key, it.to) >= 0 {
		return it.believe(nil)
	}
	framed, err := item.ValueCopy(nil)
	if err != nil {
		it.err = fmt.Errorf("read the store: %w", err)
		return false
	}
	if it.value, err = unframe(key, framed, item.Version()); err != nil {
		it.err = it.store.noted(err)
		return false
	}
	it.key = append([]byte(nil), key[1:]...)
	return !it.guarded || it.believe(key)
}

// believe has all confirmed that was passed over on the way to a key; nil: to the end
// of the walk. At the end it returns false.
func (it *Iterator) believe(key []byte) bool {
	if !it.guarded {
		return false
	}
	lo, hi := it.past, key
	if it.reverse {
		lo, hi = key, it.past
	}
	if lo == nil {
		lo = it.from
	}
	if hi == nil {
		hi = it.to
	}
	if err := it.store.confirm(lo, hi); err != nil {
		it.err = err
		return false
	}
	it.past = append(it.past[:0], key...)
	return key != nil
}

func (it *Iterator) step() {
	switch {
	case it.started:
		it.it.Next()
	case it.reverse:
		it.it.Seek(it.to) // lands on to itself or on the first below
		if it.it.Valid() && bytes.Equal(it.it.Item().Key(), it.to) {
			it.it.Next()
		}
	default:
		it.it.Seek(it.from)
	}
	it.started = true
}

// Key of the present record; the caller's.
func (it *Iterator) Key() []byte { return it.key }

// Value of the present record; the caller's.
func (it *Iterator) Value() []byte { return it.value }

// Err is the error that ended the walk, if any.
func (it *Iterator) Err() error { return it.err }

// Close releases the iterator. It may be called twice.
func (it *Iterator) Close() {
	it.store.life.RLock()
	defer it.store.life.RUnlock()
	it.end()
}

// end is called with life held.
func (it *Iterator) end() {
	if it.ended {
		return
	}
	it.ended = true
	it.it.Close()
	it.txn.Discard()
	it.store.iterators.Delete(it)
}

// Each calls fn for every record of the state as of a height, in the order of keys.
func (s *Store) Each(at ledger.Height, fn func(key, value []byte) error) error {
	it, err := s.Scan(nil, nil, at, false)
	if err != nil {
		return err
	}
	it.guarded = false // whoever reads everything compares the root
	defer it.Close()
	for it.Next() {
		if err := fn(it.Key(), it.Value()); err != nil {
			return err
		}
	}
	return it.Err()
}
