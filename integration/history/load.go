package history

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
)

// Load is what concurrent clients do.
type Load struct {
	Ledger   ledger.ID
	Signer   client.Signer
	Contract string
	Prefix   string        // of the commands
	Nodes    []Node        // client nodes; workers are spread over them
	Workers  int           // each has one operation in flight
	Keys     int           // half of them are swapped, half added to
	Pause    time.Duration // between a worker's operations
	GiveUp   int           // operations that are asked for once with little patience, then never again
	Errors   func(error)   // what must not happen
	Done     func(command string, at ledger.Place)
}

// Node is a connection to a client node.
type Node struct {
	Client *client.Client
	Newest *atomic.Uint64 // the highest height of its receipts, known to the load
}

// giveUpAfter is the patience with an operation that is given up.
const giveUpAfter = 30 * time.Millisecond

// outcomeMax bounds how long an outcome is insisted on after the load has ended.
const outcomeMax = 60 * time.Second

// Run works until ctx is done, and then insists on the outcomes of what is in flight.
func (l *Load) Run(ctx context.Context) *History {
	rec := NewRecorder()
	end, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(outcomeMax, cancel) })()
	var wg sync.WaitGroup
	var given atomic.Int64
	for w := range l.Workers {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				l.one(end, rec, w, i, &given)
				select {
				case <-ctx.Done():
				case <-time.After(l.Pause): // the load's own pace
				}
			}
		})
	}
	wg.Wait()
	return rec.History()
}

// one operation of a worker.
func (l *Load) one(ctx context.Context, rec *Recorder, worker, i int, given *atomic.Int64) {
	node := l.Nodes[worker%len(l.Nodes)]
	dice := rand.IntN(100) // #nosec G404 -- a test's load
	o := Operation{Client: worker, Command: fmt.Sprintf("%s-%d-%d", l.Prefix, worker, i),
		Key:  uint64(rand.IntN(l.Keys)),                       // #nosec G404 G115 -- a test's load
		Kind: Read, Operand: uint64(worker)<<32 | uint64(i+1)} // #nosec G115 -- not negative
	switch {
	case dice < 15:
		l.query(ctx, rec, node, o.Key)
		return
	case dice < 30:
	case o.Key%2 == 0:
		o.Kind = Swap
	default:
		o.Kind, o.Operand = Add, uint64(1+dice) // #nosec G115 -- not negative
	}
	noted := rec.Invoke(o)
	if i%50 == 49 && given.Add(1) <= int64(l.GiveUp) {
		little, cancel := context.WithTimeout(ctx, giveUpAfter)
		defer cancel()
		l.insist(little, rec, node, noted)
		return
	}
	l.insist(ctx, rec, node, noted)
	if ctx.Err() != nil && !noted.Known() {
		l.Errors(fmt.Errorf("%w: %v; the load ended %s ago", ErrUnanswered, noted, outcomeMax))
	}
}

// ErrUnanswered means that a client insisted, while the ledger worked, and was never
// told an outcome.
var ErrUnanswered = errors.New("never answered")

// insist repeats a command until there is a receipt.
func (l *Load) insist(ctx context.Context, rec *Recorder, node Node, o *Operation) {
	call := client.Call{Contract: l.Contract, Method: string(o.Kind), Args: arguments(o.Key, o.Operand), Command: []byte(o.Command), Validity: 5 * time.Minute}
	for ctx.Err() == nil {
		s, err := node.Client.Submit(ctx, l.Signer.Sign(l.Ledger, call))
		var refused *client.RefusedError
		switch {
		case err == nil:
			l.answered(rec, node, o, s)
			return
		case errors.Is(err, client.ErrUnknownOutcome) || ctx.Err() != nil:
		case errors.As(err, &refused) && refused.RetryAfter > 0:
			select {
			case <-ctx.Done():
			case <-time.After(refused.RetryAfter): // as it was told
			}
		default:
			l.Errors(fmt.Errorf("%s: %w", o.Command, err))
			return
		}
	}
}

func (l *Load) answered(rec *Recorder, node Node, o *Operation, s *client.Submitted) {
	result, at := s.Receipt.Result, ledger.Place{Height: s.Receipt.Header.Height, Index: s.Receipt.Index}
	if result.Status != ledger.StatusOK || len(result.Output) != 8 {
		l.Errors(fmt.Errorf("%s: %s %s, output of %d bytes", o.Command, result.Status, result.Message, len(result.Output)))
		return
	}
	rec.Return(o, binary.LittleEndian.Uint64(result.Output), at)
	for height := uint64(at.Height); ; {
		old := node.Newest.Load()
		if height <= old || node.Newest.CompareAndSwap(old, height) {
			break
		}
	}
	if l.Done != nil {
		l.Done(o.Command, at)
	}
}

// query asks one replica. No answer is no error: a query promises none.
func (l *Load) query(ctx context.Context, rec *Recorder, node Node, key uint64) {
	floor := ledger.Height(node.Newest.Load())
	reply, err := node.Client.Query(ctx, &ledgerpb.QueryRequest{Contract: l.Contract, Method: string(Read), Args: arguments(key, 0)})
	if err != nil {
		return
	}
	if reply.GetStatus() != ledger.StatusOK.String() || len(reply.GetOutput()) != 8 {
		l.Errors(fmt.Errorf("query of register %d: %s %s", key, reply.GetStatus(), reply.GetMessage()))
		return
	}
	rec.Query(Query{Key: key, Value: binary.LittleEndian.Uint64(reply.GetOutput()), Height: ledger.Height(reply.GetHeight()), Floor: floor})
}

// Swapping is the call that sets a key, whatever it was before.
func Swapping(contract string, key, value uint64, command string) client.Call {
	return client.Call{Contract: contract, Method: string(Swap), Args: arguments(key, value), Command: []byte(command)}
}
