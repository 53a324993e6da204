package storage

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/dgraph-io/badger/v4"

	"github.com/concordat-ledger/concordat/ledger"
)

// A block is pruned in an order that a crash may cut anywhere: first what is held of it
// is kept aside; then the floor is raised over it, and from then on nobody sees its
// contents; when the floor is durable they are erased. The mark says how far each has
// come, and a start goes on from there. What is done twice does no harm.
//
// Contents are erased at the version at which they were written, that of the block's own
// height, which is below Badger's discard timestamp already: the marks of erasure then
// go, with what they erase, the first time a compaction has both. At the tip's height they
// would have to wait for another one. A key that a later block wrote again stays.

// mark is how far blocks are pruned: nobody sees contents below the floor, and nothing is
// left of them below swept.
type mark struct{ floor, swept ledger.Height }

func (m mark) marshal() []byte {
	var w ledger.Writer
	return w.U64(uint64(m.floor)).U64(uint64(m.swept)).Done()
}

func parseMark(raw []byte) (mark, error) {
	r := ledger.NewPlainReader(raw)
	m := mark{floor: ledger.Height(r.U64()), swept: ledger.Height(r.U64())}
	return m, r.Close()
}

func (s *Store) loadFloor() error {
	raw, found, err := s.openMark(floorKey)
	if err != nil || !found {
		return err
	}
	m, err := parseMark(raw)
	if err != nil {
		return corrupt(floorKey, 0, err.Error())
	}
	s.floor.Store(uint64(m.floor))
	s.swept, s.erased = m.swept, m.swept
	return nil
}

// Oldest is the oldest whole block: those below have lost their contents, or were never here.
func (s *Store) Oldest() ledger.Height { return max(s.Base(), ledger.Height(s.floor.Load())) }

// OldestState is the lowest height whose state can be read.
func (s *Store) OldestState() ledger.Height { return ledger.Height(s.pruned.Load()) }

// gone is the error for the contents of a pruned block; nil if it is not pruned.
func (s *Store) gone(h ledger.Height) error {
	if h < s.Oldest() {
		return &PrunedError{Height: h, Oldest: s.Oldest()}
	}
	return nil
}

// Prune gives up reads of the state below height before; its versions go when
// Badger next compacts. Blocks stay. before must not be above the tip. What is being
// served stays until it is closed.
func (s *Store) Prune(before ledger.Height) error {
	before = s.pins.bound(before)
	defer s.pins.bounded()
	if uint64(before) <= s.pruned.Load() {
		return nil
	}
	err := s.aside(func(tip ledger.Height, _ *badger.Txn) (ledger.Height, []entry, error) {
		if before > tip {
			return 0, nil, fmt.Errorf("prune below %d: %w", before, ErrAhead)
		}
		return tip, []entry{{key: prunedKey, value: marshalHeight(before)}}, nil
	})
	if err == nil {
		err = s.syncAside() // or a power cut brings back heights whose versions are gone
	}
	if err != nil {
		return err
	}
	s.pruned.Store(uint64(before))
	s.views.drop(before)
	s.db.SetDiscardTs(uint64(before))
	return nil
}

