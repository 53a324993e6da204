package testengine

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm"
)

// state is the test kit's state during one call, and what the call does to it.
type state struct {
	kit     *stream
	values  map[string]record
	changes []record
	events  []told
	logs    []string
}

func newState(kit *stream, records []record) *state {
	s := &state{kit: kit, values: map[string]record{}}
	for _, r := range records {
		s.values[string(r.Key)] = r
	}
	return s
}

// Get implements wasm.State.
func (s *state) Get(key []byte) (value, audience []byte, found bool, err error) {
	r, ok := s.values[string(key)]
	return r.Value, r.Audience, ok, nil
}

// Organisation implements wasm.State: in the test kits a party's name says it.
func (s *state) Organisation(party ledger.Party) (string, error) {
	_, organisation, _ := strings.Cut(string(party), "@")
	return organisation, nil
}

// Put implements wasm.State.
func (s *state) Put(key, value, audience []byte) error {
	r := record{Key: bytes.Clone(key), Value: bytes.Clone(value), Audience: bytes.Clone(audience)}
	s.values[string(key)] = r
	s.changes = append(s.changes, r)
	return nil
}

// Delete implements wasm.State.
func (s *state) Delete(key []byte) error {
	delete(s.values, string(key))
	s.changes = append(s.changes, record{Key: bytes.Clone(key), Deleted: true})
	return nil
}

// Emit implements wasm.State.
func (s *state) Emit(topic string, data, audience []byte) error {
	s.events = append(s.events, told{topic, bytes.Clone(data), bytes.Clone(audience)})
	return nil
}

// Log implements wasm.State.
func (s *state) Log(_ uint8, text string) { s.logs = append(s.logs, strings.ToValidUTF8(text, "?")) }

// Scan implements wasm.State.
func (s *state) Scan(from, to []byte, reverse bool) (wasm.Iterator, error) {
	it := &iterator{values: s.values}
	for _, k := range slices.Sorted(maps.Keys(s.values)) {
		if k >= string(from) && (to == nil || k < string(to)) {
			it.keys = append(it.keys, k)
		}
	}
	if reverse {
		slices.Reverse(it.keys)
	}
	return it, nil
}

type iterator struct {
	values map[string]record
	keys   []string
}

// Next implements wasm.Iterator.
func (i *iterator) Next() (key, value, audience []byte, ok bool, err error) {
	for len(i.keys) > 0 {
		k := i.keys[0]
		i.keys = i.keys[1:]
		if r, there := i.values[k]; there {
			return []byte(k), r.Value, r.Audience, true, nil
		}
	}
	return nil, nil, nil, false, nil
}

// Close implements wasm.Iterator.
func (i *iterator) Close() {}
