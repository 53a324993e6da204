package storage

import (
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/concordat-ledger/concordat/ledger"
)

// entry is one write; its value is framed when it is written.
type entry struct {
	key, value []byte
	remove     bool
}

func checkValues(entries []entry) error {
	for _, e := range entries {
		if len(e.value) > ValueBytesMax {
			return fmt.Errorf("%w: a value of %d bytes, the limit is %d", ErrTooBig, len(e.value), ValueBytesMax)
		}
	}
	return nil
}

// entryBytes is what Badger counts for an entry besides key and value: the
// version, which it counts as 10 bytes, and two flags; and our checksum.
const entryBytes = 10 + 2 + sumBytes

// partSlack leaves room in a transaction for the mark of a part and for what
// Badger adds to end it.
const partSlack = 256

// fit is how many of the entries go into one Badger transaction, at least one.
func (s *Store) fit(entries []entry) int {
	room, count := s.db.MaxBatchSize()-partSlack, int(s.db.MaxBatchCount())-4
	for i, e := range entries {
		room -= int64(len(e.key) + len(e.value) + entryBytes)
		if i > 0 && (room <= 0 || i >= count) {
			return i
		}
	}
	return len(entries)
}

// put writes the entries of a block. Those of nearly all blocks fit in one Badger
// transaction. A larger block takes several, all at its own height: reads do
// not look above the tip, the tip comes last, and undo takes back what a crash
// left of a block without its tip.
func (s *Store) put(h ledger.Height, entries []entry) error {
	if s.fit(entries) < len(entries) {
		size := uint64(0)
		for _, e := range entries {
			size += uint64(len(e.key) + len(e.value) + entryBytes) // #nosec G115 -- positive
		}
		if err := s.checkSpace(2 * size); err != nil { // in a log, then in a table
			return err
		}
	}
	for parts := 0; len(entries) > 0; parts++ {
		n := s.fit(entries)
		last := n == len(entries)
		if last && parts > 0 {
			// Badger may have begun another log meanwhile: the tip must not be
			// durable before what it stands for.
			if err := s.sync(); err != nil {
				return err
			}
		}
		if err := s.putPart(h, entries[:n], !last); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

// putPart writes entries in one transaction; unfinished marks them as useless
// without the rest of the block.
func (s *Store) putPart(h ledger.Height, entries []entry, unfinished bool) error {
	txn := s.db.NewTransactionAt(uint64(h), true)
	defer txn.Discard()
	if unfinished {
		if err := set(txn, entry{key: partsKey, value: marshalHeight(h)}); err != nil {
			return s.fail(err)
		}
	}
	for _, e := range entries {
		if err := set(txn, e); err != nil {
			return s.fail(err) // checked before: a fault of ours or of Badger's
		}
	}
	if err := txn.CommitAt(uint64(h), nil); err != nil {
		return s.fail(err)
	}
	if s.wrote != nil {
		s.wrote()
	}
	return nil
}

func set(txn *badger.Txn, e entry) error {
	if e.remove {
		return txn.Delete(e.key)
	}
	return txn.Set(e.key, frame(e.key, e.value))
}

// undo takes back the parts of a block whose last part is missing. Badger cannot
// remove a version, so each key gets, at the height of that block, the value it
// had before; the block will be stored at that height again.
func (s *Store) undo() error {
	raw, found, err := s.openMark(partsKey)
	if err != nil || !found {
		return err
	}
	h, err := parseHeight(raw)
	if err != nil {
		return corrupt(partsKey, 0, err.Error())
	}
	tip, _ := s.Tip()
	if h != tip+1 {
		return nil // it was completed
	}
	s.log.Warn("a large block was being stored when the process ended; it is taken back and will be fetched again", "height", h)
	before := s.db.NewTransactionAt(uint64(tip), false)
	defer before.Discard()
	now := s.db.NewTransactionAt(uint64(h), false)
	defer now.Discard()
	opt := badger.DefaultIteratorOptions
	opt.SinceTs, opt.AllVersions, opt.PrefetchValues = uint64(tip), true, false
	it := now.NewIterator(opt)
	defer it.Close()
	var batch []entry // no larger than the block was
	for it.Rewind(); it.Valid(); it.Next() {
		key := it.Item().KeyCopy(nil)
		value, err := get(before, key)
		switch {
		case string(key) == string(partsKey):
			continue
		case err != nil && !isNotFound(err):
			return err
		}
		batch = append(batch, entry{key: key, value: value, remove: err != nil})
	}
	for len(batch) > 0 {
		n := s.fit(batch)
		if err := s.putPart(h, batch[:n], true); err != nil {
			return err
		}
		batch = batch[n:]
	}
	return nil
}
