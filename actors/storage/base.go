package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// A store that was made from a snapshot begins at its block: the base. Blocks below
// are added from the newest to the oldest, if at all; state below is not there.

type base struct {
	height ledger.Height
	before ledger.Hash // ledger.CommandsDigest of the block below
}

func (b *base) marshal() []byte {
	var w ledger.Writer
	return w.U64(uint64(b.height)).Hash(b.before).Done()
}

func parseBase(raw []byte) (*base, error) {
	r := ledger.NewPlainReader(raw)
	b := &base{height: ledger.Height(r.U64()), before: r.Hash()}
	return b, r.Close()
}

// Base is the oldest block that the store has, 1 unless it was made from a snapshot.
func (s *Store) Base() ledger.Height { return s.base.Load().height }

// began is the height of the snapshot with which the store began; 0: it was none.
func (s *Store) began() (ledger.Height, error) {
	raw, found, err := s.maybe(installedKey)
	if err != nil || !found {
		return 0, err
	}
	h, err := parseHeight(raw)
	if err != nil {
		return 0, s.noted(corrupt(installedKey, 0, err.Error()))
	}
	return h, nil
}

// CommandsBefore is ledger.CommandsDigest of the block below a stored one.
func (s *Store) CommandsBefore(h ledger.Height) (ledger.Hash, error) {
	if b := s.base.Load(); h == b.height {
		return b.before, nil
	}
	rec, err := s.record(h - 1)
	if err != nil {
		return ledger.Hash{}, err
	}
	return rec.CommandsSum, nil
}

func (s *Store) loadBase() error {
	s.base.Store(&base{height: 1})
	raw, found, err := s.openMark(baseKey)
	if err != nil || !found {
		return err
	}
	b, err := parseBase(raw)
	if err != nil {
		return corrupt(baseKey, 0, err.Error())
	}
	s.base.Store(b)
	return nil
}

// PutOlder adds the block below the base, which thereby becomes the base. Its commands
// and changes are of no use any more and are not kept. cert may be nil. A store whose
// blocks are pruned takes no older ones: *PrunedError.
func (s *Store) PutOlder(b *BlockCommit, cert []byte) error {
	s.pruning.Lock()
	defer s.pruning.Unlock()
	if err := s.gone(s.Base()); err != nil {
		return err // what is pruned is not fetched back
	}
	if oldest := s.Base(); b.Height != oldest-1 || b.Height == 0 {
		return fmt.Errorf("%w: block %d, expected %d", ErrOutOfOrder, b.Height, oldest-1)
	}
	older := *b
	older.Commands, older.Changes, older.Places = nil, nil, nil
	entries, err := older.entries()
	if err != nil {
		return fmt.Errorf("store block %d: %w", b.Height, err)
	}
	now := &base{height: b.Height, before: b.CommandsBefore}
	entries = slices.DeleteFunc(entries, func(e entry) bool { return e.key[0] == kindChanged || string(e.key) == string(tipKey) })
	if len(cert) > 0 {
		entries = append(entries, entry{key: heightKey(kindCertificate, b.Height), value: cert})
	}
	for len(entries) > 0 {
		n := s.fit(entries)
		part := entries[:n]
		err := s.aside(func(tip ledger.Height, txn *badger.Txn) (ledger.Height, []entry, error) {
			return tip, absent(txn, part), nil
		})
		if err != nil {
			return err
		}
		entries = entries[n:]
	}
	// Badger may have begun another log meanwhile: the base must not be durable before
	// what it stands for.
	if err := s.syncAside(); err != nil {
		return err
	}
	err = s.aside(func(tip ledger.Height, _ *badger.Txn) (ledger.Height, []entry, error) {
		return tip, []entry{{key: baseKey, value: now.marshal()}}, nil
	})
	if err == nil {
		s.base.Store(now)
	}
	return err
}

// absent leaves out transaction ids that a later block has, too: of an envelope that came
// twice the later place counts.
func absent(txn *badger.Txn, part []entry) []entry {
	var out []entry
	for _, e := range part {
		if e.key[0] == kindTxID {
			if _, err := get(txn, e.key); err == nil {
				continue
			}
		}
		out = append(out, e)
	}
	return out
}

