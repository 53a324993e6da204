// Package wasmtest has a State of plain maps for tests of contracts and engine.
package wasmtest

import (
	"bytes"
	"slices"

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
	Events []Event
	Logs   []string
	Fail   error // what every access returns, when set
	Others map[string]*wasm.Module
}

// New is an empty state.
func New() *State { return &State{Values: map[string][]byte{}} }

// Call runs a call and keeps its changes only if it succeeds.
func (s *State) Call(m *wasm.Module, call wasm.Call, gas uint64) wasm.Outcome {
	trial := &State{Values: map[string][]byte{}, Fail: s.Fail, Others: s.Others}
	for k, v := range s.Values {
		trial.Values[k] = v
	}
	o := m.Call(&call, trial, gas)
	s.Logs = append(s.Logs, trial.Logs...)
	if o.Status == wasm.OK {
		s.Values = trial.Values
		s.Events = append(s.Events, trial.Events...)
	}
	return o
}

// Get implements wasm.State.
func (s *State) Get(key []byte) ([]byte, bool, error) {
	v, ok := s.Values[string(key)]
	return v, ok, s.Fail
}

// Put implements wasm.State.
func (s *State) Put(key, value, _ []byte) error {
	s.Values[string(key)] = bytes.Clone(value)
	return s.Fail
}

// Delete implements wasm.State.
func (s *State) Delete(key []byte) error {
	delete(s.Values, string(key))
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
func (s *State) Invoke(contract, method string, args []byte, gas uint64) wasm.Outcome {
	m := s.Others[contract]
	if m == nil {
		return wasm.Outcome{Status: wasm.Failed, Message: "no contract " + contract}
	}
	return s.Call(m, wasm.Call{Method: method, Args: args, Self: contract}, gas)
}

// Scan implements wasm.State.
func (s *State) Scan(from, to []byte, reverse bool) (wasm.Iterator, error) {
	it := &iterator{}
	for k, v := range s.Values {
		if k >= string(from) && (to == nil || k < string(to)) {
			it.entries = append(it.entries, [2][]byte{[]byte(k), v})
		}
	}
	slices.SortFunc(it.entries, func(a, b [2][]byte) int {
		if reverse {
			a, b = b, a
		}
		return bytes.Compare(a[0], b[0])
	})
	return it, s.Fail
}

type iterator struct{ entries [][2][]byte }

func (i *iterator) Next() (key, value []byte, ok bool, err error) {
	if len(i.entries) == 0 {
		return nil, nil, false, nil
	}
	e := i.entries[0]
	i.entries = i.entries[1:]
	return e[0], e[1], true, nil
}

func (i *iterator) Close() {}
