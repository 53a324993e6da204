package contracts

import (
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/wasm"
)

// Step is one access of a contract to the ledger, as a trace tells it.
type Step struct {
	Depth    int    // contracts that are in a call, the one that does this included
	Contract string // which does this
	What     string // get, put, delete, scan, entry, emit, invoke, return, log
	Key      []byte // or topic, method, from
	Value    []byte // or data, arguments, output, to, text
	Found    bool
	Audience ledger.Audience // of the record or event
	Other    string          // the contract that is called, or the status that it returned
	Gas      uint64          // handed to, or used by, a called contract
}

// Trace takes the steps of a run. Its slices are valid during the call.
type Trace func(Step)

// told is a session that tells what is done with it.
type told struct{ session }

func (t told) tell(s Step) {
	s.Depth, s.Contract = len(t.r.path), t.name
	t.r.Trace(s)
}

// audience of the record at a key; none when it is absent or cannot be read.
func (t told) audience(key []byte) ledger.Audience {
	raw, err := t.r.Store.Get(Key(t.name, key))
	if err != nil || raw == nil {
		return nil
	}
	record, err := state.DecodeRecord(raw)
	if err != nil {
		return nil
	}
	return record.Audience
}

func (t told) Get(key []byte) (value, audience []byte, found bool, err error) {
	value, audience, found, err = t.session.Get(key)
	t.tell(Step{What: "get", Key: key, Value: value, Found: found, Audience: readers(audience)})
	return value, audience, found, err
}

// readers are an audience that the state or the engine has judged.
func readers(encoded []byte) ledger.Audience {
	a, err := ledger.ParseAudience(encoded)
	if err != nil {
		return nil
	}
	return a
}

func (t told) Put(key, value, audience []byte) error {
	err := t.session.Put(key, value, audience)
	t.tell(Step{What: "put", Key: key, Value: value, Found: err == nil, Audience: readers(audience)})
	return err
}

func (t told) Delete(key []byte) error {
	audience := t.audience(key)
	err := t.session.Delete(key)
	t.tell(Step{What: "delete", Key: key, Found: err == nil, Audience: audience})
	return err
}

func (t told) Scan(from, to []byte, reverse bool) (wasm.Iterator, error) {
	it, err := t.session.Scan(from, to, reverse)
	t.tell(Step{What: "scan", Key: from, Value: to, Found: err == nil})
	if err != nil {
		return nil, err
	}
	return toldIterator{it, t}, nil
}

type toldIterator struct {
	wasm.Iterator
	of told
}

func (i toldIterator) Next() (key, value, audience []byte, ok bool, err error) {
	key, value, audience, ok, err = i.Iterator.Next()
	if ok {
		i.of.tell(Step{What: "entry", Key: key, Value: value, Found: true, Audience: readers(audience)})
	}
	return key, value, audience, ok, err
}

func (t told) Emit(topic string, data, audience []byte) error {
	err := t.session.Emit(topic, data, audience)
	t.tell(Step{What: "emit", Key: []byte(topic), Value: data, Found: err == nil, Audience: readers(audience)})
	return err
}

func (t told) Log(level uint8, text string) {
	t.tell(Step{What: "log", Value: []byte(text), Found: true})
	t.session.Log(level, text)
}

func (t told) Invoke(contract, method string, args []byte, gas uint64, read wasm.Readers) wasm.Outcome {
	t.tell(Step{What: "invoke", Key: []byte(method), Value: args, Other: contract, Gas: gas, Found: true})
	o := t.session.Invoke(contract, method, args, gas, read)
	said := o.Output
	if o.Status != wasm.OK {
		said = []byte(o.Message)
	}
	t.tell(Step{What: "return", Key: []byte(method), Value: said, Other: o.Status.String(), Gas: o.GasUsed, Found: o.Status == wasm.OK})
	return o
}
