package storage

import (
	"math"

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

// Flushed is the height of the newest tree whose pages are stored.
func (s *Store) Flushed() (ledger.Height, error) {
	f, err := s.lastFlush(math.MaxUint64)
	if err != nil {
		return 0, err
	}
	return f.height, nil
}

// AskedViews are the heights whose trees are kept because someone asked for them.
func (s *Store) AskedViews() (out []ledger.Height) {
	for _, v := range s.views.asked {
		out = append(out, v.at)
	}
	return out
}

// BelieveNothing has every block checked before each absence is believed.
func (s *Store) BelieveNothing() { s.guard.believed = 0 }

// Compact has Badger write all tables anew.
func (s *Store) Compact() error { return s.db.Flatten(1) }

// Replace has the pages of a tree that was built anew written.
func (s *Store) Replace(t *tree.Tree, at ledger.Height) error { return s.replaceTree(t, at) }
