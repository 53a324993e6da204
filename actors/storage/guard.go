package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/y"
	"golang.org/x/sys/unix"
)

// A damaged key, or a damaged list of keys, makes Badger say that a record is absent, or
// give an older version of it; no checksum of ours covers what is not there. So before
// such an answer is believed, the blocks of all tables in which the key could stand are
// compared with their checksums, unless that was done a moment ago.

const (
	believedFor   = time.Second // a checked block is believed for so long
	tablesFor     = time.Second // the list of tables is
	indexBytesMax = 64 << 20    // of tables whose indexes are kept
)

// guard checks blocks before absence is believed. It is safe for concurrent use: readers
// wait for each other only where they need the same table.
type guard struct {
	dir      string
	believed time.Duration

	mu      sync.Mutex // for look-ups: no file is read under it
	tables  *levels
	listed  time.Time
	indexes map[uint64]*guarded
	bytes   int
}

// guarded is a table with when its index and its blocks were last compared.
type guarded struct {
	mu sync.Mutex // held while its file is read
	*sstable
	index  time.Time
	blocks []time.Time
}

func newGuard(dir string) *guard {
	return &guard{dir: dir, believed: believedFor, indexes: map[uint64]*guarded{}}
}

// confirm compares what is between two keys in all tables, both included.
func (s *Store) confirm(from, to []byte) error {
	g := s.guard
	if g == nil { // it is open for an auditor, who compares everything with what is certified
		return nil
	}
	now := time.Now()
	tables, err := s.tablesNow(now)
	if err != nil {
		return err
	}
	bloom := func(y.Filter) bool { return true }
	if bytes.Equal(from, to) {
		hash := y.Hash(from)
		bloom = func(f y.Filter) bool { return f.MayContain(hash) }
	}
	return tables.between(from, to, func(id uint64) error {
		err := s.confirmIn(id, from, to, bloom, now)
		if errors.Is(err, fs.ErrNotExist) || g.gone(id, err) {
			return nil // compacted since: its records stand in another table, just written
		}
		if err != nil {
			g.mu.Lock()
			g.listed = time.Time{}
			g.mu.Unlock()
			err = s.tableError(id, err)
		}
		return err
	})
}

// tablesNow is the list of tables, which is asked for now and then.
func (s *Store) tablesNow(now time.Time) (*levels, error) {
	g := s.guard
	g.mu.Lock()
	tables := g.tables
	if now.Sub(g.listed) > tablesFor {
		tables = nil
	}
	g.mu.Unlock()
	if tables != nil {
		return tables, nil
	}
	all, err := s.listTables()
	if err != nil {
		return nil, err
	}
	tables = newLevels(all)
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.After(g.listed) {
		g.tables, g.listed = tables, now
	}
	return tables, nil
}

// listTables asks Badger for its tables; it panics over one whose index is damaged.
func (s *Store) listTables() (tables []badger.TableInfo, err error) {
	defer s.caught([]byte{kindTable}, &err)
	return s.db.Tables(), nil
}

// tableError is what a reader is told of a table; damage that has no name yet is noted.
func (s *Store) tableError(id uint64, err error) error {
	if !isDamage(err) {
		return fmt.Errorf("read the store: table %d: %w", id, err)
	}
	if !errors.Is(err, errUnmended) {
		s.Note(Finding{Kind: DamagedTable, Reason: fmt.Sprintf("number %d: %v", id, err)})
	}
	return corrupt([]byte{kindTable}, 0, fmt.Sprintf("table %d: %v", id, err))
}

