package storage

import (
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/concordat-ledger/concordat/ledger"
)

// Version is what a block made of a key.
type Version struct {
	Height  ledger.Height
	Value   []byte
	Deleted bool
}

// History lists versions of a key up to a height, newest first, down to the one that the
// oldest retained height shows: at most so many, and no more once they have so many bytes.
// more: there is another one.
func (s *Store) History(key []byte, at ledger.Height, most, mostBytes int) (list []Version, more bool, err error) {
	if err := s.Retained(at); err != nil {
		return nil, false, err
	}
	if len(key) == 0 || len(key) > KeyBytesMax {
		return nil, false, nil
	}
	list, more, err = s.versions(stateKey(key), at, most, mostBytes)
	if err := s.Retained(at); err != nil { // pruned meanwhile: versions may have gone
		return nil, false, err
	}
	return list, more, err
}

func (s *Store) versions(key []byte, at ledger.Height, most, mostBytes int) (list []Version, more bool, err error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return nil, false, ErrClosed
	}
	defer s.caught(key, &err)
	txn := s.db.NewTransactionAt(uint64(at), false)
	defer txn.Discard()
	opt := badger.DefaultIteratorOptions
	opt.AllVersions, opt.PrefetchValues = true, false
	it := txn.NewKeyIterator(key, opt)
	defer it.Close()
	size := 0
	for it.Rewind(); it.Valid(); it.Next() {
		if len(list) >= most || size >= mostBytes {
			more = true
			break
		}
		v, err := versionOf(key, it.Item())
		if err != nil {
			return nil, false, s.noted(err)
		}
		list, size = append(list, v), size+len(v.Value)
		if uint64(v.Height) <= s.pruned.Load() {
			break // what is older shows at no retained height
		}
	}
	if err := s.confirm(key, key); err != nil { // or a version could be hidden
		return nil, false, err
	}
	return list, more, nil
}

func versionOf(key []byte, item *badger.Item) (Version, error) {
	v := Version{Height: ledger.Height(item.Version()), Deleted: item.IsDeletedOrExpired()}
	if v.Deleted {
		return v, nil
	}
	framed, err := item.ValueCopy(nil)
	if err != nil {
		return v, fmt.Errorf("read the store: %w", err)
	}
	v.Value, err = unframe(key, framed, item.Version())
	return v, err
}
