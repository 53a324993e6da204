package storage

import (
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// OnSync has fn called after each sync, while nothing is written.
func (s *Store) OnSync(fn func()) { s.synced = fn }

// FlushTreeTorn is FlushTree of which each group of writes may fail.
func (s *Store) FlushTreeTorn(t *tree.Tree, at ledger.Height, write func() error) error {
	s.tear = write
	defer func() { s.tear = nil }()
	return s.FlushTree(t, at)
}

// BelieveNothing has every block checked before each absence is believed.
func (s *Store) BelieveNothing() { s.guard.believed = 0 }

// Compact has Badger write all tables anew.
func (s *Store) Compact() error { return s.db.Flatten(1) }

// Replace has the pages of a tree that was built anew written.
func (s *Store) Replace(t *tree.Tree, at ledger.Height) error { return s.replaceTree(t, at) }
