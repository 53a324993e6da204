// Package ledgertest is a ledger in memory on which contracts are tested with go
// test, without a node.
//
//	l := ledgertest.New("token")
//	_, err := l.As("alice@a").Call("transfer", &TransferIn{To: "bob@b", Amount: concordat.NewAmount(5)})
//
// A call that fails or panics changes nothing, as on a real ledger, and what a real
// ledger refuses is refused here. Gas is the exception: it is a property of the module,
// so nothing natively runs out of it, and the limit of CallWithGas is not applied; the
// second run of `concordat contract test`, in the engine, has it. One Ledger is used by
// one goroutine at a time, and only one at a time in a process.
package ledgertest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
)

// Event is one emitted event.
type Event struct {
	Topic    string
	Data     []byte
	Audience []byte
}

// Ledger is a ledger with one contract.
type Ledger struct {
	Name   string
	Height uint64 // of the next call's block
	Time   int64
	State  map[string][]byte
	Events []Event
	Logs   []string
	// Others answers calls of other contracts; nil: there are none. When it calls the
	// contract under test, through the one that it stands for, that is entered again.
	Others func(contract, method string, args []byte) ([]byte, error)
	// Answers of cryptographic operations that are not computed natively; nil says that
	// something does not hold.
	Answers map[Question][]byte
	// Reentrant says that the module exports concordat_reentrant; otherwise the contract
	// cannot be entered while it is in a call.
	Reentrant bool

	audiences map[string][]byte // of the records that have one
	deployed  bool
	calls     int
	call      usage
	inside    []*concordat.Context // the calls that the contract is in, the first one outermost
}

// New is an empty ledger at height 1, where the contract under test is deployed
// under a name.
func New(name string) *Ledger {
	return &Ledger{Name: name, Height: 1, Time: 1_700_000_000_000_000_000,
		State: map[string][]byte{}, audiences: map[string][]byte{}}
}

// AudienceOf is who may read the record at a key; nil: every member.
func (l *Ledger) AudienceOf(key []byte) concordat.Audience {
	a, _ := parseAudience(l.audiences[string(key)]) // only what can be read was kept
	return a
}

// Caller makes calls as one party.
type Caller struct {
	ledger  *Ledger
	context concordat.Context
}

// As makes calls as a party that signs; what follows its @ is its organisation.
func (l *Ledger) As(party concordat.Party) Caller {
	if name, ok := strings.CutPrefix(string(party), string(concordat.ContractParty(""))); ok {
		panic("a contract signs nothing: make the call as the party that signs, Through(" + strconv.Quote(name) + ")")
	}
	_, organisation, _ := strings.Cut(string(party), "@")
	return Caller{l, concordat.Context{Caller: party, Organisation: organisation, Signer: party}}
}

// With is the same caller with one more attribute.
func (c Caller) With(name, value string) Caller {
	c.context.Attributes = append(slices.Clone(c.context.Attributes), concordat.Attribute{Name: name, Value: value})
	return c
}

// Through makes calls as another contract, in a transaction that the same party signs.
// The contract is the caller then, and has neither organisation nor attributes.
func (c Caller) Through(contract string) Caller {
	c.context = from(c.context, contract)
	return c
}

// from is a context as a contract's calls have it.
func from(c concordat.Context, contract string) concordat.Context {
	c.Caller, c.Via = concordat.ContractParty(contract), contract
	c.Organisation, c.Attributes = "", nil
	return c
}

// Trapped is the error of a call that panicked. A real ledger withholds the reason
// when the call had read private records.
type Trapped struct{ Reason string }

// Error is the panic's text.
func (t *Trapped) Error() string { return "the contract trapped: " + t.Reason }

// Call calls a method and returns the bytes of its output. The error is the
// contract's *concordat.Error or a *Trapped. A method registered as a query traps
// when it writes.
func (c Caller) Call(method string, in concordat.Message) ([]byte, error) {
	return c.CallRaw(method, concordat.Encode(in))
}

// CallRaw is Call with arguments as bytes.
func (c Caller) CallRaw(method string, args []byte) ([]byte, error) {
	l := c.ledger
	if len(l.inside) > 0 {
		return l.again(c.context, method, args)
	}
	if method == methodInit && l.deployed {
		return nil, initOnce()
	}
	out, err := c.run(method, args, usage{readOnly: concordat.IsQuery(method)})
	l.deployed = l.deployed || method != methodInit || err == nil
	l.Height++
	return out, err
}

// Read calls a method and reads its output.
func (c Caller) Read(method string, in, out concordat.Message) error {
	b, err := c.Call(method, in)
	if err != nil {
		return err
	}
	return concordat.Decode(b, out)
}

// Query calls a method as a query does: without a transaction, so whatever it
// writes is refused, and records with an audience do not exist for it.
func (c Caller) Query(method string, in, out concordat.Message) error {
	b, err := c.run(method, concordat.Encode(in), usage{readOnly: true, public: true})
	if err != nil {
		return err
	}
	return concordat.Decode(b, out)
}

func (c Caller) run(method string, args []byte, u usage) (out []byte, err error) {
	l := c.ledger
	if len(l.inside) > 0 {
		return l.again(c.context, method, args)
	}
	l.call = u
	l.calls++
	concordat.Use(l)
	defer concordat.Use(nil)
	return l.enter(c.context, method, args)
}

// enter runs a method. What fails changes nothing.
func (l *Ledger) enter(context concordat.Context, method string, args []byte) (out []byte, err error) {
	if len(args) > argsBytesMax {
		return nil, concordat.Fail(0, fmt.Sprintf("arguments of %d bytes, at most %d are allowed", len(args), argsBytesMax))
	}
	state, audiences, events := maps.Clone(l.State), maps.Clone(l.audiences), slices.Clone(l.Events)
	l.inside = append(l.inside, &context)
	defer func() {
		if r := recover(); r != nil {
			out, err = nil, &Trapped{fmt.Sprint(r)}
		}
		if err != nil {
			l.State, l.audiences, l.Events = state, audiences, events
		}
		l.inside = l.inside[:len(l.inside)-1]
	}()
	context.Self, context.Height, context.Time = l.Name, l.Height, l.Time
	context.CommandID = fmt.Appendf(nil, "command %d", l.calls)
	out, err = l.dispatch(&context, method, args)
	if err == nil && len(out) > outputBytesMax {
		panic(fmt.Sprintf("an output of %d bytes, at most %d are allowed", len(out), outputBytesMax))
	}
	if inEngine() || !l.public(&context) { // the engine has judged by itself
		return slices.Clone(out), err
	}
	if err == nil && len(out) > 0 {
		panic(outputOpen)
	}
	return nil, hidden(err)
}

// hidden is an error without its message.
func hidden(err error) error {
	var e *concordat.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return concordat.Fail(e.Code, withheld)
	}
	return concordat.Fail(concordat.CodeOther, withheld)
}

// For is who may read the event; nil: every member.
func (e Event) For() concordat.Audience {
	a, _ := parseAudience(e.Audience) // only what can be read was kept
	return a
}
