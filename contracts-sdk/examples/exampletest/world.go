package exampletest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/wasmtest"
)

// gasMax of a call is that of a ledger's transaction.
const gasMax = 50_000_000

// world is a ledger in memory on which several modules call each other, as a
// transaction's contracts do.
type world struct {
	modules map[string]*wasm.Module
	name    string // of the contract under test
	states  map[string]*wasmtest.State
	height  ledger.Height
	time    ledger.Time

	call wasm.Call // the transaction's
	path []string  // contracts that are in a call

	deployed map[string]bool // contracts that were called: init is over
	asks     []ask           // of the contract under test
}

// methodInit runs once, before all others.
const methodInit = "init"

func newWorld(name string, modules map[string]*wasm.Module) *world {
	w := &world{modules: modules, name: name, states: map[string]*wasmtest.State{}, height: 1, time: timeFirst, deployed: map[string]bool{}}
	for contract := range modules {
		w.states[contract] = wasmtest.New()
	}
	return w
}

// run makes a step's call, each in a block of its own. What fails leaves nothing.
func (w *world) run(t testing.TB, s *step) wasm.Outcome {
	if s.time != 0 {
		w.time = s.time
	}
	contract := s.contract
	if contract == "" {
		contract = w.name
	}
	w.call = parseWho(t, s.who)
	w.call.Height, w.call.Time, w.call.ReadOnly = w.height, w.time, s.query
	w.call.CommandID = fmt.Appendf(nil, "command %d", w.height)
	w.call.TxID = ledger.Hash{0: 1, 31: byte(w.height)} // #nosec G115 -- only to differ
	w.asks = nil
	if s.method == methodInit && w.deployed[contract] {
		return wasm.Outcome{Status: wasm.Failed, Code: ^uint32(0), Message: "init runs once, at deployment"}
	}
	if !s.query {
		w.height++
	}
	o := w.enter(w.call, contract, s.method, s.args, gasMax)
	w.deployed[contract] = w.deployed[contract] || s.method != methodInit || o.Status == wasm.OK
	return o
}

// parseWho reads PARTY{name=value,…}|CONTRACT.
func parseWho(t testing.TB, who string) wasm.Call {
	who, via, _ := strings.Cut(who, "|")
	party, attributes, some := strings.Cut(who, "{")
	call := wasm.Call{Caller: party}
	_, call.Organisation, _ = strings.Cut(party, "@")
	if some {
		for _, pair := range strings.Split(strings.TrimSuffix(attributes, "}"), ",") {
			name, value, ok := strings.Cut(pair, "=")
			must(t, ok, who)
			call.Attributes = append(call.Attributes, wasm.Attribute{Name: name, Value: value})
		}
	}
	if via != "" {
		return call.From(via)
	}
	return call
}

// enter calls a contract: what calls, and what it has read, are in the call.
func (w *world) enter(call wasm.Call, contract, method string, args []byte, gas uint64) wasm.Outcome {
	m := w.modules[contract]
	if m == nil {
		return wasm.Outcome{Status: wasm.Failed, Message: fmt.Sprintf("there is no contract %q", contract)}
	}
	if slices.Contains(w.path, contract) {
		return wasm.Outcome{Status: wasm.Failed, Message: fmt.Sprintf("contract %s is in a call already and cannot be entered again", contract)}
	}
	call.Method, call.Args, call.Self = method, args, contract
	before := map[string]wasmtest.State{}
	for name, s := range w.states {
		before[name] = wasmtest.State{Values: maps.Clone(s.Values), Audiences: maps.Clone(s.Audiences), Events: slices.Clone(s.Events)}
	}
	w.path = append(w.path, contract)
	o := m.Call(&call, session{w, contract}, gas)
	w.path = w.path[:len(w.path)-1]
	if o.Status != wasm.OK {
		for name, s := range before {
			*w.states[name] = s
		}
	}
	return o
}

// session is what one call sees of the world.
type session struct {
	*world
	name string
}

func (s session) own() *wasmtest.State { return s.states[s.name] }

// hides tells whether a record is not there for who asks: a question sees public
// records alone.
func (s session) hides(audience []byte) bool { return s.call.ReadOnly && len(audience) > 0 }

// Get implements wasm.State.
func (s session) Get(key []byte) (value, audience []byte, found bool, err error) {
	value, audience, found, err = s.own().Get(key)
	if s.hides(audience) {
		return nil, nil, false, err
	}
	return value, audience, found, err
}

// Put implements wasm.State.
func (s session) Put(key, value, audience []byte) error { return s.own().Put(key, value, audience) }

// Delete implements wasm.State.
func (s session) Delete(key []byte) error { return s.own().Delete(key) }

// Scan implements wasm.State.
func (s session) Scan(from, to []byte, reverse bool) (wasm.Iterator, error) {
	it, err := s.own().Scan(from, to, reverse)
	return shown{it, s}, err
}

type shown struct {
	wasm.Iterator
	to session
}

// Next implements wasm.Iterator.
func (s shown) Next() (key, value, audience []byte, ok bool, err error) {
	for {
		key, value, audience, ok, err = s.Iterator.Next()
		if !ok || err != nil || !s.to.hides(audience) {
			return key, value, audience, ok, err
		}
	}
}

// Emit implements wasm.State.
func (s session) Emit(topic string, data, audience []byte) error {
	return s.own().Emit(topic, data, audience)
}

// Log implements wasm.State.
func (s session) Log(level uint8, text string) { s.own().Log(level, text) }

// Organisation implements wasm.State.
func (s session) Organisation(party ledger.Party) (string, error) {
	return s.own().Organisation(party)
}

// Invoke implements wasm.State.
func (s session) Invoke(contract, method string, args []byte, gas uint64, read wasm.Readers) wasm.Outcome {
	args = orEmpty(slices.Clone(args))
	call := s.call.From(s.name)
	call.Read = read
	o := s.enter(call, contract, method, args, gas)
	if len(s.path) == 1 && s.name == s.world.name {
		s.asks = append(s.asks, ask{contract, method, args, resultOf(o)})
	}
	return o
}

// resultOf is an outcome without what differs from engine to engine: the words of a
// trap.
func resultOf(o wasm.Outcome) result {
	switch o.Status {
	case wasm.OK:
		return result{status: wasm.OK, output: orEmpty(slices.Clone(o.Output))}
	case wasm.Failed:
		return result{status: wasm.Failed, code: o.Code, message: o.Message}
	}
	return result{status: wasm.Trapped}
}

// left is the state of the contract under test.
func (w *world) left(t testing.TB) []record {
	var out []record
	s := w.states[w.name]
	for _, k := range slices.Sorted(maps.Keys(s.Values)) {
		out = append(out, record{[]byte(k), orEmpty(s.Values[k]), audience(t, s.Audiences[k])})
	}
	return out
}

func audience(t testing.TB, b []byte) ledger.Audience {
	a, err := ledger.ParseAudience(b)
	worked(t, err)
	return a
}
