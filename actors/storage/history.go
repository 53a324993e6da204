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

// History lists at most so many versions of a key up to a height, newest first, down to
// the one that the oldest retained height shows.
func (s *Store) History(key []byte, at ledger.Height, limit int) ([]Version, error) {
	if err := s.Retained(at); err != nil {
		return nil, err
	}
	if len(key) == 0 || len(key) > KeyBytesMax {
		return nil, nil
	}
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return nil, ErrClosed
	}
	txn := s.db.NewTransactionAt(uint64(at), false)
	defer txn.Discard()
	opt := badger.DefaultIteratorOptions
	opt.AllVersions, opt.PrefetchValues = true, false
	full := stateKey(key)
	it := txn.NewKeyIterator(full, opt)
	defer it.Close()
	var out []Version
	for it.Rewind(); it.Valid() && len(out) < limit; it.Next() {
		item := it.Item()
		v := Version{Height: ledger.Height(item.Version()), Deleted: item.IsDeletedOrExpired()}
		if !v.Deleted {
			framed, err := item.ValueCopy(nil)
			if err != nil {
				return nil, fmt.Errorf("read the store: %w", err)
			}
			if v.Value, err = unframe(full, framed, item.Version()); err != nil {
				return nil, err
			}
		}
		out = append(out, v)
		if uint64(v.Height) <= s.pruned.Load() {
			break // what is older shows at no retained height
		}
	}
	return out, nil
}
