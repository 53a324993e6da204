package storage

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/snapshot"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// ErrBeyond says that damage cannot be mended: the whole store must be fetched anew.
var ErrBeyond = errors.New("this cannot be repaired piece by piece")

// MendHere repairs what can be made anew from the rest of the store. validityMax is how
// long a command can count. Errors: ErrBeyond, or of the machine.
func (s *Store) MendHere(f Finding, validityMax ledger.Time) error {
	switch f.Kind {
	case DamagedIndex:
		return s.mendIndex(f)
	case DamagedCommand:
		return s.mendCommand(f, validityMax)
	case DamagedPlaces:
		return s.mendPlaces(f.Height)
	case DamagedTree:
		return s.mendTree()
	case DamagedMark:
		return s.mendMark([]byte(f.Key))
	}
	return fmt.Errorf("%w: %s", ErrBeyond, f)
}

// mendIndex writes what leads to a block.
func (s *Store) mendIndex(f Finding) error {
	if f.Height != 0 {
		return s.indexBlock(f.Height)
	}
	// A damaged key says nothing about which one it was: every block is looked at, and
	// what is left of those that are pruned.
	tip, _ := s.Tip()
	for h := s.Base(); h <= tip; h++ {
		if err := s.indexBlock(h); err != nil && !s.hopeless(h, err) {
			return err
		}
	}
	if err := s.indexHeld(); err != nil {
		return err
	}
	if now, err := s.peek([]byte(f.Key), math.MaxUint64); err == nil && now != nil {
		return nil
	}
	return s.rewrite(tip, []entry{{key: []byte(f.Key), remove: true}}) // no block has it
}

// hopeless reports whether an error comes of a block that nobody can mend: nothing waits
// for it.
func (s *Store) hopeless(h ledger.Height, err error) bool {
	return isDamaged(err) && s.damage.abandoned(Finding{Kind: DamagedBlock, Height: h})
}

func (s *Store) wholeBlock(h ledger.Height) (*StoredBlock, *snapshot.Block, error) {
	b, err := s.Block(h)
	if err != nil {
		return nil, nil, err
	}
	whole, err := snapshot.NewBlock(b.Header, b.Outcome, b.Txs, b.Results)
	if err != nil {
		err = s.noted(corrupt(heightKey(kindBlock, h), uint64(h), err.Error()))
	}
	return b, whole, err
}

// indexBlock writes what leads to a block where it is not as it should be. To a pruned one
// its hash leads; for what is held of it see indexHeld.
func (s *Store) indexBlock(h ledger.Height) error {
	s.pruning.Lock() // or what is about to be erased would be written again
	defer s.pruning.Unlock()
	if s.gone(h) != nil {
		b, err := s.Head(h)
		if err != nil {
			return err
		}
		return s.index(h, []entry{{key: hashKey(kindBlockHash, b.Hash), value: marshalHeight(h)}})
	}
	b, whole, err := s.wholeBlock(h)
	if err != nil {
		return err
	}
	entries := []entry{{key: hashKey(kindBlockHash, b.Hash), value: marshalHeight(h)}}
	for i, r := range whole.Results {
		entries = append(entries, entry{key: hashKey(kindTxID, r.TxID), value: marshalPlace(h, uint32(i))}) // #nosec G115 -- bounded by the block
	}
	return s.index(h, entries)
}

// indexHeld writes what leads to the transactions that outlived their blocks, also to those
// of blocks that were never here: a new store has them from the one before.
func (s *Store) indexHeld() error {
	s.pruning.Lock()
	defer s.pruning.Unlock()
	heights, err := s.heldHeights()
	if err != nil {
		return err
	}
	for _, h := range heights {
		held, err := s.heldEntries(h, nil)
		if isDamaged(err) {
			continue // its own finding says so: nobody else need have it
		}
		if err != nil {
			return err
		}
		held = slices.DeleteFunc(held, func(e entry) bool { return e.key[0] != kindTxID && e.key[0] != kindBlockHash })
		if err := s.index(h, held); err != nil {
			return err
		}
	}
	return nil
}

// index writes the entries that are not as they should be.
func (s *Store) index(h ledger.Height, entries []entry) error {
	entries = slices.DeleteFunc(entries, func(e entry) bool {
		now, err := s.peek(e.key, math.MaxUint64)
		return err == nil && string(now) == string(e.value)
	})
	if len(entries) == 0 {
		return nil
	}
	return s.rewrite(h, entries)
}

// mendCommand looks through the blocks whose commands can count, and writes every entry
// that is not as it should be: a damaged key says nothing about which one it was.
func (s *Store) mendCommand(f Finding, validityMax ledger.Time) error {
	now, err := s.tipTime()
	if err != nil {
		return err
	}
	tip, _ := s.Tip()
	known := false
	for h := tip; h > 0; h-- {
		if h < s.Oldest() {
			return fmt.Errorf("%w: a command of a block that is not here", ErrBeyond)
		}
		_, whole, err := s.wholeBlock(h)
		if err != nil {
			return err
		}
		for _, c := range whole.Commands.Commands {
			known = known || f.Key == string(c.Key[:])
			if c.Expires < now {
				continue
			}
			if err := s.keepCommand(Command{Key: c.Key, Height: h, Index: c.Index, Expires: c.Expires}); err != nil {
				return err
			}
		}
		if whole.Header.Time < now-validityMax {
			break
		}
	}
	if known {
		return nil
	}
	return s.rewrite(tip, []entry{{key: append([]byte{kindCommand}, f.Key...), remove: true}}) // it counts no more
}

