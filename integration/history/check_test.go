package history

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
)

// told is a history in which clients were told results, and where it was executed.
type told struct {
	History
	executed Executed
}

// op adds an operation that is in flight from one time to another, at a height.
func (h *told) op(kind Kind, operand, result uint64, from, to, height int) *Operation {
	o := &Operation{Command: fmt.Sprint(len(h.Operations)), Kind: kind, Operand: operand, Result: result,
		Invoked: time.Duration(from), Returned: time.Duration(to), Place: ledger.Place{Height: ledger.Height(height)}}
	h.Operations = append(h.Operations, o)
	if h.executed == nil {
		h.executed = Executed{}
	}
	h.executed[o.Command] = o.Place
	return o
}

func (h *told) check(t *testing.T, linearizable, inOrder error) {
	t.Helper()
	require.ErrorIs(t, h.Linearizable(10*time.Second), linearizable)
	require.ErrorIs(t, h.InOrder(h.executed), inOrder)
}

func TestATrueHistoryIsAccepted(t *testing.T) {
	h := &told{}
	h.op(Swap, 1, 0, 0, 10, 1)
	h.op(Swap, 2, 1, 5, 30, 2)
	h.op(Read, 0, 2, 12, 20, 3) // asked for while the swap was in flight
	h.op(Add, 5, 7, 31, 40, 4)
	h.Queries = []Query{{Value: 0}, {Value: 2, Height: 3, Floor: 2}, {Value: 7, Height: 4, Floor: 4}}
	h.check(t, nil, nil)
}

func TestAStaleReadIsRejected(t *testing.T) {
	h := &told{}
	h.op(Swap, 1, 0, 0, 10, 1)
	h.op(Swap, 2, 1, 11, 20, 2)
	h.op(Read, 0, 1, 21, 30, 3)
	h.check(t, ErrNotLinearizable, ErrOrder)
}

func TestAStaleReadThatClaimsAnEarlierPlaceIsRejected(t *testing.T) {
	h := &told{}
	h.op(Swap, 1, 0, 0, 10, 1)
	h.op(Swap, 2, 1, 11, 20, 3)
	h.op(Read, 0, 1, 21, 30, 2)
	h.check(t, ErrNotLinearizable, ErrOrder)
}

func TestALostWriteIsRejected(t *testing.T) {
	h := &told{}
	h.op(Swap, 1, 0, 0, 10, 1)
	lost := h.op(Swap, 2, 1, 11, 20, 2)
	h.op(Swap, 3, 1, 21, 30, 3)
	delete(h.executed, lost.Command)
	h.check(t, ErrNotLinearizable, ErrOrder)
}

func TestADoubleExecutionIsRejected(t *testing.T) {
	h := &told{}
	h.op(Add, 5, 5, 0, 10, 1)
	h.op(Add, 7, 17, 11, 20, 2)
	h.check(t, ErrNotLinearizable, ErrOrder)
	h = &told{} // a swap that came again after another
	h.op(Swap, 1, 0, 0, 10, 1)
	h.op(Swap, 2, 1, 11, 20, 2)
	h.op(Read, 0, 1, 21, 30, 4)
	h.check(t, ErrNotLinearizable, ErrOrder)
}

func TestAnUnknownOutcomeMayTakeEffectLateOnceOrNever(t *testing.T) {
	never, late, twice := &told{}, &told{}, &told{}
	for h, results := range map[*told][2]uint64{never: {3, 7}, late: {3, 12}, twice: {8, 17}} {
		o := h.op(Add, 5, 0, 0, 0, 2)
		o.Returned = Never
		h.op(Add, 3, results[0], 10, 20, 1)
		h.op(Add, 4, results[1], 21, 30, 3)
	}
	delete(never.executed, "0")
	never.check(t, nil, nil)
	late.check(t, nil, nil)
	twice.check(t, ErrNotLinearizable, ErrOrder)
}

func TestAWrongAnswerOfAQueryIsRejected(t *testing.T) {
	for name, q := range map[string]Query{
		"older than a receipt":          {Value: 1, Height: 1, Floor: 2},
		"not the value of its height":   {Value: 1, Height: 2},
		"a value of a later height":     {Value: 2, Height: 1},
		"a value that was never there":  {Value: 9, Height: 2},
		"something before there is any": {Value: 1, Height: 0},
	} {
		h := &told{}
		h.op(Swap, 1, 0, 0, 10, 1)
		h.op(Swap, 2, 1, 11, 20, 2)
		h.Queries = []Query{q}
		require.ErrorIs(t, h.InOrder(h.executed), ErrQuery, name)
		require.NoError(t, h.Linearizable(10*time.Second), "queries are not claimed to be")
	}
}

// honest is a history of concurrent clients of a register that is right.
func honest(rnd *rand.Rand, operations, clients int) *told {
	h, state := &told{}, map[uint64]uint64{}
	for i := range operations {
		o := h.op([]Kind{Swap, Add, Read}[rnd.IntN(3)], uint64(i+1), 0, 0, 0, i+1)
		o.Client, o.Key = i%clients, uint64(rnd.IntN(3))
		o.Result, state[o.Key] = apply(o.Kind, state[o.Key], o.Operand)
		o.Invoked = time.Duration(i*100 - rnd.IntN(100*clients/2)) // it took effect at i*100
		o.Returned = time.Duration(i*100 + rnd.IntN(100*clients/2))
		if rnd.IntN(operations/8+1) == 0 {
			o.Returned = Never
		}
	}
	return h
}

// Any single wrong result in a long history is found.
func TestRandomHistoriesAndOneWrongResult(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		h := honest(rnd, 400, 8)
		h.check(t, nil, nil)
		victim := h.Operations[rnd.IntN(len(h.Operations))]
		for !victim.Known() {
			victim = h.Operations[rnd.IntN(len(h.Operations))]
		}
		victim.Result += 1 << 40
		h.check(t, ErrNotLinearizable, ErrOrder)
	}
}
