// Package ledgertest is a ledger in memory on which contracts are tested with go
// test, without a node.
//
//	l := ledgertest.New("token")
//	_, err := l.As("alice@a").Call("transfer", &TransferIn{To: "bob@b", Amount: concordat.NewAmount(5)})
//
// A call that fails or panics changes nothing, as on a real ledger. One Ledger is
// used by one goroutine at a time, and only one at a time in a process.
package ledgertest

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
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
	// Others answers calls of other contracts; nil: there are none.
	Others func(contract, method string, args []byte) ([]byte, error)

	calls  int
	writes int
}

// New is an empty ledger at height 1, where the contract under test is deployed
// under a name.
func New(name string) *Ledger {
	return &Ledger{Name: name, Height: 1, Time: 1_700_000_000_000_000_000, State: map[string][]byte{}}
}

// Caller makes calls as one party.
type Caller struct {
	ledger *Ledger
	party  concordat.Party
}

// As makes calls as a party; what follows its @ is its organisation.
func (l *Ledger) As(party concordat.Party) Caller { return Caller{l, party} }

// Trapped is the error of a call that panicked.
type Trapped struct{ Reason string }

// Error is the panic's text.
func (t *Trapped) Error() string { return "the contract trapped: " + t.Reason }

// Call calls a method and returns the bytes of its output. The error is the
// contract's *concordat.Error or a *Trapped.
func (c Caller) Call(method string, in concordat.Message) ([]byte, error) {
	return c.CallRaw(method, concordat.Encode(in))
}

// CallRaw is Call with arguments as bytes.
func (c Caller) CallRaw(method string, args []byte) (out []byte, err error) {
	l := c.ledger
	state, events := maps.Clone(l.State), slices.Clone(l.Events)
	l.writes = 0
	l.calls++
	concordat.Use(l)
	defer func() {
		if r := recover(); r != nil {
			out, err = nil, &Trapped{fmt.Sprint(r)}
		}
		if err != nil {
			l.State, l.Events = state, events
		}
		l.Height++
		concordat.Use(nil)
	}()
	_, organisation, _ := strings.Cut(string(c.party), "@")
	return concordat.Dispatch(&concordat.Context{Caller: c.party, Organisation: organisation, Self: l.Name,
		Height: l.Height, Time: l.Time, CommandID: fmt.Appendf(nil, "command %d", l.calls)}, method, args)
}

// Read calls a method and reads its output.
func (c Caller) Read(method string, in, out concordat.Message) error {
	b, err := c.Call(method, in)
	if err != nil {
		return err
	}
	return concordat.Decode(b, out)
}

const (
	statusTooLarge = 2
	statusLimit    = 3
	writesMax      = 1000
)

// Get implements concordat.Host.
func (l *Ledger) Get(key []byte) ([]byte, bool) {
	v, ok := l.State[string(key)]
	return slices.Clone(v), ok
}

// Put implements concordat.Host.
func (l *Ledger) Put(key, value, _ []byte) int32 {
	if len(key) == 0 || len(key) > concordat.KeyBytesMax || len(value) > concordat.ValueBytesMax {
		return statusTooLarge
	}
	if l.writes++; l.writes > writesMax {
		return statusLimit
	}
	l.State[string(key)] = slices.Clone(value)
	return 0
}

// Delete implements concordat.Host.
func (l *Ledger) Delete(key []byte) int32 {
	if len(key) == 0 || len(key) > concordat.KeyBytesMax {
		return statusTooLarge
	}
	if l.writes++; l.writes > writesMax {
		return statusLimit
	}
	delete(l.State, string(key))
	return 0
}

// Scan implements concordat.Host.
func (l *Ledger) Scan(from, to []byte, reverse bool) func() (key, value []byte, ok bool) {
	keys := slices.Sorted(maps.Keys(l.State))
	if reverse {
		slices.Reverse(keys)
	}
	return func() ([]byte, []byte, bool) {
		for len(keys) > 0 {
			k := keys[0]
			keys = keys[1:]
			if k >= string(from) && (len(to) == 0 || k < string(to)) {
				return []byte(k), l.State[k], true
			}
		}
		return nil, nil, false
	}
}

// Emit implements concordat.Host.
func (l *Ledger) Emit(topic string, data, audience []byte) int32 {
	l.Events = append(l.Events, Event{topic, slices.Clone(data), slices.Clone(audience)})
	return 0
}

// Log implements concordat.Host.
func (l *Ledger) Log(text string) { l.Logs = append(l.Logs, text) }

// SHA256 implements concordat.Host.
func (l *Ledger) SHA256(b []byte) [32]byte { return sha256.Sum256(b) }

// Invoke implements concordat.Host.
func (l *Ledger) Invoke(contract, method string, args []byte) ([]byte, error) {
	if l.Others == nil {
		return nil, concordat.Fail(0, "there is no contract "+contract)
	}
	return l.Others(contract, method, args)
}
