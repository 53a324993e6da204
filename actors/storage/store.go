package storage

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/gofrs/flock"

	"github.com/concordat-ledger/concordat/actors/storage/pagelog"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// Options of a store. The zero value of a figure means its default.
type Options struct {
	Ledger ledger.ID
	Logger *slog.Logger
	// Sync makes each Commit durable against power loss, not only against a crash of the process.
	Sync bool
	// FreeBytesMin is the room that must be free before anything is written.
	FreeBytesMin uint64
	// MemTableBytes is Badger's memtable, at least 8 MiB. A block of more than
	// 15 % of it takes several of Badger's transactions.
	MemTableBytes int64
	// TreeCacheBytes bounds the pages of the state tree that stay in memory.
	TreeCacheBytes uint64
	// TreeSegmentBytes is the size of a file of pages of the state tree.
	TreeSegmentBytes uint32
}

// FreeBytesMinDefault leaves room for memtables and the tables they become, and
// for a compaction. MemTableBytesDefault takes a block of 3,000 small
// transactions in one of Badger's. Measured with blocks of 500 and 1,000 committed
// as fast as possible: with 128 MiB a process had three times the memory and was
// slower; with 8 MiB it has a quarter less, and is slower by a tenth.
const (
	FreeBytesMinDefault  = 512 << 20
	MemTableBytesDefault = 16 << 20
)

// TreeCacheBytesDefault holds the pages of about 1.3 million records.
const TreeCacheBytesDefault = 384 << 20

type tip struct {
	height ledger.Height
	hash   ledger.Hash
}

// Store is an open store. Reads may run at any time and in any number; writes
// are serialised.
type Store struct {
	dir  string
	opt  Options
	log  *slog.Logger
	lock *flock.Flock
	db   *badger.DB
	wal  *walSync

	tip    atomic.Pointer[tip]
	pruned atomic.Uint64 // state below this height is gone
	floor  atomic.Uint64 // blocks below this height have lost their contents
	base   atomic.Pointer[base]

	life      sync.RWMutex // read-held by each operation, write-held by Close
	closed    bool         // under life
	iterators sync.Map     // *Iterator: Close ends those still open

	write  sync.Mutex
	failed error  // under write
	wrote  func() // nil but in tests of crashes: called after each of Badger's transactions

	cache    *tree.Cache
	flushing sync.Mutex
	pages    *pagelog.Log
	froms    []uint64      // bounds of the last flushes; under flushing
	needed   atomic.Uint64 // the bound of the last flush
	pins     pins
	views    treeViews
	tear     func() error // lets a write of a flush fail, in tests; under flushing
	synced   func()       // sees what each sync leaves, in tests; under write

	pruning sync.Mutex    // before life and write
	pending []*leaving    // under pruning: below the floor, not erased yet
	erased  ledger.Height // under pruning: below it everything is
	swept   ledger.Height // under pruning: and durably so
	changed ledger.Height // under pruning: there are no lists of changes below it

	pendingSyncs uint64        // under pruning: syncs when the floor was raised over those pending
	syncs        atomic.Uint64 // how often everything that was written became durable

	damage *damage
	guard  *guard
	awhile *time.Timer // until the store counts as opened
}

