package storage

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"github.com/concordat-ledger/concordat/actors/storage/pagelog"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// The state tree is derived from the records. Its pages are written now and then, as
// of the height of the tree, to a log of their own (pagelog); what came since is found by
// the places that each block changed. If pages are lost or damaged, the tree is built
// anew from the records.
//
// The mark of a flush comes after its pages are durable, and stands at the flush's height:
// the newest mark at or below a height leads to the tree of that height.

// flush is the value under treeKey.
type flush struct {
	height ledger.Height
	end    uint64 // of the log of pages
	from   uint64 // this tree, and those of all later flushes, have no page below
	stored uint64 // bytes of the tree's pages
	entry  []byte // for tree.Open
}

func (f *flush) marshal() []byte {
	var w ledger.Writer
	return w.U64(uint64(f.height)).U64(f.end).U64(f.from).U64(f.stored).Bytes(f.entry).Done()
}

func parseFlush(raw []byte) (*flush, error) {
	r := ledger.NewPlainReader(raw)
	f := &flush{height: ledger.Height(r.U64()), end: r.U64(), from: r.U64(), stored: r.U64(), entry: r.Bytes(len(raw))}
	return f, r.Close()
}

// openPages opens the log of pages where the last flush ended.
func (s *Store) openPages() (err error) {
	f, err := s.lastFlush(math.MaxUint64)
	switch {
	case isDamaged(err): // it is noted: the tree will be written anew, behind what there is
		s.pages, err = pagelog.OpenAll(pagesDir(s.dir), s.opt.TreeSegmentBytes)
	case err == nil:
		s.froms = []uint64{f.from}
		s.needed.Store(f.from)
		s.pages, err = pagelog.Open(pagesDir(s.dir), f.end, s.opt.TreeSegmentBytes)
	}
	return err
}

func pagesDir(dir string) string { return filepath.Join(dir, "tree") }

// Page implements tree.Pages. A page that was dropped is ErrPruned: only trees of heights
// that cannot be read any more had it.
func (s *Store) Page(addr uint64, size int) ([]byte, error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return nil, ErrClosed
	}
	raw, err := s.pages.Read(addr, size)
	if errors.Is(err, pagelog.ErrDropped) {
		err = fmt.Errorf("%w: %w", ErrPruned, err)
	}
	if err != nil {
		s.views.clear() // whoever asks again does not get what needs this page
		s.pageNoted(addr, err)
	}
	return raw, err
}

// pageNoted notes damage of a page, unless only trees of the past have it: it cannot be
// made again.
func (s *Store) pageNoted(addr uint64, err error) {
	var damaged *pagelog.Corrupt
	if errors.As(err, &damaged) && addr >= s.needed.Load() {
		s.Note(Finding{Kind: DamagedTree, Reason: err.Error()})
	}
}

