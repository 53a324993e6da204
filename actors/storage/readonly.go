package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/gofrs/flock"

	"github.com/concordat-ledger/concordat/actors/storage/pagelog"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// ErrUnclean means that a store was not closed in good order: Badger would have to
// write to it first.
var ErrUnclean = errors.New("the store was not closed in good order")

// OpenReadOnly opens a store that no process has open for writing, without changing a
// byte of it: for auditors. Everything that writes fails. Errors: ErrUnclean, fs.ErrNotExist, and those of Open.
func OpenReadOnly(dir string, opt Options) (*Store, error) {
	if opt.MemTableBytes == 0 {
		opt.MemTableBytes = MemTableBytesDefault
	}
	if opt.TreeCacheBytes == 0 {
		opt.TreeCacheBytes = TreeCacheBytesDefault
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	opt.Sync = false
	if _, err := os.Stat(filepath.Join(dir, "FORMAT")); err != nil {
		return nil, fmt.Errorf("open the store %s: %w", dir, err)
	}
	lock, err := share(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir, opt: opt, log: opt.Logger, lock: lock, damage: newDamage(), failed: fmt.Errorf("%w: it is open for reading only", ErrFailed)}
	s.cache = tree.NewCache(s, opt.TreeCacheBytes)
	if err := s.startReadOnly(); err != nil {
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

// share takes the store's lock together with other readers. A copy may come without the
// lock's file; it has no writer.
func share(dir string) (*flock.Flock, error) {
	path := filepath.Join(dir, "LOCK")
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return lock, nil
	}
	got, err := lock.TryRLock()
	if err != nil {
		return nil, fmt.Errorf("lock the store %s: %w", dir, err)
	}
	if !got {
		return nil, locked(dir)
	}
	return lock, nil
}

func (s *Store) startReadOnly() error {
	if err := checkFormat(s.dir, s.opt.Ledger); err != nil {
		return err
	}
	if err := checkTables(badgerDir(s.dir), false); err != nil {
		return err
	}
	db, err := openBadger(badgerOptions(badgerDir(s.dir), s.opt).WithReadOnly(true))
	if err != nil && strings.Contains(err.Error(), badger.ErrTruncateNeeded.Error()) { // Badger hides what it wraps
		return fmt.Errorf("%w: %s", ErrUnclean, s.dir)
	}
	if err != nil {
		return fmt.Errorf("open the store %s: %w", s.dir, err)
	}
	s.db = db
	if s.pages, err = pagelog.OpenReadOnly(pagesDir(s.dir)); err != nil {
		return err
	}
	return s.loadTip()
}

// Piece names the kinds of values to those who verify a store.
type Piece string

// The pieces of a block, and the rest.
const (
	PieceBlock        Piece = "block" // header, commit proof and outcome are one value
	PieceTransactions Piece = "transactions"
	PieceResults      Piece = "results"
	PieceCertificate  Piece = "execution certificate"
	PieceRecord       Piece = "record"
	PieceOther        Piece = "other"
)

// Piece says what is damaged: of which block, or which record.
func (e *CorruptError) Piece() (p Piece, h ledger.Height, record []byte) {
	if len(e.Key) == 0 {
		return PieceOther, e.Height, nil
	}
	named := map[byte]Piece{kindBlock: PieceBlock, kindTxs: PieceTransactions, kindResults: PieceResults, kindCertificate: PieceCertificate}
	if e.Key[0] == kindState {
		return PieceRecord, e.Height, e.Key[1:]
	}
	piece, ok := named[e.Key[0]]
	if !ok || len(e.Key) < 9 {
		return PieceOther, e.Height, nil
	}
	r := ledger.NewPlainReader(e.Key[1:9])
	return piece, ledger.Height(r.U64()), nil
}