// keepCommand writes an entry unless it, or one of a later block, is there.
func (s *Store) keepCommand(c Command) error {
	key := hashKey(kindCommand, c.Key)
	raw, err := s.peek(key, math.MaxUint64)
	if err == nil {
		if have, bad := parseCommand(c.Key, raw); bad == nil && (have == c || have.Height > c.Height) {
			return nil
		}
	}
	if errors.Is(err, ErrClosed) {
		return err
	}
	return s.rewrite(c.Height, []entry{{key: key, value: marshalCommand(c)}})
}

// peek reads a value, whatever the table around it is like.
func (s *Store) peek(key []byte, at uint64) (value []byte, err error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return nil, ErrClosed
	}
	defer s.caught(key, &err)
	txn := s.db.NewTransactionAt(at, false)
	defer txn.Discard()
	return get(txn, key)
}

// mendPlaces finds the places that a block changed by the versions that it wrote.
func (s *Store) mendPlaces(h ledger.Height) error {
	tip, _ := s.Tip()
	if h <= ledger.Height(s.pruned.Load()) {
		return s.mendOldPlaces(h, tip)
	}
	if h > tip {
		return fmt.Errorf("%w: the changes of block %d", ErrBeyond, h)
	}
	keys, err := s.writtenAt(h)
	if err != nil {
		return err
	}
	var places [][]byte
	for _, key := range keys {
		for _, at := range []ledger.Height{h - 1, h} {
			if at < ledger.Height(s.pruned.Load()) {
				continue
			}
			raw, err := s.peek(stateKey(key), uint64(at))
			if isNotFound(err) {
				continue
			}
			if err != nil {
				return s.noted(err)
			}
			place, err := state.PlaceOf(key, raw)
			if err != nil {
				return s.noted(corrupt(stateKey(key), uint64(at), err.Error()))
			}
			if n := len(places); n == 0 || string(places[n-1]) != string(place) {
				places = append(places, place)
			}
		}
	}
	var entries []entry
	for i, piece := range packPlaces(places) {
		entries = append(entries, entry{key: chunkKey(kindChanged, h, i), value: piece})
	}
	return s.rewrite(h, entries)
}

// mendOldPlaces is about a list from which only trees of the past follow. Its versions may
// be gone, so the trees are given up that need it.
func (s *Store) mendOldPlaces(h, tip ledger.Height) error {
	f, err := s.lastFlush(ledger.Height(s.pruned.Load()))
	if err != nil || h <= f.height {
		return err // none needs it
	}
	if err := s.mendTree(); err != nil {
		return err
	}
	if err := s.Prune(tip); err != nil {
		return err
	}
	if f, err = s.lastFlush(ledger.Height(s.pruned.Load())); err == nil && h > f.height {
		err = fmt.Errorf("the list of changes of block %d is still needed", h)
	}
	return err
}

// writtenAt are the keys of the state that have a version of this height.
func (s *Store) writtenAt(h ledger.Height) (keys [][]byte, err error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return nil, ErrClosed
	}
	defer s.caught([]byte{kindState}, &err)
	txn := s.db.NewTransactionAt(uint64(h), false)
	defer txn.Discard()
	opt := badger.DefaultIteratorOptions
	opt.SinceTs, opt.AllVersions, opt.PrefetchValues, opt.Prefix = uint64(h)-1, true, false, []byte{kindState}
	it := txn.NewIterator(opt)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		if it.Item().Version() == uint64(h) {
			keys = append(keys, it.Item().KeyCopy(nil)[1:])
		}
	}
	return keys, nil
}

// mendTree builds the tree anew from all records, and writes it with new pages. It takes
// as long as reading the records, beside everything else.
func (s *Store) mendTree() error {
	tip, _ := s.Tip()
	if tip == 0 {
		return nil
	}
	s.pins.add(tip)
	defer s.pins.remove(tip)
	t, err := s.RebuildTree(tip)
	if err != nil {
		return err
	}
	if err := s.checkRoot(&scrubView{at: tip, tree: t}); err != nil {
		if errors.Is(err, tree.ErrPage) {
			return fmt.Errorf("%w: the records do not give the certified state", ErrBeyond)
		}
		return err
	}
	return s.replaceTree(t, tip)
}

// replaceTree writes all pages of a tree that was built anew. Those of the flushes before
// serve the trees of the past only.
func (s *Store) replaceTree(t *tree.Tree, at ledger.Height) error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	if last, err := s.lastFlush(math.MaxUint64); err == nil && last.height > at {
		return nil // another one was written meanwhile; if that is damaged it will be seen
	}
	if err := s.writeFlush(t, at, s.pages.End()); err != nil {
		return fmt.Errorf("write the state tree of height %d: %w", at, err)
	}
	s.views.clear()
	return nil
}

// mendMark writes a mark as this process knows it.
func (s *Store) mendMark(key []byte) error {
	height, hash := s.Tip()
	var value []byte
	switch string(key) {
	case string(tipKey):
		value = (&tip{height, hash}).marshal()
	case string(baseKey):
		value = s.base.Load().marshal()
	case string(prunedKey):
		value = marshalHeight(ledger.Height(s.pruned.Load()))
	case string(floorKey):
		s.pruning.Lock()
		value = mark{floor: ledger.Height(s.floor.Load()), swept: s.swept}.marshal()
		s.pruning.Unlock()
	case string(partsKey):
		value = marshalHeight(height) // it was completed
	default:
		return fmt.Errorf("%w: an unknown mark", ErrBeyond)
	}
	return s.rewrite(height, []entry{{key: key, value: value}})
}
