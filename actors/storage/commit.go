package storage

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/concordat-ledger/concordat/ledger"
)

// BlockCommit is a block with what executing it gave: the unit of Commit.
type BlockCommit struct {
	Height                  ledger.Height
	BlockHash               ledger.Hash
	Header, Commit, Outcome []byte
	Txs, Results            [][]byte
	TxIDs                   []ledger.Hash
	Commands                []Command
	Changes                 []Change
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
func (s *Store) Commit(b *BlockCommit) error { return s.CommitGroup([]*BlockCommit{b}) }

// CommitGroup stores consecutive blocks, each in a transaction of its own, with
// one sync for all. After an error Tip tells how many went in; without
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
	return refused
}

// commitOne writes a block without making it visible or durable.
func (s *Store) commitOne(b *BlockCommit, next ledger.Height) error {
	if b.Height != next {
		return fmt.Errorf("%w: block %d, expected %d", ErrOutOfOrder, b.Height, next)
	}
	if err := s.checkSpace(); err != nil {
		return err
	}
	txn := s.db.NewTransactionAt(uint64(b.Height), true)
	defer txn.Discard()
	if err := fill(txn, b); err != nil {
		return fmt.Errorf("store block %d: %w", b.Height, err)
	}
	if err := txn.CommitAt(uint64(b.Height), nil); err != nil {
		return s.fail(err)
	}
	return nil
}

// fill puts everything of a block into one transaction.
func fill(txn *badger.Txn, b *BlockCommit) error {
	txs, txFirsts := pack(b.Txs)
	results, resultFirsts := pack(b.Results)
	if len(txs) > chunksMax || len(results) > chunksMax {
		return fmt.Errorf("%w: %d transactions", ErrTooBig, len(b.Txs))
	}
	rec := &blockRecord{
		Hash: b.BlockHash, Header: b.Header, Commit: b.Commit, Outcome: b.Outcome,
		Txs:     index{uint32(len(b.Txs)), txFirsts},         // #nosec G115 -- bounded by memory
		Results: index{uint32(len(b.Results)), resultFirsts}, // #nosec G115 -- as above
	}
	at := putter{txn: txn}
	at.put(heightKey(kindBlock, b.Height), rec.marshal())
	for i, chunk := range txs {
		at.put(chunkKey(kindTxs, b.Height, i), chunk)
	}
	for i, chunk := range results {
		at.put(chunkKey(kindResults, b.Height, i), chunk)
	}
	at.put(hashKey(kindBlockHash, b.BlockHash), heightKey(0, b.Height)[1:])
	for i, id := range b.TxIDs {
		var w ledger.Writer
		at.put(hashKey(kindTxID, id), w.U64(uint64(b.Height)).U32(uint32(i)).Done()) // #nosec G115 -- bounded by memory
	}
	for _, c := range b.Commands {
		at.put(hashKey(kindCommand, c.Key), marshalCommand(c))
	}
	for _, c := range b.Changes {
		at.change(c)
	}
	at.put(tipKey, append(heightKey(0, b.Height)[1:], b.BlockHash[:]...))
	return at.err
}

// putter adds to a transaction until the first error.
type putter struct {
	txn *badger.Txn
	err error
}

func (p *putter) put(key, value []byte) {
	if p.err != nil {
		return
	}
	if len(value) > ValueBytesMax {
		p.err = fmt.Errorf("%w: a value of %d bytes, the limit is %d", ErrTooBig, len(value), ValueBytesMax)
		return
	}
	p.set(p.txn.Set(key, frame(key, value)))
}

func (p *putter) change(c Change) {
	switch {
	case p.err != nil:
	case len(c.Key) == 0 || len(c.Key) > KeyBytesMax:
		p.err = fmt.Errorf("%w: a state key of %d bytes, allowed are 1 to %d", ErrTooBig, len(c.Key), KeyBytesMax)
	case c.Delete:
		p.set(p.txn.Delete(stateKey(c.Key)))
	default:
		p.put(stateKey(c.Key), c.Value)
	}
}

func (p *putter) set(err error) {
	if errors.Is(err, badger.ErrTxnTooBig) {
		err = fmt.Errorf("%w: the block does not fit in one transaction", ErrTooBig)
	}
	p.err = err
}

// PutCertificate adds the execution certificate of a stored block. It is as
// durable as the next synced commit; peers can form it anew.
func (s *Store) PutCertificate(h ledger.Height, cert []byte) error {
	return s.aside(func(tip ledger.Height) (ledger.Height, error) {
		if h == 0 || h > tip {
			return 0, fmt.Errorf("store a certificate of block %d: %w", h, ErrAhead)
		}
		return h, nil
	}, func(p *putter) { p.put(heightKey(kindCertificate, h), cert) })
}

// aside writes something beside the blocks, at the height that at chooses.
func (s *Store) aside(at func(tip ledger.Height) (ledger.Height, error), write func(*putter)) error {
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
	height, err := at(tip)
	if err == nil {
		err = s.checkSpace()
	}
	if err != nil {
		return err
	}
	txn := s.db.NewTransactionAt(uint64(height), true)
	defer txn.Discard()
	p := putter{txn: txn}
	if write(&p); p.err != nil {
		return p.err
	}
	if err := txn.CommitAt(uint64(height), nil); err != nil {
		return s.fail(err)
	}
	return nil
}
