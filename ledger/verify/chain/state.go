package chain

import (
	"bytes"
	"errors"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// Record gives the records of the state one after the other; ok is false after the last.
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

// strayError says that a key is not above the one before.
type strayError struct{ key []byte }

func (e *strayError) Error() string { return errOrder.Error() }

// stateRoot computes the root over records that come in the order in which the store
// keeps them. Of a key that comes twice the tree would take the last one, and hide
// the other: so the order is checked.
func stateRoot(next Record) (ledger.Hash, error) {
	var l state.Loader
	var last []byte
	for n := 0; ; n++ {
		key, record, ok, err := next()
		if err != nil {
			return ledger.Hash{}, err
		}
		if !ok {
			return l.Tree().Root(), nil
		}
		if n > 0 && bytes.Compare(key, last) <= 0 {
			return ledger.Hash{}, &strayError{bytes.Clone(key)}
		}
		last = append(last[:0], key...)
		l.Add(key, record)
	}
}
