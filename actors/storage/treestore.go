package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/dgraph-io/badger/v4"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// The state tree is derived from the records. Its pages are written now and then, as
// of the height of the tree; what came since is found by the places that each block
// changed. If pages are lost or damaged, the tree is built anew from the records.

// flush is the value under treeKey.
type flush struct {
	height ledger.Height
	next   uint64 // the first page id that was never used
	entry  []byte // for tree.Open
}

func (f *flush) marshal() []byte {
	var w ledger.Writer
	return w.U64(uint64(f.height)).U64(f.next).Bytes(f.entry).Done()
}

func parseFlush(raw []byte) (*flush, error) {
	r := ledger.NewPlainReader(raw)
	f := &flush{height: ledger.Height(r.U64()), next: r.U64(), entry: r.Bytes(len(raw))}
	return f, r.Close()
}

// Page implements tree.Pages.
func (s *Store) Page(id uint64, at ledger.Height) ([]byte, error) {
	return s.read(pageKey(id), uint64(at))
}

// lastFlush is the newest flush as of a height.
func (s *Store) lastFlush(at ledger.Height) (*flush, error) {
	raw, found, err := s.maybeAt(treeKey, uint64(at))
	if err != nil || !found {
		return &flush{next: 1}, err
	}
	f, err := parseFlush(raw)
	if err != nil {
		return nil, corrupt(treeKey, uint64(at), err.Error())
	}
	return f, nil
}

// Tree is the state tree as of a height. If it is not at hand, what changed since the
// flush before is read, and nothing else. Errors: ErrAhead, ErrPruned, *CorruptError,
// tree.ErrPage.
func (s *Store) Tree(at ledger.Height) (*tree.Tree, error) {
	if err := s.Retained(at); err != nil {
		return nil, err
	}
	if t := s.views.get(at); t != nil {
		return t, nil
	}
	f, err := s.lastFlush(at)
	if err != nil {
		return nil, err
	}
	t := tree.New(s.cache)
	if f.height > 0 {
		if t, err = tree.Open(s.cache, f.entry, f.height); err != nil {
			return nil, err
		}
	}
	changes, err := s.changesBetween(f.height, at)
	if err == nil {
		t, err = t.Apply(changes)
	}
	if err != nil {
		return nil, fmt.Errorf("the state tree of height %d: %w", at, err)
	}
	s.views.ask(at, t)
	return t, nil
}

// changesBetween is what leads from one height's tree to that of a later one.
func (s *Store) changesBetween(from, to ledger.Height) ([]tree.Change, error) {
	return s.changesBy(from, to, func(key []byte) ([]byte, bool, error) { return s.Get(key, to) })
}

// changesBy takes what stands at a key from get.
func (s *Store) changesBy(from, to ledger.Height, get func(key []byte) ([]byte, bool, error)) ([]tree.Change, error) {
	seen := map[string]bool{}
	var out []tree.Change
	for h := from + 1; h <= to; h++ {
		places, err := s.Changed(h)
		if err != nil {
			return nil, err
		}
		for _, p := range places {
			if seen[string(p)] {
				continue
			}
			seen[string(p)] = true
			c, err := placed(p, to, get)
			if err != nil {
				return nil, err
			}
			out = append(out, c)
		}
	}
	return out, nil
}

// placed is what stands at a place as of a height.
func placed(place []byte, at ledger.Height, get func(key []byte) ([]byte, bool, error)) (tree.Change, error) {
	key, err := state.KeyOf(place)
	if err != nil {
		return tree.Change{}, err
	}
	raw, found, err := get(key)
	if err != nil || !found {
		return tree.Change{Key: place, Remove: true}, err
	}
	now, err := state.PlaceOf(key, raw)
	if err != nil {
		return tree.Change{}, corrupt(stateKey(key), uint64(at), err.Error())
	}
	if string(now) != string(place) { // its audience is another one now
		return tree.Change{Key: place, Remove: true}, nil
	}
	return tree.Change{Key: place, Record: state.RecordHash(raw), Size: len(key) + len(raw)}, nil
}