// PruneBlocks prunes at most so many blocks below a height, which must not be above the
// tip, and the state below them. It returns how many it did; 0: there are none, and
// nothing is left of those that were. Their headers, outcomes, proofs and certificates
// stay, and what is held. Commits go in between its steps.
//
// What one call raised the floor over the next one erases: by then a commit has made
// the floor durable, and no sync is spent on it.
func (s *Store) PruneBlocks(below ledger.Height, most int, holds Holds) (int, error) {
	s.pruning.Lock()
	defer s.pruning.Unlock()
	if tip, _ := s.Tip(); below > tip {
		return 0, fmt.Errorf("prune below %d: %w", below, ErrAhead)
	}
	if err := s.erasePending(); err != nil {
		return 0, err
	}
	floor := ledger.Height(s.floor.Load())
	if s.erased < floor {
		n := min(floor-s.erased, ledger.Height(most)) // #nosec G115 -- positive
		return int(n), s.finish(s.erased + n)         // #nosec G115 -- at most most
	}
	from := max(floor, s.Base())
	to := min(below, from+ledger.Height(most)) // #nosec G115 -- positive
	if to <= from {
		return 0, nil
	}
	var all []*leaving
	for h := from; h < to; h++ {
		l, err := s.leaving(h)
		if s.hopeless(h, err) { // what others could give has been asked for
			s.log.Warn("a block is pruned whose contents are damaged, and nobody could give them; nothing is held of it", "height", h)
			err = nil
		}
		if err != nil {
			return 0, fmt.Errorf("prune block %d: %w", h, err)
		}
		if l != nil {
			all = append(all, l)
		}
	}
	if err := s.hold(all, holds); err != nil {
		return 0, err
	}
	if err := s.raise(to); err != nil {
		return 0, fmt.Errorf("prune below %d: %w", to, err)
	}
	for _, l := range all { // of what was damaged in them nothing is left
		s.damage.forget(Finding{Kind: DamagedBlock, Height: l.height})
	}
	s.pending, s.pendingSyncs, s.erased = all, s.syncs.Load(), from
	return int(to - from), nil // #nosec G115 -- at most most
}

// erasePending erases the blocks over which the floor was raised last.
func (s *Store) erasePending() error {
	if s.pending == nil {
		return nil
	}
	if s.syncs.Load() == s.pendingSyncs {
		if err := s.syncAside(); err != nil {
			return err
		}
	}
	s.db.SetDiscardTs(s.pruned.Load())
	for _, l := range s.pending {
		if err := s.erase(l); err != nil {
			return fmt.Errorf("prune block %d: %w", l.height, err)
		}
	}
	s.pending, s.erased = nil, ledger.Height(s.floor.Load())
	return s.eraseChanged()
}

// changedMost is how many lists of changes go in one step, at most.
const changedMost = 64

// eraseChanged removes the lists of changes from which no tree is made any more: the tree
// of each height that can be read is made from a flush that is not older than the last one
// before the oldest state. A list can be older than the floor, and stay.
func (s *Store) eraseChanged() error {
	f, err := s.lastFlush(ledger.Height(s.pruned.Load()))
	if err != nil {
		return err
	}
	it, err := s.scan(kindChanged, heightKey(kindChanged, s.changed)[1:], heightKey(kindChanged, f.height+1)[1:], math.MaxUint64, false)
	if err != nil {
		return err
	}
	defer it.Close()
	for n := 0; n < changedMost && it.Next(); n++ {
		h := ledger.Height(binary.BigEndian.Uint64(it.Key()))
		list := entry{key: append([]byte{kindChanged}, it.Key()...), remove: true}
		err := s.asideWithin(s.opt.FreeBytesMin/2, func(ledger.Height, *badger.Txn) (ledger.Height, []entry, error) {
			return h, []entry{list}, nil
		})
		if err != nil {
			return err
		}
		s.changed = h
	}
	return it.Err()
}

// finish erases again what a crash may have left below the floor.
func (s *Store) finish(to ledger.Height) error {
	for h := max(s.erased, s.Base()); h < to; h++ {
		l, err := s.leaving(h)
		if l == nil && s.hopeless(h, err) {
			continue // what is left of it cannot be found, and nobody sees it
		}
		if l != nil && isDamaged(err) { // results go last: no id is left
			err = nil
		}
		if err == nil {
			err = s.findHeld(l)
		}
		if err == nil {
			err = s.erase(l)
		}
		if err != nil {
			return fmt.Errorf("prune block %d: %w", h, err)
		}
	}
	s.erased = to
	return nil
}

