package storage

import (
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// Placed walks over the state as of a height in the order of the tree's places. What
// every member may read comes from the records alone; only for the order of the others,
// which the store does not keep together, the tree is asked. It is for one goroutine.
type Placed struct {
	store      *Store
	at         ledger.Height
	open       *Iterator // nil when it is over
	tree       *tree.Tree
	from       []byte   // where the next batch begins; nil: there is none
	batch      [][]byte // places
	restricted int      // records met in the first walk that come in the second
	key, value []byte
	err        error
}

// placedBatch is how many places are taken from the tree at once.
const placedBatch = 1000

// Placed opens the state of a height.
func (s *Store) Placed(at ledger.Height) (*Placed, error) {
	it, err := s.Scan(nil, nil, at, false)
	if err != nil {
		return nil, err
	}
	return &Placed{store: s, at: at, open: it, from: state.AfterOpen()}, nil
}

// Next moves on; false at the end or at an error, which Err tells.
func (p *Placed) Next() bool {
	for p.open != nil && p.err == nil {
		if !p.open.Next() {
			p.err = p.open.Err()
			p.open.Close()
			p.open = nil
			break
		}
		place, err := state.PlaceOf(p.open.Key(), p.open.Value())
		if err != nil {
			p.err = corrupt(stateKey(p.open.Key()), uint64(p.at), err.Error())
			break
		}
		p.key, p.value = p.open.Key(), p.open.Value()
		if state.SameAudience(place, state.Place(nil, nil)) {
			return true
		}
		p.restricted++
	}
	return p.err == nil && p.second()
}

// second gives a record that not every member may read.
func (p *Placed) second() bool {
	if len(p.batch) == 0 && p.from != nil {
		p.err = p.fill()
	}
	if p.err != nil || len(p.batch) == 0 {
		if p.err == nil && p.restricted != 0 {
			p.err = fmt.Errorf("the state of height %d: %w: %d records are not in it", p.at, tree.ErrRecord, p.restricted)
		}
		return false
	}
	place := p.batch[0]
	p.batch = p.batch[1:]
	p.restricted--
	if p.key, p.err = state.KeyOf(place); p.err != nil {
		return false
	}
	value, found, err := p.store.Get(p.key, p.at)
	if err == nil && !found {
		err = corrupt(stateKey(p.key), uint64(p.at), "the record is missing")
	}
	p.value, p.err = value, err
	return err == nil
}

var errBatch = errors.New("the batch is full")

func (p *Placed) fill() error {
	if p.tree == nil {
		if p.restricted == 0 {
			p.from = nil
			return nil
		}
		var err error
		if p.tree, err = p.store.Tree(p.at); err != nil {
			return err
		}
	}
	from := p.from
	p.from = nil
	err := p.tree.Walk(from, nil, func(place []byte, _ ledger.Hash) error {
		if len(p.batch) == placedBatch {
			p.from = place
			return errBatch
		}
		p.batch = append(p.batch, place)
		return nil
	})
	if errors.Is(err, errBatch) {
		return nil
	}
	return err
}

// Key of the present record; the caller's.
func (p *Placed) Key() []byte { return p.key }

// Value of the present record; the caller's.
func (p *Placed) Value() []byte { return p.value }

// Err is the error that ended the walk, if any.
func (p *Placed) Err() error { return p.err }

// Close releases the walk. It may be called twice.
func (p *Placed) Close() {
	if p.open != nil {
		p.open.Close()
		p.open = nil
	}
}
