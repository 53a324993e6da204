package storage

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// Difference is where two states of one height part: a record of which each has another
// form, or only one has any.
type Difference struct {
	Height       ledger.Height
	Key          []byte
	Ours, Theirs *state.Record // nil: not there
}

// String names the record and who wrote it on either side.
func (d *Difference) String() string {
	side := func(r *state.Record) string {
		if r == nil {
			return "is not there"
		}
		return fmt.Sprintf("was written by transaction %s of block %d", r.TxID, r.Height)
	}
	return fmt.Sprintf("the first record that differs is %q: here it %s, with the others it %s", d.Key, side(d.Ours), side(d.Theirs))
}

var errParted = errors.New("the states part here")

// FirstDifference compares the state of a height with another one, whose records come in
// the order of their places; nil: they are equal.
func (s *Store) FirstDifference(at ledger.Height, records func(emit func(key, record []byte) error) error) (*Difference, error) {
	ours, err := s.Placed(at)
	if err != nil {
		return nil, err
	}
	defer ours.Close()
	c := &comparison{ours: ours, out: Difference{Height: at}}
	err = c.advance()
	if err == nil {
		err = records(c.meet)
	}
	if err == nil && c.place != nil { // we have more
		err = c.part(c.key, c.value, nil)
	}
	switch {
	case errors.Is(err, errParted):
		return &c.out, nil
	case err != nil:
		return nil, fmt.Errorf("compare the state of height %d: %w", at, err)
	}
	return nil, nil
}

// comparison walks over both states at once.
type comparison struct {
	ours              *Placed
	place, key, value []byte // our next record; place is nil after the last
	out               Difference
}

func (c *comparison) advance() (err error) {
	c.place = nil
	if !c.ours.Next() {
		return c.ours.Err()
	}
	c.key, c.value = c.ours.Key(), c.ours.Value()
	c.place, err = state.PlaceOf(c.key, c.value)
	return err
}

func (c *comparison) meet(key, record []byte) error {
	place, err := state.PlaceOf(key, record)
	if err != nil {
		return err
	}
	switch order := bytes.Compare(c.place, place); {
	case c.place == nil || order > 0:
		return c.part(key, nil, record)
	case order < 0:
		return c.part(c.key, c.value, nil)
	case !bytes.Equal(c.value, record):
		return c.part(key, c.value, record)
	}
	return c.advance()
}

func (c *comparison) part(key, ours, theirs []byte) error {
	c.out.Key = bytes.Clone(key)
	for _, side := range []struct {
		raw []byte
		to  **state.Record
	}{{ours, &c.out.Ours}, {theirs, &c.out.Theirs}} {
		if side.raw == nil {
			continue
		}
		r, err := state.DecodeRecord(bytes.Clone(side.raw))
		if err != nil {
			return err
		}
		*side.to = &r
	}
	return errParted
}
