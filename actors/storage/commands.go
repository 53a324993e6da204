package storage

import (
	"math"

	"github.com/dgraph-io/badger/v4"

	"github.com/concordat-ledger/concordat/ledger"
)

// dropBatch is how many expired commands go in one transaction.
const dropBatch = 1000

// LocateCommand finds a command in the duplicate window, expired or not.
func (s *Store) LocateCommand(key ledger.Hash) (Command, bool, error) {
	raw, found, err := s.maybe(hashKey(kindCommand, key))
	if err != nil || !found {
		return Command{}, false, err
	}
	c, err := parseCommand(key, raw)
	if err != nil {
		return Command{}, false, corrupt(hashKey(kindCommand, key), 0, err.Error())
	}
	return c, true, nil
}

// Commands calls fn for each command that expires after a time, in the order of
// keys: to rebuild the duplicate window at start.
func (s *Store) Commands(after ledger.Time, fn func(Command) error) error {
	return s.eachCommand(func(c Command) error {
		if c.Expires <= after {
			return nil
		}
		return fn(c)
	})
}

func (s *Store) eachCommand(fn func(Command) error) error {
	tip, _ := s.Tip()
	it, err := s.scan(kindCommand, nil, nil, uint64(tip), false)
	if err != nil {
		return err
	}
	defer it.Close()
	it.guarded = true // a command that is passed over would be executed twice
	for it.Next() {
		key, err := ledger.HashFromBytes(it.Key())
		if err != nil {
			return s.noted(corrupt(append([]byte{kindCommand}, it.Key()...), math.MaxUint64, err.Error()))
		}
		c, err := parseCommand(key, it.Value())
		if err != nil {
			return s.noted(corrupt(hashKey(kindCommand, key), math.MaxUint64, err.Error()))
		}
		if err := fn(c); err != nil {
			return err
		}
	}
	return it.Err()
}

// DropCommands deletes the commands that expired before a time and returns how
// many. It walks the whole window, so call it now and then, from the background;
// commits go in between its batches.
func (s *Store) DropCommands(before ledger.Time) (int, error) {
	dropped := 0
	var batch []Command
	flush := func() error {
		err := s.drop(batch)
		if err == nil {
			dropped += len(batch)
		}
		batch = batch[:0]
		return err
	}
	err := s.eachCommand(func(c Command) error {
		if c.Expires >= before {
			return nil
		}
		if batch = append(batch, c); len(batch) < dropBatch {
			return nil
		}
		return flush()
	})
	if err == nil && len(batch) > 0 {
		err = flush()
	}
	return dropped, err
}

// drop deletes at the tip's height. A key that a block used again since the
// walk saw it would have another height, and stays.
func (s *Store) drop(batch []Command) error {
	return s.aside(func(tip ledger.Height, txn *badger.Txn) (ledger.Height, []entry, error) {
		var out []entry
		for _, c := range batch {
			key := hashKey(kindCommand, c.Key)
			raw, err := get(txn, key)
			if now, bad := parseCommand(c.Key, raw); err != nil || bad != nil || now.Height != c.Height {
				continue
			}
			out = append(out, entry{key: key, remove: true})
		}
		return tip, out, nil
	})
}