// raise lifts the floor. What the mark says to be swept was erased before the last sync.
func (s *Store) raise(to ledger.Height) error {
	before := max(s.pins.bound(to), ledger.Height(s.pruned.Load()))
	defer s.pins.bounded()
	m := mark{floor: to, swept: s.swept}
	err := s.asideWithin(s.opt.FreeBytesMin/2, func(tip ledger.Height, _ *badger.Txn) (ledger.Height, []entry, error) {
		return tip, []entry{{key: floorKey, value: m.marshal()}, {key: prunedKey, value: marshalHeight(before)}}, nil
	})
	if err != nil {
		return err
	}
	s.swept = s.erased
	s.floor.Store(uint64(to))
	s.pruned.Store(uint64(before))
	s.views.drop(before)
	return nil
}

// leaving is a block that is being pruned.
type leaving struct {
	height  ledger.Height
	record  *blockRecord
	version uint64   // at which it was written
	raw     [][]byte // results
	results []*ledger.Result
	held    map[ledger.Hash]bool // ids of transactions that stay
}

// leaving reads what is needed of a block. One whose results are damaged, or not there,
// comes with the error.
func (s *Store) leaving(h ledger.Height) (*leaving, error) {
	rec, version, err := s.recordVersion(h)
	if err != nil {
		return nil, err
	}
	l := &leaving{height: h, record: rec, version: version}
	if l.raw, err = s.stored(kindResults, h, rec.Results); err != nil {
		return l, err
	}
	results := make([]*ledger.Result, len(l.raw))
	for i := range l.raw {
		if results[i], err = ledger.ParseResult(l.raw[i]); err != nil {
			return l, corrupt(chunkKey(kindResults, h, 0), version, err.Error())
		}
	}
	l.results = results
	return l, nil
}

// erase removes transactions, results and ids, the results last. Expired commands go with
// all others, see DropCommands.
func (s *Store) erase(l *leaving) error {
	var out []entry
	for i, r := range l.results {
		e, err := s.eraseID(l, uint32(i), r) // #nosec G115 -- bounded by the block
		if err != nil {
			return err
		}
		if e != nil {
			out = append(out, *e)
		}
	}
	for i := range l.record.Txs.Firsts {
		out = append(out, entry{key: chunkKey(kindTxs, l.height, i), remove: true})
	}
	for i := range l.record.Results.Firsts {
		out = append(out, entry{key: chunkKey(kindResults, l.height, i), remove: true})
	}
	for parts := 0; len(out) > 0; parts++ {
		part := out[:s.fit(out)]
		out = out[len(part):]
		if parts > 0 { // none must be durable before the one before it
			if err := s.syncAside(); err != nil {
				return err
			}
		}
		err := s.asideWithin(s.opt.FreeBytesMin/2, func(tip ledger.Height, txn *badger.Txn) (ledger.Height, []entry, error) {
			if l.version == uint64(l.height) {
				return l.height, part, nil
			}
			return tip, ours(txn, l.height, part), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// eraseID says what becomes of the place of a transaction; nil: it stays.
func (s *Store) eraseID(l *leaving, i uint32, r *ledger.Result) (*entry, error) {
	key := hashKey(kindTxID, r.TxID)
	if l.held[r.TxID] {
		return nil, nil
	}
	if r.Status == ledger.StatusDuplicate && r.First.Height < l.height {
		// The same envelope may be held where it came first.
		first, ok, err := s.Held(r.First.Height, r.First.Index)
		if err != nil {
			return nil, err
		}
		if ok && first.is(r.TxID) {
			return &entry{key: key, value: marshalPlace(r.First.Height, r.First.Index)}, nil
		}
	}
	return &entry{key: key, remove: true}, nil
}

// ours leaves out the places of transactions that another block has, too. A block that was
// fetched from the past was not written at its own height.
func ours(txn *badger.Txn, h ledger.Height, part []entry) []entry {
	var out []entry
	for _, e := range part {
		if e.key[0] == kindTxID {
			raw, err := get(txn, e.key)
			if at, _, bad := parsePlace(raw); err != nil || bad != nil || at != h {
				continue
			}
		}
		out = append(out, e)
	}
	return out
}