// syncAside makes what aside wrote durable.
func (s *Store) syncAside() error {
	s.life.RLock()
	defer s.life.RUnlock()
	s.write.Lock()
	defer s.write.Unlock()
	if s.closed {
		return ErrClosed
	}
	if s.failed != nil {
		return s.failed
	}
	return s.sync()
}

// Install makes a store in dir that begins with one block and the state after it,
// which records gives. What was in dir goes. It appears there when it is complete and
// on the disk, not before.
func Install(dir string, opt Options, b *BlockCommit, cert []byte, records func(emit func(key, value []byte) error) error) error {
	part := dir + ".part"
	if err := errors.Join(os.RemoveAll(dir), os.RemoveAll(part)); err != nil {
		return fmt.Errorf("install a snapshot: %w", err)
	}
	s, err := Open(part, opt)
	if err != nil {
		return fmt.Errorf("install a snapshot: %w", err)
	}
	if err = s.install(b, cert, records); err == nil {
		err = s.db.Sync()
	}
	if err = errors.Join(err, s.Close()); err == nil {
		err = syncFiles(part)
	}
	if err == nil {
		err = os.Rename(part, dir)
	}
	if err == nil {
		err = syncDir(filepath.Dir(dir))
	}
	if err != nil {
		return fmt.Errorf("install the snapshot of height %d: %w", b.Height, err)
	}
	return nil
}

func (s *Store) install(b *BlockCommit, cert []byte, records func(emit func(key, value []byte) error) error) error {
	whole, err := s.installState(b.Height, records)
	if err != nil {
		return err
	}
	block := *b
	block.Changes, block.Places = nil, nil
	entries, err := block.entries()
	if err != nil {
		return err
	}
	if len(cert) > 0 {
		entries = append([]entry{{key: heightKey(kindCertificate, b.Height), value: cert}}, entries...)
	}
	begin := &base{height: b.Height, before: b.CommandsBefore}
	entries = append([]entry{{key: baseKey, value: begin.marshal()}, {key: prunedKey, value: marshalHeight(b.Height)},
		{key: installedKey, value: marshalHeight(b.Height)}}, entries...)
	if err := s.installEntries(b.Height, entries); err != nil { // the tip is the last of them
		return err
	}
	s.tip.Store(&tip{b.Height, b.BlockHash})
	return s.FlushTree(whole, b.Height)
}

func (s *Store) installEntries(h ledger.Height, entries []entry) error {
	for len(entries) > 0 {
		n := s.fit(entries)
		if err := s.putPart(h, entries[:n], false); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

// installState writes the records of a height and makes their tree.
func (s *Store) installState(h ledger.Height, records func(emit func(key, value []byte) error) error) (*tree.Tree, error) {
	var batch []entry
	var changes []tree.Change
	var size int64
	room, whole := s.db.MaxBatchSize()/2, tree.New(s.cache)
	flush := func() (err error) {
		if err := s.installEntries(h, batch); err != nil {
			return err
		}
		whole, err = whole.Apply(changes)
		batch, changes, size = nil, nil, 0
		return errors.Join(err, s.checkSpace(0))
	}
	err := records(func(key, value []byte) error {
		if len(key) == 0 || len(key) > KeyBytesMax || len(value) > ValueBytesMax {
			return fmt.Errorf("%w: a record of %d and %d bytes", ErrTooBig, len(key), len(value))
		}
		c, err := tree.Set(key, value)
		if err != nil {
			return err
		}
		batch, changes = append(batch, entry{key: stateKey(key), value: value}), append(changes, c)
		if size += int64(len(key) + len(value) + entryBytes); size < room {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	return whole, err
}

// syncFiles makes all files below a folder durable.
func syncFiles(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		f, err := os.Open(path) // #nosec G304 -- our folder
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}

// Replace puts the store that Install made in the folder fresh in the place of the one in dir.
// Interrupted at any point, it is completed by the next call; without fresh it
// completes or does nothing.
func Replace(dir, fresh string) error {
	old := dir + ".old"
	if _, err := os.Stat(fresh); err == nil {
		if err := os.RemoveAll(old); err != nil {
			return err
		}
		if err := os.Rename(dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.Rename(fresh, dir); err != nil {
			return err
		}
		if err := syncDir(filepath.Dir(dir)); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		// Cut off between the two, and fresh was taken away since: the old one is all there is.
		if err := os.Rename(old, dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	return os.RemoveAll(old)
}
