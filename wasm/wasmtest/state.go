// Package wasmtest has a State of plain maps for tests of contracts and engine.
package wasmtest

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm"
)

// Event is one emitted event.
type Event struct {
	Topic    string
	Data     []byte
	Audience []byte
}

// State keeps everything in memory. Changes are not undone after a failed call;
// Call does that.
type State struct {
	Values map[string][]byte
	// Audiences are those of the records that have one, encoded.
	Audiences map[string][]byte
	Events    []Event
	Logs      []string
	Fail      error // what every access returns, when set
	Others    map[string]*wasm.Module

	call wasm.Call // the one that runs on this state
}

// New is an empty state.
func New() *State { return &State{Values: map[string][]byte{}, Audiences: map[string][]byte{}} }

// Call runs a call and keeps its changes only if it succeeds.
func (s *State) Call(m *wasm.Module, call wasm.Call, gas uint64) wasm.Outcome {
	trial := &State{Values: maps.Clone(s.Values), Audiences: maps.Clone(s.Audiences), Fail: s.Fail, Others: s.Others, call: call}
	o := m.Call(&call, trial, gas)
	s.Logs = append(s.Logs, trial.Logs...)
	if o.Status == wasm.OK {
		s.Values, s.Audiences = trial.Values, trial.Audiences
		s.Events = append(s.Events, trial.Events...)
	}
	return o
}

// Get implements wasm.State.
func (s *State) Get(key []byte) (value, audience []byte, found bool, err error) {
	v, ok := s.Values[string(key)]
	return v, s.Audiences[string(key)], ok, s.Fail
}

// Put implements wasm.State.
func (s *State) Put(key, value, audience []byte) error {
	s.Values[string(key)] = bytes.Clone(value)
	delete(s.Audiences, string(key))
	if len(audience) > 0 {
		s.Audiences[string(key)] = bytes.Clone(audience)
	}
	return s.Fail
}

// Delete implements wasm.State.
func (s *State) Delete(key []byte) error {
	delete(s.Values, string(key))
	delete(s.Audiences, string(key))
	return s.Fail
}

// Emit implements wasm.State.
func (s *State) Emit(topic string, data, audience []byte) error {
	s.Events = append(s.Events, Event{topic, bytes.Clone(data), bytes.Clone(audience)})
	return s.Fail
}

// Log implements wasm.State.
func (s *State) Log(_ uint8, text string) { s.Logs = append(s.Logs, text) }

// Invoke implements wasm.State with the contracts in Others, on the same values.
func (s *State) Invoke(contract, method string, args []byte, gas uint64, read wasm.Readers) wasm.Outcome {
	m := s.Others[contract]
	if m == nil {
		return wasm.Outcome{Status: wasm.Failed, Message: "no contract " + contract}
	}
	call := s.call.From(s.call.Self)
	call.Method, call.Args, call.Self, call.Read = method, args, contract, read
	return s.Call(m, call, gas)
}

// Organisation implements wasm.State: it is what follows the @.
func (s *State) Organisation(party ledger.Party) (string, error) {
	_, organisation, _ := strings.Cut(string(party), "@")
	return organisation, s.Fail
}

// Scan implements wasm.State.
func (s *State) Scan(from, to []byte, reverse bool) (wasm.Iterator, error) {
	it := &iterator{}
	for k, v := range s.Values {
		if k >= string(from) && (to == nil || k < string(to)) {
			it.entries = append(it.entries, [3][]byte{[]byte(k), v, s.Audiences[k]})
		}
	}
	slices.SortFunc(it.entries, func(a, b [3][]byte) int {
		if reverse {
			a, b = b, a
		}
		return bytes.Compare(a[0], b[0])
	})
	return it, s.Fail
}

type iterator struct{ entries [][3][]byte }

func (i *iterator) Next() (key, value, audience []byte, ok bool, err error) {
	if len(i.entries) == 0 {
		return nil, nil, nil, false, nil
	}
	e := i.entries[0]
	i.entries = i.entries[1:]
	return e[0], e[1], e[2], true, nil
}

func (i *iterator) Close() {}