// isDamage tells damage from an error that may pass, such as too many open files.
func isDamage(err error) bool {
	return errors.Is(err, errTable) || errors.Is(err, unix.EIO) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// gone tells an error that comes of a table's end: Badger cuts a file before it
// removes it.
func (g *guard) gone(id uint64, err error) bool {
	if err == nil {
		return false
	}
	info, stat := os.Stat(tablePath(g.dir, id))
	return errors.Is(stat, fs.ErrNotExist) || stat == nil && info.Size() == 0
}

// entry is what is known of a table; perhaps nothing yet.
func (g *guard) entry(id uint64) *guarded {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.indexes[id]
	if t == nil {
		t = &guarded{}
		g.indexes[id] = t
	}
	return t
}

// open compares a table's index with its checksum, unless that was done a moment ago.
// Under t.mu.
func (g *guard) open(id uint64, t *guarded, now time.Time) error {
	if t.sstable != nil && now.Sub(t.index) < g.believed {
		return nil
	}
	raw, err := openTable(tablePath(g.dir, id))
	g.mu.Lock()
	defer g.mu.Unlock()
	known := g.indexes[id] == t // it can have been forgotten meanwhile
	if err != nil {
		if known && t.sstable == nil {
			delete(g.indexes, id)
		}
		return err
	}
	if known && t.sstable == nil {
		if g.bytes += raw.bytes; g.bytes > indexBytesMax {
			clear(g.indexes)
			g.indexes[id], g.bytes = t, raw.bytes
		}
	}
	if len(t.blocks) != len(raw.blocks) {
		t.blocks = make([]time.Time, len(raw.blocks))
	}
	t.sstable, t.index = raw, now
	return nil
}

// confirmIn compares what is between two keys in one table.
func (s *Store) confirmIn(id uint64, from, to []byte, bloom func(y.Filter) bool, now time.Time) error {
	t := s.guard.entry(id)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := s.guard.open(id, t, now); err != nil || !bloom(t.bloom) {
		return err
	}
	lo, hi := t.span(from, to)
	for i := lo; i < hi; i++ {
		if now.Sub(t.blocks[i]) < s.guard.believed {
			continue
		}
		raw, err := t.readBlock(i)
		if err != nil {
			return err
		}
		if blockHolds(raw) != nil {
			if err := s.explained(raw); err != nil {
				return err
			}
		}
		t.blocks[i] = now
	}
	return nil
}

// explained reports whether all that is wrong with a block are values that are of no use
// any more, or were written anew since: those stand in front of it. Then every key is
// still what it was. What is not mended yet is noted.
func (s *Store) explained(raw []byte) error {
	entries, err := parseBlock(raw)
	if err != nil {
		return err
	}
	wrong := 0
	for i := range entries {
		e := &entries[i]
		if e.framed == nil {
			continue
		}
		if _, bad := unframe(e.key, e.framed, e.version); bad == nil {
			continue
		}
		wrong++
		if s.needless(e.key, e.version) {
			continue
		}
		_ = s.noted(corrupt(e.key, e.version, "the checksum does not match"))
		err = errUnmended
	}
	if wrong == 0 {
		return fmt.Errorf("%w: a block, and no value in it", errTable)
	}
	return err
}

var errUnmended = fmt.Errorf("%w and not repaired yet", errTable)

// needless reports whether a damaged version of a key is never read: the same version
// was written again, or a later one is all that counts. Where Badger cannot tell, it may
// be read.
func (s *Store) needless(key []byte, version uint64) (never bool) {
	var panicked error // noted, and nobody waits for it
	defer s.caught(key, &panicked)
	txn := s.db.NewTransactionAt(math.MaxUint64, false)
	defer txn.Discard()
	opt := badger.DefaultIteratorOptions
	opt.PrefetchValues = false
	it := txn.NewKeyIterator(key, opt)
	defer it.Close()
	newer := false
	for it.Rewind(); it.Valid(); it.Next() { // the newest first
		item := it.Item()
		if v := item.Version(); v > version {
			historic := len(key) > 0 && key[0] == kindState
			newer = newer || !historic || v <= s.pruned.Load()
			continue
		} else if v < version {
			break
		}
		if newer || item.IsDeletedOrExpired() {
			return true
		}
		framed, err := item.ValueCopy(nil)
		if err == nil {
			_, err = unframe(key, framed, version)
		}
		return err == nil
	}
	return newer
}

// caught turns a panic of Badger over a damaged table into an error about the key.
func (s *Store) caught(key []byte, err *error) {
	if r := recover(); r != nil {
		s.Note(Finding{Kind: DamagedTable, Reason: "a table cannot be read"})
		*err = corrupt(key, math.MaxUint64, fmt.Sprintf("it cannot be read: %v", r))
	}
}

func badgerDir(dir string) string { return filepath.Join(dir, "badger") }