// RebuildTree makes the tree of a height from all its records, without any page. It
// takes as long as reading them, and holds all of it in memory until it is flushed.
func (s *Store) RebuildTree(at ledger.Height) (*tree.Tree, error) {
	t := tree.New(s.cache)
	var batch []tree.Change
	flush := func() (err error) {
		t, err = t.Apply(batch)
		batch = batch[:0]
		return err
	}
	err := s.Each(at, func(k, v []byte) error {
		c, err := treeChange(k, v)
		if err != nil {
			return corrupt(stateKey(k), uint64(at), err.Error())
		}
		if batch = append(batch, c); len(batch) < treeBatch {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		return nil, fmt.Errorf("build the state tree of height %d: %w", at, err)
	}
	return t, nil
}

const treeBatch = 8192

func treeChange(key, record []byte) (tree.Change, error) {
	place, err := state.PlaceOf(key, record)
	return tree.Change{Key: place, Record: state.RecordHash(record), Size: len(key) + len(record)}, err
}

// pageGroup is how many pages are written together.
const pageGroup = 256

// FlushTree writes the pages of a stored height's tree that are not in the store yet.
// Commits go in between. On success the pages are durable. Of several calls at once
// one waits for the other.
func (s *Store) FlushTree(t *tree.Tree, at ledger.Height) error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	if tip, _ := s.Tip(); at > tip {
		return fmt.Errorf("flush the tree of height %d: %w", at, ErrAhead)
	}
	last, err := s.lastFlush(math.MaxUint64)
	if err != nil || last.height >= at {
		return err
	}
	if s.flushed == nil && last.height > 0 {
		if s.flushed, err = tree.Open(s.cache, last.entry, last.height); err != nil {
			return err
		}
	}
	if err := s.writeFlush(t, at, last.next); err != nil {
		return fmt.Errorf("flush the state tree of height %d: %w", at, err)
	}
	s.flushed = t
	return nil
}

func (s *Store) writeFlush(t *tree.Tree, at ledger.Height, next uint64) error {
	var batch []entry
	write := func() error {
		err := s.writeAt(at, batch)
		batch = batch[:0]
		return err
	}
	f, err := t.Flush(at, next, s.flushed, func(id uint64, raw []byte) error {
		if batch = append(batch, entry{key: pageKey(id), value: raw}); len(batch) < pageGroup {
			return nil
		}
		return write()
	})
	if err != nil {
		return err
	}
	err = write()
	if err == nil {
		err = s.syncAside() // the pages before what says that they are there
	}
	if err == nil {
		mark := &flush{height: at, next: f.Next, entry: f.Entry}
		err = s.writeAt(at, []entry{{key: treeKey, value: mark.marshal()}})
	}
	if err != nil {
		f.Undo()
		return err
	}
	f.Done()
	return s.freePages(f, at, next)
}

// freePages removes what only older trees need. It comes after the mark: were a flush cut
// off behind it, the pages of the tree before could be compacted away. Cut off here,
// some that nobody needs stay.
func (s *Store) freePages(f *tree.Flush, at ledger.Height, next uint64) (err error) {
	if f.Kept == 0 { // it was built anew: whatever there is, is of no use
		if f.Freed, err = s.pagesBelow(next); err != nil {
			return err
		}
	}
	batch := make([]entry, len(f.Freed))
	for i, id := range f.Freed {
		batch[i] = entry{key: pageKey(id), remove: true}
	}
	return s.writeAt(at, batch)
}

// pagesBelow are the pages with ids below next. Their values are not looked at: some may
// be what is damaged.
func (s *Store) pagesBelow(next uint64) (out []uint64, err error) {
	err = s.eachPage(false, func(id uint64) {
		if id < next {
			out = append(out, id)
		}
	})
	return out, err
}

// eachPage calls fn with the ids of all pages; ever: also of those that are gone.
func (s *Store) eachPage(ever bool, fn func(id uint64)) (err error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return ErrClosed
	}
	defer s.caught([]byte{kindPage}, &err)
	txn := s.db.NewTransactionAt(math.MaxUint64, false)
	defer txn.Discard()
	opt := badger.DefaultIteratorOptions
	opt.PrefetchValues, opt.AllVersions, opt.Prefix = false, ever, []byte{kindPage}
	it := txn.NewIterator(opt)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		if key := it.Item().Key(); len(key) == 9 {
			fn(binary.BigEndian.Uint64(key[1:]))
		}
	}
	return nil
}

// writeAt writes at a height beside the blocks, in as many transactions as it takes.
func (s *Store) writeAt(at ledger.Height, entries []entry) error {
	for len(entries) > 0 {
		if s.tear != nil {
			if err := s.tear(); err != nil {
				return err
			}
		}
		n := s.fit(entries)
		part := entries[:n]
		err := s.aside(func(ledger.Height, *badger.Txn) (ledger.Height, []entry, error) { return at, part, nil })
		if err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

// Changed are the places that a block changed, in the order in which it did. Of blocks
// below the oldest retained height they are gone.
func (s *Store) Changed(h ledger.Height) ([][]byte, error) {
	var raw []byte
	for piece := 0; ; piece++ {
		part, found, err := s.maybeAt(chunkKey(kindChanged, h, piece), math.MaxUint64)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, s.noted(corrupt(chunkKey(kindChanged, h, piece), uint64(h), "the list of changes is missing"))
		}
		raw = append(raw, part...)
		if len(part) < pieceBytes {
			break
		}
	}
	places, err := unpackPlaces(raw)
	if err != nil {
		return nil, s.noted(corrupt(chunkKey(kindChanged, h, 0), uint64(h), err.Error()))
	}
	return places, nil
}

var errPlaces = errors.New("the list of changes is cut off")

// packPlaces writes places, each behind its length in two bytes, in pieces.
func packPlaces(places [][]byte) (pieces [][]byte) {
	var raw []byte
	for _, p := range places {
		raw = append(raw, byte(len(p)>>8), byte(len(p))) // #nosec G115 -- at most state.PlacedBytesMax
		raw = append(raw, p...)
	}
	for len(raw) >= pieceBytes {
		pieces, raw = append(pieces, raw[:pieceBytes:pieceBytes]), raw[pieceBytes:]
	}
	return append(pieces, raw)
}

func unpackPlaces(raw []byte) (places [][]byte, err error) {
	for len(raw) > 0 {
		if len(raw) < 2 || len(raw)-2 < int(raw[0])<<8+int(raw[1]) {
			return nil, errPlaces
		}
		n := int(raw[0])<<8 + int(raw[1])
		places, raw = append(places, raw[2:2+n:2+n]), raw[2+n:]
	}
	return places, nil
}
