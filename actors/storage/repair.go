package storage

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// What is mended is written again under the same key and the same version: Badger reads
// the later writing, and the next compaction keeps it alone.

// ErrNotIt says that what another replica gave is not what stood there. It lies, or it
// is damaged as well.
var ErrNotIt = errors.New("it is not what was there")

// MendBlock writes a whole block again, with what leads to it. The caller has checked
// that it is this block; cert may be nil.
func (s *Store) MendBlock(b *BlockCommit, cert []byte) error {
	s.pruning.Lock() // or the contents of a block would come back that is pruned meanwhile
	defer s.pruning.Unlock()
	tip, hash := s.Tip()
	if b.Height < s.Base() || b.Height > tip || b.Height == tip && b.BlockHash != hash {
		return fmt.Errorf("repair block %d: %w", b.Height, ErrNotIt)
	}
	again := *b
	again.Commands, again.Changes, again.Places = nil, nil, nil
	entries, err := again.entries()
	if err != nil {
		return fmt.Errorf("repair block %d: %w", b.Height, err)
	}
	entries = slices.DeleteFunc(entries, func(e entry) bool { return e.key[0] == kindChanged || string(e.key) == string(tipKey) })
	if len(cert) > 0 {
		entries = append(entries, entry{key: heightKey(kindCertificate, b.Height), value: cert})
	}
	if s.gone(b.Height) != nil { // its contents are to stay away
		entries = slices.DeleteFunc(entries, func(e entry) bool { return e.key[0] == kindTxs || e.key[0] == kindResults || e.key[0] == kindTxID })
	}
	if err := s.rewrite(b.Height, entries); err != nil {
		return fmt.Errorf("repair block %d: %w", b.Height, err)
	}
	return nil
}

// rewrite writes entries at the versions that they have; what is missing at height h.
// Of an envelope that came twice the later place stays.
func (s *Store) rewrite(h ledger.Height, entries []entry) error {
	for _, e := range entries {
		at, later, err := s.versionOf(e.key, h)
		if err == nil && !later {
			err = s.writeAt(at, []entry{e})
		}
		if err != nil {
			return err
		}
	}
	return s.syncAside()
}

// versionOf finds at which version a key stands; later: it leads to a later block.
func (s *Store) versionOf(key []byte, h ledger.Height) (at ledger.Height, later bool, err error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return 0, false, ErrClosed
	}
	defer s.caught(key, &err)
	txn := s.db.NewTransactionAt(math.MaxUint64, false)
	defer txn.Discard()
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return h, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	at = ledger.Height(item.Version())
	if key[0] == kindTxID {
		if raw, err := get(txn, key); err == nil {
			there, _, err := parsePlace(raw)
			later = err == nil && there > h
		}
	}
	return at, later, nil
}

// RecordAt is the record that another replica needs of us to mend its own: what a key had
// as of a height.
func (s *Store) RecordAt(key []byte, at ledger.Height) ([]byte, bool, error) {
	value, found, err := s.Get(key, at)
	if errors.Is(err, ErrPruned) || errors.Is(err, ErrAhead) {
		return nil, false, nil
	}
	return value, found, err
}

// MendRecord writes a record of the state again, which another replica says to have as of
// height at. It must be the one in the state tree, whose root is certified. Errors:
// ErrNotIt, ErrBeyond.
func (s *Store) MendRecord(f Finding, at ledger.Height, record []byte) error {
	place, err := state.PlaceOf([]byte(f.Key), record)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotIt, err)
	}
	rec, err := state.DecodeRecord(record)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotIt, err)
	}
	t, err := s.treeWith(at, []byte(f.Key), record)
	if errors.Is(err, ErrNotIt) {
		return err
	}
	if err != nil {
		return s.treeNoted(err)
	}
	leaf, ok, err := t.Leaf(place)
	if err != nil {
		return s.treeNoted(err)
	}
	if !ok || leaf != state.LeafHash(place, state.RecordHash(record)) {
		return fmt.Errorf("repair the record %q: %w", f.Key, ErrNotIt)
	}
	version, err := s.writtenIn(f, rec.Height)
	if err != nil {
		return err
	}
	if err := s.writeAt(version, []entry{{key: stateKey([]byte(f.Key)), value: record}}); err != nil {
		return err
	}
	if err := s.syncAside(); err != nil {
		return err
	}
	if now, err := s.peek(stateKey([]byte(f.Key)), uint64(at)); err != nil || string(now) != string(record) {
		s.Note(Finding{Kind: DamagedTable, Reason: fmt.Sprintf("the record %q cannot be repaired", f.Key)})
	}
	return nil
}

