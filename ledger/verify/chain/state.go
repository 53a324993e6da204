package chain

import (
	"bytes"
	"errors"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// Record gives the records of the state one after the other, in the order of their
// places (see state.Place); ok is false after the last.
type Record func() (key, record []byte, ok bool, err error)

var errOrder = errors.New("it does not stand in its order, or comes twice")

// State checks that the records are the whole state after block at, which is the newest
// block that was certified, or the newest of all. An error is a *Fault or next's.
func (c *Chain) State(at ledger.Height, next Record) error {
	m := &c.mark
	want := m.Outcome.StateRoot
	switch at {
	case m.Certified:
		want = m.CertifiedRoot
	case m.Height:
	default:
		return NewFault(at, PartRecord, "they are of neither the newest block nor the newest that was certified")
	}
	var counts Counts
	got, err := stateRoot(func() (key, record []byte, ok bool, err error) {
		if key, record, ok, err = next(); err != nil || !ok {
			return nil, nil, false, err
		}
		counts.Records++
		counts.Bytes += uint64(len(key) + len(record)) // #nosec G115 -- lengths
		if _, err := state.DecodeRecord(record); err != nil {
			return nil, nil, false, &Fault{Height: at, Part: PartRecord, Key: bytes.Clone(key), Index: Unknown, Reason: err}
		}
		return key, record, true, nil
	})
	var stray *strayError
	switch {
	case errors.As(err, &stray):
		return &Fault{Height: at, Part: PartRecord, Key: stray.key, Index: Unknown, Reason: errOrder}
	case err != nil:
		return err
	case got != want:
		return NewFault(at, PartRecord, "they give the state root %s, the block's outcome says %s", got.Short(), want.Short())
	}
	c.state = &records{height: at, root: got, counts: counts}
	return nil
}

// strayError says that a record does not stand behind the one before.
type strayError struct{ key []byte }

func (e *strayError) Error() string { return errOrder.Error() }

// stateRoot computes the root over records that come in the order of their places. Of a
// place that comes twice the state has one: so the order is checked.
func stateRoot(next Record) (ledger.Hash, error) {
	var root state.Root
	for {
		key, record, ok, err := next()
		if err != nil {
			return ledger.Hash{}, err
		}
		if !ok {
			return root.Sum(), nil
		}
		place, err := state.PlaceOf(key, record)
		if err == nil {
			err = root.Add(place, state.RecordHash(record))
		}
		if err != nil {
			return ledger.Hash{}, &strayError{bytes.Clone(key)}
		}
	}
}
