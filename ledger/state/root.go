package state

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
)

// ErrOrder says that placed keys did not come in ascending order.
var ErrOrder = errors.New("the keys are not in ascending order")

// Root computes the root of records that come in the order of their placed keys.
// It keeps no more than one hash for each level of the tree. The zero value is
// ready.
type Root struct {
	left []pending // subtrees that wait for their right neighbour, positions ascending
	hash ledger.Hash
	last []byte
}

type pending struct {
	hash ledger.Hash
	pos  int
}

// Add takes the next record.
func (r *Root) Add(placed []byte, record ledger.Hash) error {
	if r.last != nil {
		if bytes.Compare(r.last, placed) >= 0 {
			return fmt.Errorf("%w: %x after %x", ErrOrder, placed, r.last)
		}
		pos := Critical(r.last, placed)
		r.join(pos)
		r.left = append(r.left, pending{r.hash, pos})
	}
	r.last = append(r.last[:0], placed...)
	r.hash = LeafHash(placed, record)
	return nil
}

// join completes the subtrees below a position.
func (r *Root) join(above int) {
	for n := len(r.left); n > 0 && r.left[n-1].pos > above; n-- {
		r.hash = InnerHash(r.left[n-1].pos, r.left[n-1].hash, r.hash)
		r.left = r.left[:n-1]
	}
}

// Sum is the root of all that was added; nothing may be added afterwards.
func (r *Root) Sum() ledger.Hash {
	r.join(-1)
	return r.hash
}
