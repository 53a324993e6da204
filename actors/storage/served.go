package storage

import (
	"fmt"
	"sync"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/snapshot"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// Served is the state as of one height, cut into the parts of its tree. As long as it
// is open the height is not pruned. It is for one goroutine.
type Served struct {
	height  ledger.Height
	outline state.Outline
	store   *Store
	parts   []tree.Part
	last    int // the part in raw; -1: none
	raw     []byte
}

// Serve opens the state of a height.
func (s *Store) Serve(at ledger.Height) (*Served, error) {
	s.pins.add(at)
	out := &Served{height: at, store: s, last: -1}
	t, err := s.Tree(at)
	if err == nil {
		out.outline, out.parts, err = t.Cut(snapshot.PartBytes)
	}
	if err != nil {
		s.pins.remove(at)
		return nil, fmt.Errorf("serve the state of height %d: %w", at, err)
	}
	return out, nil
}

// Outline is the top of the state tree, down to the parts.
func (v *Served) Outline() state.Outline { return v.outline }

// pairBytes is what snapshot.AppendPair adds to a key and its record.
const pairBytes = 8

// Part reads at most so many bytes of one part's pairs, from an offset on, and tells how
// many there are. Parts are of about snapshot.PartBytes; a single record may be more.
func (v *Served) Part(index int, offset, most int64) (raw []byte, total int64, err error) {
	if index < 0 || index >= len(v.parts) {
		return nil, 0, fmt.Errorf("part %d of the state of height %d: %w", index, v.height, ErrNotFound)
	}
	if v.last != index {
		v.last, v.raw = -1, make([]byte, 0, v.parts[index].Bytes()+pairBytes*v.parts[index].Len())
		err := v.parts[index].Walk(func(place []byte, leaf ledger.Hash) error {
			key, record, err := v.record(place)
			if err == nil && state.LeafHash(place, state.RecordHash(record)) != leaf {
				v.store.Note(Finding{Kind: DamagedRecord, Key: string(key), Reason: "the record is not the one in the state tree"})
				err = corrupt(stateKey(key), uint64(v.height), "the record is not the one in the state tree")
			}
			v.raw = snapshot.AppendPair(v.raw, key, record)
			return err
		})
		if err != nil {
			return nil, 0, err
		}
		v.last = index
	}
	total = int64(len(v.raw))
	if offset < 0 || offset > total {
		return nil, 0, fmt.Errorf("byte %d of part %d of the state of height %d: %w", offset, index, v.height, ErrNotFound)
	}
	return v.raw[offset:min(total, offset+most)], total, nil
}

// record reads what stands at a place.
func (v *Served) record(place []byte) (key, record []byte, err error) {
	key, err = state.KeyOf(place)
	if err != nil {
		return nil, nil, err
	}
	record, found, err := v.store.Get(key, v.height)
	if err == nil && !found {
		err = corrupt(stateKey(key), uint64(v.height), "the record is missing")
	}
	return key, record, err
}

// Close lets the height be pruned.
func (v *Served) Close() error {
	v.store.pins.remove(v.height)
	return nil
}

// Pin keeps the state of a height, and of all above, from being pruned until release is
// called, once. Errors: ErrAhead, ErrPruned.
func (s *Store) Pin(at ledger.Height) (release func(), err error) {
	going := s.pins.add(at)
	err = s.Retained(at)
	if err == nil && at < going {
		err = &PrunedError{State: true, Height: at, Oldest: going}
	}
	if err != nil {
		s.pins.remove(at)
		return nil, err
	}
	return func() { s.pins.remove(at) }, nil
}

// pins are heights that must not be pruned, counted.
type pins struct {
	mu    sync.Mutex
	held  map[ledger.Height]int
	going ledger.Height // what is below is just being pruned
}

// add also tells below which height a pin comes too late.
func (p *pins) add(h ledger.Height) (going ledger.Height) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		p.held = map[ledger.Height]int{}
	}
	p.held[h]++
	return p.going
}

func (p *pins) remove(h ledger.Height) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held[h]--; p.held[h] <= 0 {
		delete(p.held, h)
	}
}

// bound lowers a height to the lowest that is held, below which is about to be pruned.
func (p *pins) bound(h ledger.Height) ledger.Height {
	p.mu.Lock()
	defer p.mu.Unlock()
	for held := range p.held {
		h = min(h, held)
	}
	p.going = h
	return h
}

// bounded says that it is pruned, or that nothing came of it.
func (p *pins) bounded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.going = 0
}
