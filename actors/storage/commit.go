package storage

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// BlockCommit is a block with what executing it gave: the unit of Commit.
type BlockCommit struct {
	Height                  ledger.Height
	BlockHash               ledger.Hash
	CommandsSum             ledger.Hash // ledger.CommandsDigest up to and with this block
	CommandsBefore          ledger.Hash // before it; only for the block with which a store begins
	Header, Commit, Outcome []byte
	Txs, Results            [][]byte
	TxIDs                   []ledger.Hash
	Commands                []Command
	Changes                 []Change
	Places                  [][]byte   // of the state tree that the changes touch, see state.Place
	Tree                    *tree.Tree // after the block; nil: it is made when it is needed
}

// Command is an entry of the duplicate window: where a command was executed,
// and until when its key may not be used again.
type Command struct {
	Key     ledger.Hash
	Height  ledger.Height
	Index   uint32
	Expires ledger.Time
}

// Commit stores one block, all or nothing. Errors: ErrOutOfOrder, ErrTooBig,
// *DiskFullError (nothing was written, try again later), ErrFailed, ErrClosed.
// The size of a block has no limit but memory; ErrTooBig is about one record.
func (s *Store) Commit(b *BlockCommit) error { return s.CommitGroup([]*BlockCommit{b}) }

// CommitGroup stores consecutive blocks, each all or nothing, with one sync for
// all. After an error Tip tells how many went in; without
// ErrFailed those are durable.
func (s *Store) CommitGroup(bs []*BlockCommit) error {
	s.life.RLock()
	defer s.life.RUnlock()
	s.write.Lock()
	defer s.write.Unlock()
	if s.closed {
		return ErrClosed
	}
	if s.failed != nil {
		return s.failed
	}
	var wrote *BlockCommit
	var refused error
	next, _ := s.Tip()
	for _, b := range bs {
		next++
		if refused = s.commitOne(b, next); refused != nil {
			break
		}
		wrote = b
	}
	if wrote == nil || errors.Is(refused, ErrFailed) {
		return refused
	}
	if err := s.sync(); err != nil {
		return errors.Join(err, refused)
	}
	s.tip.Store(&tip{wrote.Height, wrote.BlockHash})
	for _, b := range bs {
		if b.Tree != nil && b.Height <= wrote.Height {
			s.views.put(b.Height, b.Tree)
		}
	}
	return refused
}

// commitOne writes a block without making it visible or durable.
func (s *Store) commitOne(b *BlockCommit, next ledger.Height) error {
	if b.Height != next {
		return fmt.Errorf("%w: block %d, expected %d", ErrOutOfOrder, b.Height, next)
	}
	if err := s.checkSpace(0); err != nil {
		return err
	}
	entries, err := b.entries()
	if err != nil {
		return fmt.Errorf("store block %d: %w", b.Height, err)
	}
	return s.put(b.Height, entries)
}

// entries are everything of a block, the tip last.
func (b *BlockCommit) entries() ([]entry, error) {
	txs, txFirsts := pack(b.Txs)
	results, resultFirsts := pack(b.Results)
	if len(txs) > chunksMax || len(results) > chunksMax {
		return nil, fmt.Errorf("%w: %d transactions", ErrTooBig, len(b.Txs))
	}
	rec := &blockRecord{
		Hash: b.BlockHash, CommandsSum: b.CommandsSum, Header: b.Header, Commit: b.Commit, Outcome: b.Outcome,
		Txs:     index{uint32(len(b.Txs)), txFirsts},         // #nosec G115 -- bounded by memory
		Results: index{uint32(len(b.Results)), resultFirsts}, // #nosec G115 -- as above
	}
	out := make([]entry, 0, 4+len(txs)+len(results)+len(b.TxIDs)+len(b.Commands)+len(b.Changes))
	out = append(out, entry{key: heightKey(kindBlock, b.Height), value: rec.marshal()})
	for i, value := range txs {
		out = append(out, entry{key: chunkKey(kindTxs, b.Height, i), value: value})
	}
	for i, value := range results {
		out = append(out, entry{key: chunkKey(kindResults, b.Height, i), value: value})
	}
	out = append(out, entry{key: hashKey(kindBlockHash, b.BlockHash), value: marshalHeight(b.Height)})
	for i, id := range b.TxIDs {
		out = append(out, entry{key: hashKey(kindTxID, id), value: marshalPlace(b.Height, uint32(i))}) // #nosec G115 -- bounded by memory
	}
	for _, c := range b.Commands {
		out = append(out, entry{key: hashKey(kindCommand, c.Key), value: marshalCommand(c)})
	}
	for _, c := range b.Changes {
		if len(c.Key) == 0 || len(c.Key) > KeyBytesMax {
			return nil, fmt.Errorf("%w: a state key of %d bytes, allowed are 1 to %d", ErrTooBig, len(c.Key), KeyBytesMax)
		}
		out = append(out, entry{key: stateKey(c.Key), value: c.Value, remove: c.Delete})
	}
	for i, piece := range packPlaces(b.Places) {
		out = append(out, entry{key: chunkKey(kindChanged, b.Height, i), value: piece})
	}
	out = append(out, entry{key: tipKey, value: (&tip{b.Height, b.BlockHash}).marshal()})
	return out, checkValues(out)
}

// PutCertificate adds the execution certificate of a stored block. It is as
// durable as the next synced commit; peers can form it anew.
func (s *Store) PutCertificate(h ledger.Height, cert []byte) error {
	return s.aside(func(tip ledger.Height, _ *badger.Txn) (ledger.Height, []entry, error) {
		if h == 0 || h > tip || h < s.Base() {
			return 0, nil, fmt.Errorf("store a certificate of block %d: %w", h, ErrAhead)
		}
		return h, []entry{{key: heightKey(kindCertificate, h), value: cert}}, nil
	})
}

// aside writes something beside the blocks, at the height that plan chooses;
// plan may read as of the tip.
func (s *Store) aside(plan func(tip ledger.Height, txn *badger.Txn) (ledger.Height, []entry, error)) error {
	return s.asideWithin(s.opt.FreeBytesMin, plan)
}

// asideWithin demands so much room only: what makes room may use some of the reserve.
func (s *Store) asideWithin(room uint64, plan func(tip ledger.Height, txn *badger.Txn) (ledger.Height, []entry, error)) error {
	s.life.RLock()
	defer s.life.RUnlock()
	s.write.Lock()
	defer s.write.Unlock()
	if s.closed {
		return ErrClosed
	}
	if s.failed != nil {
		return s.failed
	}
	tip, _ := s.Tip()
	txn := s.db.NewTransactionAt(uint64(tip), false)
	height, entries, err := plan(tip, txn)
	txn.Discard()
	if err == nil {
		err = checkValues(entries)
	}
	if err == nil {
		err = s.checkRoom(room)
	}
	if err != nil || len(entries) == 0 {
		return err
	}
	return s.putPart(height, entries, false)
}
