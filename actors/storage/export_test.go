package storage

import (
	"math"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/snapshot"
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

// Spoil damages what stands under a key: its checksum does not match any more.
func (s *Store) Spoil(key []byte) error {
	txn := s.db.NewTransactionAt(math.MaxUint64, false)
	defer txn.Discard()
	item, err := txn.Get(key)
	if err != nil {
		return err
	}
	framed, err := item.ValueCopy(nil)
	if err != nil {
		return err
	}
	framed[0] ^= 0x20
	bad := s.db.NewTransactionAt(item.Version(), true)
	defer bad.Discard()
	if err := bad.Set(key, framed); err != nil {
		return err
	}
	return bad.CommitAt(item.Version(), nil)
}

// Keys of what tests damage.
func KeyOfHash(h ledger.Hash) []byte             { return hashKey(kindBlockHash, h) }
func KeyOfTx(id ledger.Hash) []byte              { return hashKey(kindTxID, id) }
func KeyOfState(key []byte) []byte               { return stateKey(key) }
func KeyOfBlock(h ledger.Height) []byte          { return heightKey(kindBlock, h) }
func KeyOfTxs(h ledger.Height) []byte            { return chunkKey(kindTxs, h, 0) }
func KeyOfResults(h ledger.Height) []byte        { return chunkKey(kindResults, h, 0) }
func KeyOfHeld(h ledger.Height, i uint32) []byte { return heldKey(h, i, 0) }

// CheckIndex looks for what leads to a block that was read before.
func (s *Store) CheckIndex(b *StoredBlock) error {
	whole, err := snapshot.NewBlock(b.Header, b.Outcome, b.Txs, b.Results)
	if err != nil {
		return err
	}
	return s.checkIndex(b, whole)
}

// Syncs counts how often all that was written became durable.
func (s *Store) Syncs() uint64 { return s.syncs.Load() }

// Demand has the disk be within the reserve: so much room is to be free, one and
// a half times what is.
func (s *Store) Demand() error {
	free, err := freeBytes(s.dir)
	s.opt.FreeBytesMin = free + free/2
	return err
}