// Open opens or founds the store in dir, and takes back what a crash left of a
// large block. Errors: *LockedError, *ForeignError, *DiskFullError, *CorruptError
// (also for a block that is missing below the tip), or what Badger says.
func Open(dir string, opt Options) (*Store, error) {
	if opt.FreeBytesMin == 0 {
		opt.FreeBytesMin = FreeBytesMinDefault
	}
	if opt.MemTableBytes == 0 {
		opt.MemTableBytes = MemTableBytesDefault
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	lock, err := claim(dir, opt.Ledger)
	if err != nil {
		return nil, err
	}
	if opt.TreeCacheBytes == 0 {
		opt.TreeCacheBytes = TreeCacheBytesDefault
	}
	if opt.TreeSegmentBytes == 0 {
		opt.TreeSegmentBytes = pagelog.SegmentBytesDefault
	}
	s := &Store{dir: dir, opt: opt, log: opt.Logger, lock: lock, damage: newDamage(), guard: newGuard(badgerDir(dir))}
	s.cache = tree.NewCache(s, opt.TreeCacheBytes)
	if err := s.start(); err != nil {
		if s.pages != nil {
			err = errors.Join(err, s.pages.Close())
		}
		if s.db != nil {
			err = errors.Join(err, s.db.Close())
		}
		return nil, errors.Join(err, lock.Unlock())
	}
	return s, nil
}

func (s *Store) start() error {
	if err := s.checkSpace(0); err != nil {
		return err // Badger writes to a mapped file as soon as it opens
	}
	path := badgerDir(s.dir)
	if err := takeOver(path, s.opt); err != nil {
		return err
	}
	if err := s.survive(path); err != nil {
		return err
	}
	db, err := openBadger(badgerOptions(path, s.opt))
	if err != nil {
		return fmt.Errorf("open the store %s: %w", s.dir, err)
	}
	s.db, s.wal = db, &walSync{dir: path, known: map[string]bool{}}
	if err := s.loadTip(); err != nil {
		return err
	}
	if err := s.undo(); err != nil {
		return err
	}
	if err := s.openPages(); err != nil {
		return err
	}
	// What a crash left in the page cache is about to be served: make it durable first.
	if err := s.sync(); err != nil {
		return err
	}
	s.awhile = time.AfterFunc(openedAfter, s.opened)
	return nil
}

func badgerOptions(path string, opt Options) badger.Options {
	return badger.DefaultOptions(path).
		WithLogger(badgerLog{opt.Logger}).
		WithMetricsEnabled(false).
		WithSyncWrites(false).
		WithDetectConflicts(false).
		WithNumVersionsToKeep(1). // of those at or below the discard height; see Prune
		WithMemTableSize(opt.MemTableBytes).
		WithValueLogFileSize(4 << 20). // nothing is written to it: no value is large enough
		WithNumMemtables(2).
		// Badger keeps the buffers of eight table builders, each with room for
		// the largest table built in it, a block's last growth included: small
		// tables, and blocks in which our largest common value fits.
		WithBaseTableSize(1 << 20).
		// Level 0 alone holds 128 MiB before it is compacted: a smaller level
		// below it would only have everything written once more.
		WithBaseLevelSize(64 << 20).
		WithBlockSize(blockBytes).
		WithNumLevelZeroTables(8). // small tables: as much as Badger's default would hold
		WithNumLevelZeroTablesStall(20).
		WithNumCompactors(2).
		WithNumGoroutines(2).
		// No compression: a flipped byte then changes a value, which our
		// checksum finds; in a compressed block Badger reports keys as absent.
		WithCompression(options.None).
		WithBlockCacheSize(0) // tables are mapped, the page cache serves them
}

// whole is how many blocks below the tip Open looks for: more than a group has.
const whole = 64

func (s *Store) loadTip() error {
	raw, found, err := s.openMark(tipKey)
	if err != nil {
		return err
	}
	t := &tip{}
	if found {
		if t, err = parseTip(raw); err != nil {
			return corrupt(tipKey, 0, err.Error())
		}
	}
	s.tip.Store(t)
	if err := s.loadBase(); err != nil {
		return err
	}
	if err := s.loadFloor(); err != nil {
		return err
	}
	for h := t.height; h >= s.Base() && h+whole > t.height; h-- {
		// A power cut may lose the end of a log and keep the next one: then
		// blocks are missing below those that were never acknowledged. One that is
		// there and damaged will be repaired.
		_, err := s.peek(heightKey(kindBlock, h), math.MaxUint64)
		if isNotFound(err) {
			return corrupt(heightKey(kindBlock, h), uint64(h), "the block is missing")
		}
		if s.noted(err) != nil && !isDamaged(err) {
			return err
		}
	}
	raw, found, err = s.openMark(prunedKey)
	if err != nil || !found {
		return err
	}
	h, err := parseHeight(raw)
	if err != nil {
		return corrupt(prunedKey, 0, err.Error())
	}
	s.pruned.Store(uint64(h))
	if h > 0 {
		s.db.SetDiscardTs(uint64(h))
	}
	return nil
}

func isDamaged(err error) bool {
	var damaged *CorruptError
	return errors.As(err, &damaged)
}

// openMark reads a mark when the store opens. Other damage near it does not matter, as
// long as it has names that are not those of marks.
func (s *Store) openMark(key []byte) (raw []byte, found bool, err error) {
	raw, found, err = s.maybeAt(key, math.MaxUint64)
	if !isDamaged(err) {
		return raw, found, err
	}
	for _, f := range s.damage.list() {
		if f.Kind == DamagedMark || f.Kind == DamagedTree || f.Kind == DamagedTable {
			return nil, false, err
		}
	}
	raw, err = s.peek(key, math.MaxUint64)
	if isNotFound(err) {
		return nil, false, nil
	}
	return raw, err == nil, err
}

// Tip is the newest block, height 0 and a zero hash in an empty store.
func (s *Store) Tip() (ledger.Height, ledger.Hash) {
	t := s.tip.Load()
	return t.height, t.hash
}

func (s *Store) fail(err error) error {
	if s.failed == nil {
		s.failed = fmt.Errorf("%w: %w", ErrFailed, err)
		s.log.Error("the store has failed and accepts no more blocks; restart the replica", "dir", s.dir, "error", err)
	}
	return s.failed
}

func (s *Store) sync() error {
	if !s.opt.Sync {
		return nil
	}
	if err := s.wal.sync(); err != nil {
		return s.fail(err)
	}
	s.syncs.Add(1)
	if s.synced != nil {
		s.synced()
	}
	return nil
}

// Close ends open iterators, flushes and releases the folder.
func (s *Store) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.iterators.Range(func(it, _ any) bool { it.(*Iterator).end(); return true })
	var err error
	if s.wal != nil {
		err = s.sync()
	}
	if s.awhile != nil { // it was opened to be written
		s.awhile.Stop()
		s.opened()
	}
	return errors.Join(err, s.pages.Close(), s.db.Close(), s.lock.Unlock())
}
