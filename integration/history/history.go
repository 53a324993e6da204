// Package history records what clients did and saw, and asks whether there is an order
// of it that a single correct ledger could have had (linearizability, checked with
// porcupine).
package history

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// Input is one operation on an account: add one to it, or read it. Both are ordered
// transactions; queries, which one replica answers by itself, are not recorded.
type Input struct {
	Account string
	Read    bool
}

// Record holds the operations of many clients. It is safe for concurrent use.
type Record struct {
	mu    sync.Mutex
	begun time.Time
	ops   []porcupine.Operation
}

// New begins a record.
func New() *Record { return &Record{begun: time.Now()} }

// Call notes that an operation begins; the function that it returns notes its end, with
// what was read. An operation whose end is never noted may have happened at any time
// after it began, or never.
func (r *Record) Call(client int, in Input) (done func(value int)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := len(r.ops)
	r.ops = append(r.ops, porcupine.Operation{ClientId: client, Input: in, Output: unknown, Call: int64(time.Since(r.begun)), Return: math.MaxInt64})
	return func(value int) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ops[at].Output, r.ops[at].Return = value, int64(time.Since(r.begun))
	}
}

const unknown = -1

// Len is the number of operations.
func (r *Record) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ops)
}

// model is a set of counters that begin at zero.
var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		index, out := map[string]int{}, [][]porcupine.Operation{}
		for _, op := range history {
			account := op.Input.(Input).Account //nolint:forcetypeassert // ours
			i, ok := index[account]
			if !ok {
				i = len(out)
				index[account] = i
				out = append(out, nil)
			}
			out[i] = append(out[i], op)
		}
		return out
	},
	Init: func() any { return 0 },
	Step: func(state, input, output any) (bool, any) {
		value, in, out := state.(int), input.(Input), output.(int) //nolint:forcetypeassert // ours
		if in.Read {
			return out == unknown || out == value, value
		}
		return true, value + 1
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %v", input, output) },
}

// Check reports an error when no order explains the record, or when none was found in
// time.
func (r *Record) Check(within time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch porcupine.CheckOperationsTimeout(model, r.ops, within) {
	case porcupine.Ok:
		return nil
	case porcupine.Illegal:
		return fmt.Errorf("%d operations are not linearizable", len(r.ops))
	default:
		return fmt.Errorf("%d operations could not be checked within %s", len(r.ops), within)
	}
}
