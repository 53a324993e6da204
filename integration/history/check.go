package history

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/concordat-ledger/concordat/ledger"
)

// The verdicts.
var (
	ErrNotLinearizable = errors.New("the history is not linearizable")
	ErrUndecided       = errors.New("whether the history is linearizable could not be decided in time")
	ErrOrder           = errors.New("the ledger's order contradicts what clients saw")
	ErrQuery           = errors.New("a query was answered wrongly")
)

// apply is the register as it should be: the result, and what is there afterwards.
func apply(kind Kind, before, operand uint64) (result, after uint64) {
	switch kind {
	case Swap:
		return before, operand
	case Add:
		return before + operand, before + operand
	default:
		return before, before
	}
}

// model is apply for porcupine, which takes each register by itself.
func model() porcupine.Model {
	return porcupine.Model{
		Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
			by := map[uint64][]porcupine.Operation{}
			for _, o := range all {
				key := o.Input.(*Operation).Key
				by[key] = append(by[key], o)
			}
			var out [][]porcupine.Operation
			for _, list := range by {
				out = append(out, list)
			}
			return out
		},
		Init: func() any { return uint64(0) },
		Step: func(state, input, _ any) (bool, any) {
			o := input.(*Operation)
			result, after := apply(o.Kind, state.(uint64), o.Operand)
			return !o.Known() || result == o.Result, after
		},
		DescribeOperation: func(input, _ any) string { return input.(*Operation).String() },
	}
}

// Linearizable searches for an order of the transactions.
func (h *History) Linearizable(patience time.Duration) error {
	var all []porcupine.Operation
	for _, o := range h.Operations {
		all = append(all, porcupine.Operation{ClientId: o.Client, Input: o, Call: int64(o.Invoked), Return: int64(o.Returned)})
	}
	switch porcupine.CheckOperationsTimeout(model(), all, patience) {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return ErrUndecided
	default:
		return ErrNotLinearizable
	}
}

// Executed is where commands were executed, as the stores tell it.
type Executed map[string]ledger.Place

// placed are the operations that took effect, in the ledger's order. One that no
// client was told of is found in what was executed.
func (h *History) placed(executed Executed) ([]*Operation, error) {
	var out []*Operation
	for _, o := range h.Operations {
		at, ok := executed[o.Command]
		switch {
		case o.Known() && (!ok || at != o.Place):
			return nil, fmt.Errorf("%w: %v; the stores have it at %v (%v)", ErrOrder, o, at, ok)
		case ok:
			one := *o
			one.Place = at
			out = append(out, &one)
		}
	}
	slices.SortFunc(out, func(a, b *Operation) int { return compare(a.Place, b.Place) })
	return out, nil
}

func compare(a, b ledger.Place) int {
	if a.Height != b.Height {
		return int(a.Height) - int(b.Height) // #nosec G115 -- heights of a test
	}
	return int(a.Index) - int(b.Index)
}

// InOrder checks that the ledger's own order gives every client its result, that
// none came before it was asked for, and that each query saw the state of its
// height.
func (h *History) InOrder(executed Executed) error {
	order, err := h.placed(executed)
	if err != nil {
		return err
	}
	state, past := map[uint64]uint64{}, map[uint64][]version{}
	for i, o := range order {
		if i > 0 && order[i-1].Place == o.Place {
			return fmt.Errorf("%w: %v and %v are at one place", ErrOrder, order[i-1], o)
		}
		result, after := apply(o.Kind, state[o.Key], o.Operand)
		if o.Known() && result != o.Result {
			return fmt.Errorf("%w: %v; the order gives %d", ErrOrder, o, result)
		}
		state[o.Key] = after
		past[o.Key] = append(past[o.Key], version{o.Place.Height, after})
	}
	if err := realTime(order); err != nil {
		return err
	}
	for _, q := range h.Queries {
		if err := q.check(past[q.Key]); err != nil {
			return err
		}
	}
	return nil
}

// realTime: what returned before another was asked for stands before it.
func realTime(order []*Operation) error {
	var first *Operation // to return, of those behind
	for _, o := range slices.Backward(order) {
		if first != nil && first.Returned < o.Invoked {
			return fmt.Errorf("%w: %v returned before %v was asked for, and stands behind it", ErrOrder, first, o)
		}
		if first == nil || o.Returned < first.Returned {
			first = o
		}
	}
	return nil
}

// version is a register's value from a height on.
type version struct {
	from  ledger.Height
	value uint64
}

func (q Query) check(past []version) error {
	if q.Height < q.Floor {
		return fmt.Errorf("%w: register %d at height %d, after a receipt of height %d", ErrQuery, q.Key, q.Height, q.Floor)
	}
	want := uint64(0)
	for _, v := range past {
		if v.from > q.Height {
			break
		}
		want = v.value
	}
	if q.Value != want {
		return fmt.Errorf("%w: register %d at height %d is %d, not %d", ErrQuery, q.Key, q.Height, want, q.Value)
	}
	return nil
}
