package storage

import (
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
)

// Stats are figures for operators.
type Stats struct {
	Tip       ledger.Height
	Pruned    ledger.Height // state is readable from here on
	DiskBytes int64         // of Badger's tables and logs, as Badger last counted (once a minute), and of the pages of the state tree
	FreeBytes uint64        // of the file system
	Tables    int
	// TreePageLoads counts the pages of the state tree that were read since the store was opened.
	TreePageLoads uint64
}

// Stats reads the figures.
func (s *Store) Stats() (Stats, error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return Stats{}, ErrClosed
	}
	free, err := freeBytes(s.dir)
	if err != nil {
		return Stats{}, err
	}
	tables, err := s.listTables()
	if err != nil {
		return Stats{}, err
	}
	lsm, vlog := s.db.Size()
	h, _ := s.Tip()
	return Stats{
		Tip: h, Pruned: ledger.Height(s.pruned.Load()), DiskBytes: lsm + vlog + s.pages.Bytes(), FreeBytes: free,
		Tables: len(tables), TreePageLoads: s.cache.Loads(),
	}, nil
}

// Verify reads every table and compares Badger's own checksums. Values are
// checked at each read anyhow; this also finds damaged keys and indexes.
func (s *Store) Verify() error {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return ErrClosed
	}
	if err := s.db.VerifyChecksum(); err != nil {
		return fmt.Errorf("the store %s is damaged: %w", s.dir, err)
	}
	return nil
}