// treeWith is the state tree of a height if a key has this record. It reads without the
// guard, which would refuse what is near the damage: the certified root says whether all
// is as it was. Errors: ErrNotIt; any other is no fault of whoever gave the record.
func (s *Store) treeWith(at ledger.Height, key, record []byte) (*tree.Tree, error) {
	s.pins.add(at)
	defer s.pins.remove(at)
	f := &flush{}
	raw, err := s.peek(treeKey, uint64(at))
	if err == nil {
		f, err = parseFlush(raw)
	}
	if err != nil && !isNotFound(err) {
		return nil, s.noted(err)
	}
	t := tree.New(s.cache)
	if f.height > 0 {
		if t, err = tree.Open(s.cache, f.entry); err != nil {
			return nil, err
		}
	}
	changes, err := s.changesBy(f.height, at, func(k []byte) ([]byte, bool, error) {
		if string(k) == string(key) {
			return record, true, nil
		}
		raw, err := s.peek(stateKey(k), uint64(at))
		if isNotFound(err) {
			return nil, false, nil
		}
		return raw, err == nil, s.noted(err)
	})
	if err == nil {
		t, err = t.Apply(changes)
	}
	if err != nil {
		return nil, err
	}
	err = s.checkRoot(&scrubView{at: at, tree: t})
	if errors.Is(err, tree.ErrPage) {
		return nil, fmt.Errorf("repair the record %q: %w: %w", key, ErrNotIt, err)
	}
	return t, err
}

// writtenIn is the version at which a record is written again: that of the block that
// wrote it, or that of the snapshot with which the store began. A finding with another
// version is about a damaged key, which only looks like this one.
func (s *Store) writtenIn(f Finding, wrote ledger.Height) (ledger.Height, error) {
	wrote = max(wrote, 1)
	if f.Height == 0 || f.Height == wrote {
		return wrote, nil
	}
	began, err := s.began()
	if err != nil {
		return 0, err
	}
	if began != f.Height || wrote > began {
		return 0, fmt.Errorf("%w: no version %d of the record %q was ever written", ErrBeyond, f.Height, f.Key)
	}
	return f.Height, nil
}

// SeenAt is a height at which a damaged record can be seen.
func (s *Store) SeenAt(f Finding) ledger.Height {
	tip, _ := s.Tip()
	if f.Height == 0 || f.Height > tip {
		return tip
	}
	return max(f.Height, ledger.Height(s.pruned.Load()))
}

// ErrHeld says that the state of a height is being read: once that is over it may go.
var ErrHeld = errors.New("the state of that height is being read")

// GiveUpPast ends reads of the heights that show a version which a later one has replaced,
// and tells from which height on the state can be read. false: nothing has replaced it.
// After an error it may be tried again. Errors: ErrHeld, *DiskFullError.
func (s *Store) GiveUpPast(f Finding) (from ledger.Height, replaced bool, err error) {
	next, err := s.nextVersion(stateKey([]byte(f.Key)), f.Height)
	if err != nil || f.Height == 0 || next == 0 {
		return 0, false, err
	}
	if tip, _ := s.Tip(); next > tip {
		return 0, true, fmt.Errorf("give up the state below %d: %w", next, ErrAhead)
	}
	if err := s.Prune(next); err != nil {
		return 0, true, err
	}
	if ledger.Height(s.pruned.Load()) < next {
		return 0, true, fmt.Errorf("give up the state below %d: %w", next, ErrHeld)
	}
	return next, true, nil
}

// nextVersion is the version of a key that came after another; 0: there is none.
func (s *Store) nextVersion(key []byte, after ledger.Height) (next ledger.Height, err error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return 0, ErrClosed
	}
	defer s.caught(key, &err)
	txn := s.db.NewTransactionAt(math.MaxUint64, false)
	defer txn.Discard()
	opt := badger.DefaultIteratorOptions
	opt.PrefetchValues = false
	it := txn.NewKeyIterator(key, opt)
	defer it.Close()
	for it.Rewind(); it.Valid() && ledger.Height(it.Item().Version()) > after; it.Next() {
		next = ledger.Height(it.Item().Version())
	}
	return next, nil
}