// lastFlush is the newest flush as of a height.
func (s *Store) lastFlush(at ledger.Height) (*flush, error) {
	raw, found, err := s.maybeAt(treeKey, uint64(at))
	if err != nil || !found {
		return &flush{}, err
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
	release, err := s.Pin(at) // what the tree is made from stays meanwhile
	if err != nil {
		return nil, err
	}
	defer release()
	if t := s.views.get(at); t != nil {
		return t, nil
	}
	f, err := s.lastFlush(at)
	if err != nil {
		return nil, err
	}
	t, err := s.treeFrom(f, at)
	if err != nil {
		return nil, fmt.Errorf("the state tree of height %d: %w", at, err)
	}
	if tip, _ := s.Tip(); tip == at {
		s.views.put(at, t)
	} else {
		s.views.ask(at, t)
	}
	return t, nil
}

// treeFrom is the tree of a height by the pages of a flush, and what changed since.
func (s *Store) treeFrom(f *flush, at ledger.Height) (*tree.Tree, error) {
	t := tree.New(s.cache)
	if f.height > 0 {
		var err error
		if t, err = tree.Open(s.cache, f.entry); err != nil {
			return nil, err
		}
	}
	changes, err := s.changesBetween(f.height, at)
	if err != nil {
		return nil, err
	}
	return t.Apply(changes)
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
	now, err := tree.Set(key, raw)
	if err != nil {
		return tree.Change{}, corrupt(stateKey(key), uint64(at), err.Error())
	}
	if string(now.Key) != string(place) { // its audience is another one now
		return tree.Change{Key: place, Remove: true}, nil
	}
	return now, nil
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
		c, err := tree.Set(k, v)
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
	below := s.cleanBelow(last)
	err = s.writeFlush(t, at, below)
	if errors.Is(err, tree.ErrPage) { // its pages may be those of before a repair
		if anew, known := s.treeFrom(last, at); known == nil && anew.Root() == t.Root() {
			err = s.writeFlush(anew, at, below)
		}
	}
	if err == nil {
		err = s.dropPages()
	}
	if err != nil {
		return fmt.Errorf("flush the state tree of height %d: %w", at, err)
	}
	return nil
}

// cleanBelow is the address below which a flush writes pages again: the log then has about
// twice the bytes of the tree, and one segment, of which a segment is to go with little
// in it that is needed. While every height can be read nothing goes, and it would be
// written for nothing.
func (s *Store) cleanBelow(last *flush) uint64 {
	began, err := s.began()
	if err != nil || ledger.Height(s.pruned.Load()) <= began {
		return last.from
	}
	size := uint64(s.opt.TreeSegmentBytes)
	now, keep := uint64(pagelog.Segment(s.pages.End())), max(1, (2*last.stored+size-1)/size)
	if now <= keep {
		return last.from
	}
	return max(last.from, pagelog.First(uint32(now-keep))) // #nosec G115 -- less than a segment's number
}

// roomEvery is how many bytes of pages are written between looks at the room on the disk.
const roomEvery = 4 << 20

// writeFlush writes pages, and then the mark. It is all or nothing.
func (s *Store) writeFlush(t *tree.Tree, at ledger.Height, from uint64) error {
	end, unchecked := s.pages.End(), roomEvery
	f, err := t.Flush(from, func(raw []byte) (uint64, error) {
		if unchecked += len(raw); unchecked >= roomEvery {
			if err := s.mayWritePages(); err != nil {
				return 0, err
			}
			unchecked = 0
		}
		return s.pages.Append(raw)
	})
	if err == nil {
		if err = s.markFlush(&flush{height: at, from: from, stored: f.Stored, entry: f.Entry}); err != nil {
			f.Undo()
		}
	}
	if err != nil {
		return errors.Join(err, s.pages.Rewind(end))
	}
	f.Done()
	s.needed.Store(from)
	// Trees in memory may have nodes that were read before pages were written again, so a
	// bound counts when three flushes have passed since.
	if s.froms = append(s.froms, from); len(s.froms) > 3 {
		s.froms = s.froms[1:]
	}
	return nil
}

func (s *Store) markFlush(f *flush) error {
	if s.tear != nil {
		if err := s.tear(); err != nil {
			return err
		}
	}
	if err := s.syncPages(); err != nil {
		return err
	}
	f.end = s.pages.End()
	return s.writeAt(f.height, []entry{{key: treeKey, value: f.marshal()}})
}

// mayWritePages refuses while there is still room for what cannot wait.
func (s *Store) mayWritePages() error {
	if s.tear != nil {
		if err := s.tear(); err != nil {
			return err
		}
	}
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return ErrClosed
	}
	return s.checkSpace(roomEvery)
}

// syncPages makes pages durable: before what says that they are there.
func (s *Store) syncPages() error {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return ErrClosed
	}
	if err := s.pages.Sync(); err != nil {
		return err
	}
	if s.synced != nil {
		s.write.Lock()
		defer s.write.Unlock()
		s.synced()
	}
	return nil
}

// dropPages removes segments that no tree needs which can be read.
func (s *Store) dropPages() error {
	f, err := s.lastFlush(ledger.Height(s.pruned.Load()))
	if err != nil || len(s.froms) == 0 {
		return err
	}
	below := min(f.from, slices.Min(s.froms))
	if !s.pages.Drops(below) {
		return nil
	}
	if err := s.syncAside(); err != nil { // or a power cut brings back a mark that needs them
		return err
	}
	return s.pages.Drop(below)
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
