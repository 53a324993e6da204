package contracts

import (
	"errors"
	"fmt"
	"slices"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/host"
	"github.com/concordat-ledger/concordat/wasm/module"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// Limits of one transaction, over all contracts it reaches.
const (
	DepthMax      = 8       // contracts that call each other
	WriteBytesMax = 1 << 20 // keys and values written
	LogBytesMax   = 8 << 10
)

// Methods that only the built-in contract calls: MethodInit of a new contract, and
// MethodMigrate of the new module when one replaces another.
const (
	MethodInit    = "init"
	MethodMigrate = "migrate"
)

// CodeUnknownMethod is the failure by which a contract says that it has no such
// method; the SDKs use it.
const CodeUnknownMethod = ^uint32(0)

// Store is the state that calls run on, by its full keys, with records as values.
type Store interface {
	Getter
	Set(key, record []byte) // a nil record deletes
	Scan(from, to []byte, reverse bool) (Iterator, error)
	Mark() int         // a point to return to
	Rollback(mark int) // undoes what was set since
}

// Iterator walks over a store's records.
type Iterator interface {
	// Next returns the next entry, valid until the following call.
	Next() (key, record []byte, ok bool, err error)
	Close()
}

// Runner runs the calls of one transaction or query.
type Runner struct {
	Modules *Modules
	Store   Store
	Call    wasm.Call // the transaction's or query's; what differs is set for each call
	Log     func(contract string, level uint8, text string)
	// Reader is for whom a query reads; what it may not see does not exist for it.
	// nil: a transaction, which sees all.
	Reader *ledger.Recipient
	// Organisation is where a party is registered by the state, empty when it is not; a
	// query needs none. It reads nothing but the state, for the call may run a second time.
	Organisation func(Getter, ledger.Party) (string, error)
	Trace        Trace // told of each step; nil: nobody is
	// Ready tells whether a contract's module may be used now, and otherwise sees to it; a
	// query does not wait for a compiler. nil: who calls waits.
	Ready func(*Record) bool

	events  []ledger.Event
	emitted int
	written int
	logged  int
	path    []string // contracts that are in a call
	passed  int      // records that the reader may not see
}

// from is the provenance of what the calls write.
func (r *Runner) from() state.Provenance {
	return state.Provenance{Height: r.Call.Height, TxID: r.Call.TxID}
}

// Events are those of the calls that succeeded.
func (r *Runner) Events() []ledger.Event { return r.events }

// Unknown is the outcome's message of a call of a contract that is not deployed.
type Unknown struct{ Contract string }

// Error is the sentence.
func (u *Unknown) Error() string { return fmt.Sprintf("there is no contract %q", u.Contract) }

// Compiling is the error of a call whose contract, or one that it calls, is not Ready.
type Compiling struct{ Contract string }

// Error is the sentence.
func (c *Compiling) Error() string {
	return fmt.Sprintf("contract %s is being compiled here; ask again in a second, or another client node", c.Contract)
}

// passedMax bounds the records that a query goes over because its reader may not see them.
// They cost no gas, which would tell how many there are.
const passedMax = 100_000

// ErrPassed ends a query that has gone over so many.
var ErrPassed = errors.New("too much lies between the records that this reader may see; ask for less")

// Run calls a method of a deployed contract. An error is an *Unknown or local.
func (r *Runner) Run(contract, method string, args []byte, gas uint64) (wasm.Outcome, error) {
	record, err := Find(r.Store, contract)
	if err != nil {
		return wasm.Outcome{}, err
	}
	if record == nil {
		return wasm.Outcome{}, &Unknown{contract}
	}
	switch method {
	case MethodInit:
		return wasm.Outcome{Status: wasm.Failed, Code: CodeUnknownMethod, Message: "init runs once, at deployment"}, nil
	case MethodMigrate:
		return wasm.Outcome{Status: wasm.Failed, Code: CodeUnknownMethod, Message: "migrate runs when a module replaces another"}, nil
	}
	return r.Execute(record, method, args, gas)
}

// Execute calls a method of the contract with the given record. What does not
// succeed leaves no change and no event. An error is local, or a *module.Refusal
// at the first use of a module.
func (r *Runner) Execute(record *Record, method string, args []byte, gas uint64) (wasm.Outcome, error) {
	hash, err := ledger.HashFromBytes(record.Code)
	if err != nil {
		return wasm.Outcome{}, err
	}
	if r.Ready != nil && !r.Ready(record) {
		return wasm.Outcome{}, &Compiling{record.Name}
	}
	if len(args) > host.ArgsBytesMax {
		return wasm.Outcome{Status: wasm.Failed, Message: fmt.Sprintf("arguments of %d bytes, at most %d are allowed", len(args), host.ArgsBytesMax)}, nil
	}
	var o wasm.Outcome
	err = r.Modules.Use(hash, func() ([]byte, error) { return Code(r.Store, record) }, func(m *wasm.Module) {
		o = r.enter(m, record.Name, method, args, gas)
	})
	if err == nil && o.Status == wasm.Halt {
		err = o.Err
	}
	return o, err
}

// enter calls a method in a module. It refuses to enter a contract that is in a call
// already, for that would see its own half-made changes; one that declares to be
// ready for it may be.
func (r *Runner) enter(m *wasm.Module, name, method string, args []byte, gas uint64) wasm.Outcome {
	if slices.Contains(r.path, name) && !m.Info().Reentrant {
		return wasm.Outcome{Status: wasm.Failed, Message: fmt.Sprintf("contract %s is in a call already and cannot be entered again", name)}
	}
	call := r.Call
	if n := len(r.path); n > 0 {
		call = call.From(r.path[n-1])
	}
	call.Method, call.Args, call.Self = method, args, name
	mark, events, emitted, written := r.Store.Mark(), len(r.events), r.emitted, r.written
	r.path = append(r.path, name)
	o := m.Call(&call, r.session(name), gas)
	r.path = r.path[:len(r.path)-1]
	if o.Status != wasm.OK {
		r.Store.Rollback(mark)
		r.events, r.emitted, r.written = r.events[:events], emitted, written
	}
	return o
}

// session is the State of one call.
type session struct {
	r    *Runner
	name string
}

func (r *Runner) session(name string) wasm.State {
	s := session{r, name}
	if r.Trace != nil {
		return told{s}
	}
	return s
}

func (s session) Get(key []byte) (value, audience []byte, found bool, err error) {
	raw, err := s.r.Store.Get(Key(s.name, key))
	if err != nil || raw == nil {
		return nil, nil, false, err
	}
	return s.r.shown(raw)
}

// shown is a record's value and audience, if the reader may see it.
func (r *Runner) shown(raw []byte) (value, audience []byte, visible bool, err error) {
	value, audience, err = state.SplitRecord(raw)
	if err != nil || r.Reader == nil {
		return value, audience, err == nil, err
	}
	readers, err := ledger.ParseAudience(audience)
	if err != nil || !state.Visible(readers, *r.Reader) {
		return nil, nil, false, err
	}
	return value, audience, true, nil
}

func (s session) Put(key, value, audience []byte) error {
	full := Key(s.name, key)
	size := len(full) + len(value) + len(audience)
	if s.r.written+size > WriteBytesMax {
		return host.ErrLimit
	}
	s.r.written += size
	s.r.Store.Set(full, state.EncodeRecord(audience, s.r.from(), value))
	return nil
}

func (s session) Delete(key []byte) error {
	s.r.Store.Set(Key(s.name, key), nil)
	return nil
}

func (s session) Scan(from, to []byte, reverse bool) (wasm.Iterator, error) {
	lower, upper := keyRange(s.name, from, to)
	it, err := s.r.Store.Scan(lower, upper, reverse)
	if err != nil {
		return nil, err
	}
	return &own{Iterator: it, r: s.r, cut: len(Key(s.name, nil))}, nil
}

// own shows a scan's entries as the contract wrote them.
type own struct {
	Iterator
	r   *Runner
	cut int
}

// Next implements wasm.Iterator.
func (o *own) Next() (key, value, audience []byte, ok bool, err error) {
	for {
		key, raw, ok, err := o.Iterator.Next()
		if err != nil || !ok {
			return nil, nil, nil, false, err
		}
		value, audience, visible, err := o.r.shown(raw)
		if err != nil || visible {
			return key[o.cut:], value, audience, err == nil, err
		}
		if o.r.passed++; o.r.passed > passedMax {
			return nil, nil, nil, false, ErrPassed
		}
	}
}

func (s session) Emit(topic string, data, audience []byte) error {
	size := len(topic) + len(data) + len(audience)
	if len(s.r.events) >= ledger.EventsMax || s.r.emitted+size > ledger.EventsBytesMax {
		return host.ErrLimit
	}
	s.r.emitted += size
	s.r.events = append(s.r.events, ledger.Event{Contract: s.name, Topic: topic, Data: slices.Clone(data), Audience: slices.Clone(audience)})
	return nil
}

func (s session) Log(level uint8, text string) {
	if s.r.Log != nil && s.r.logged < LogBytesMax {
		s.r.logged += len(text)
		s.r.Log(s.name, level, text)
	}
}

// Invoke calls another contract with what its caller has read, and hands back what
// it read.
func (s session) Invoke(contract, method string, args []byte, gas uint64, read host.Readers) wasm.Outcome {
	if len(s.r.path) >= DepthMax {
		return wasm.Outcome{Status: wasm.Failed, Message: fmt.Sprintf("contracts call each other more than %d deep", DepthMax)}
	}
	before := s.r.Call.Read
	s.r.Call.Read = read
	o, err := s.r.Run(contract, method, args, gas)
	s.r.Call.Read = before
	var unknown *Unknown
	if errors.As(err, &unknown) {
		return wasm.Outcome{Status: wasm.Failed, Message: unknown.Error()}
	}
	if err != nil {
		return wasm.Outcome{Status: wasm.Halt, Err: err}
	}
	return o
}

// Organisation implements wasm.State.
func (s session) Organisation(party ledger.Party) (string, error) {
	if s.r.Organisation == nil {
		return "", nil
	}
	return s.r.Organisation(s.r.Store, party)
}

// Check makes a contract's module ready and judges its schema, without calling it.
// The error is a *module.Refusal when the code is at fault, and local otherwise.
func (r *Runner) Check(record *Record) error {
	raw, s, err := r.Modules.Describe(r.Store, record)
	if err != nil || raw == nil || s != nil {
		return err
	}
	_, err = schema.Parse(raw)
	var words *schema.NoJSONError
	if errors.As(err, &words) {
		return &module.Refusal{Rule: module.RuleFormat, Detail: "its schema is not the JSON of one; `concordat contract check` tells where"}
	}
	return &module.Refusal{Rule: module.RuleFormat, Detail: fmt.Sprintf("its schema cannot be read: %v", err)}
}
