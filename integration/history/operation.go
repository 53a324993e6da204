package history

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/concordat-ledger/concordat/ledger"
)

// Kind of an operation on one register.
type Kind byte

// The kinds; each byte is also the name of the contract's method.
const (
	Swap Kind = 's' // sets the operand, returns what was there
	Add  Kind = 'a' // adds the operand, returns the sum
	Read Kind = 'r' // returns what is there
)

// Never is when an operation returns whose outcome is unknown.
const Never = time.Duration(math.MaxInt64)

// Operation is a transaction as its client saw it.
type Operation struct {
	Client  int
	Command string
	Kind    Kind
	Key     uint64
	Operand uint64
	Invoked time.Duration // since the beginning of the record
	// What follows is zero while the outcome is unknown, but for Returned.
	Returned time.Duration
	Result   uint64
	Place    ledger.Place
}

// Known reports whether the client learnt the outcome.
func (o *Operation) Known() bool { return o.Returned != Never }

func (o *Operation) String() string {
	if !o.Known() {
		return fmt.Sprintf("client %d %s: %c(%d, %d) from %v, never answered", o.Client, o.Command, o.Kind, o.Key, o.Operand, o.Invoked)
	}
	return fmt.Sprintf("client %d %s: %c(%d, %d) = %d at %d/%d, %v to %v", o.Client, o.Command, o.Kind, o.Key, o.Operand,
		o.Result, o.Place.Height, o.Place.Index, o.Invoked, o.Returned)
}

// Query is one replica's answer on the register at a height.
type Query struct {
	Key, Value uint64
	Height     ledger.Height
	Floor      ledger.Height // of the receipts that the client node had given out before
}

// History is what was recorded.
type History struct {
	Operations []*Operation
	Queries    []Query
}

// Recorder collects from many clients.
type Recorder struct {
	begun time.Time
	mu    sync.Mutex
	all   History // under mu
}

// NewRecorder starts the clock.
func NewRecorder() *Recorder { return &Recorder{begun: time.Now()} }

// Invoke notes an operation before it is sent. It is unknown until Return.
func (r *Recorder) Invoke(o Operation) *Operation {
	o.Invoked, o.Returned = time.Since(r.begun), Never
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all.Operations = append(r.all.Operations, &o)
	return &o
}

// Return notes what came back.
func (r *Recorder) Return(o *Operation, result uint64, at ledger.Place) {
	now := time.Since(r.begun)
	r.mu.Lock()
	defer r.mu.Unlock()
	o.Returned, o.Result, o.Place = now, result, at
}

// Query notes an answered query.
func (r *Recorder) Query(q Query) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all.Queries = append(r.all.Queries, q)
}

// History ends the record; no client may go on.
func (r *Recorder) History() *History {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &r.all
}
