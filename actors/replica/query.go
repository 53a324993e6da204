package replica

import (
	"errors"
	"fmt"
	"strings"

	"github.com/concordat-ledger/concordat/actors/execution"
	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/actors/reads"
	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// query runs a method on the stored state of a height. It changes nothing, and
// sees only records that every member may read: nobody vouches for who asks.
func (r *instance) query(req *ledgerpb.QueryRequest) *ledgerpb.QueryReply {
	refuse := func(kind ledgerpb.Refusal, format string, args ...any) *ledgerpb.QueryReply {
		return &ledgerpb.QueryReply{Error: &ledgerpb.Error{Refusal: kind, Message: fmt.Sprintf(format, args...)}}
	}
	at, _ := r.store.Tip()
	if req.GetHeight() != 0 {
		at = ledger.Height(req.GetHeight())
	}
	view := viewStore{view: r.store.View(at)}
	header, err := r.records.header(at)
	switch {
	case strings.HasPrefix(req.GetParty(), ledger.ContractEntry):
		return refuse(ledgerpb.Refusal_REFUSAL_MALFORMED, "%v", ledger.Party(req.GetParty()).Validate())
	case at == 0:
		return refuse(ledgerpb.Refusal_REFUSAL_NOT_FOUND, "the ledger has no block yet, so no contract is deployed")
	case r.store.Retained(at) != nil && at < r.store.OldestState():
		return refuse(ledgerpb.Refusal_REFUSAL_NOT_FOUND, "%v", r.store.Retained(at))
	case errors.Is(err, storage.ErrNotHeld):
		return refuse(ledgerpb.Refusal_REFUSAL_NOT_FOUND, "%v", err)
	case errors.Is(err, storage.ErrNotFound):
		return refuse(ledgerpb.Refusal_REFUSAL_NOT_FOUND, "there is no block %d yet", at)
	case err != nil:
		return r.cannotAnswer(req, err)
	}
	ready := func(record *contracts.Record) bool { return lookups{modules: r.modules}.ready(view, record) }
	if record, err := contracts.Find(view, req.GetContract()); err == nil && record != nil && !ready(record) {
		return laterReply(&contracts.Compiling{Contract: record.Name})
	}
	run := &contracts.Runner{Modules: r.modules, Store: view, Reader: &ledger.Recipient{}, Ready: ready,
		Call: wasm.Call{Caller: req.GetParty(), Height: at, Time: header.Time, ReadOnly: true}}
	args, described, err := r.describe(view, req)
	if err != nil {
		return refuse(ledgerpb.Refusal_REFUSAL_MALFORMED, "%v", err)
	}
	o, err := run.Run(req.GetContract(), req.GetMethod(), args, r.genesis.Limits.GasTransaction)
	var unknown *contracts.Unknown
	var compiling *contracts.Compiling
	switch {
	case errors.As(err, &compiling): // by one that it calls
		return laterReply(compiling)
	case errors.Is(err, contracts.ErrPassed):
		return refuse(ledgerpb.Refusal_REFUSAL_MALFORMED, "%v", contracts.ErrPassed)
	case errors.As(err, &unknown):
		return refuse(ledgerpb.Refusal_REFUSAL_NOT_FOUND, "%v at height %d; deploy it, or look at the list of contracts", err, at)
	case err != nil:
		return r.cannotAnswer(req, err)
	}
	reply := &ledgerpb.QueryReply{Height: uint64(at), Output: o.Output, Code: o.Code, Message: o.Message, GasUsed: o.GasUsed,
		Status: execution.StatusOf(o).String()}
	if described != nil && o.Status == wasm.OK {
		text, err := described.OutputJSON(req.GetMethod(), o.Output)
		if err != nil {
			r.cfg.Logger.Warn("an output does not fit its contract's schema", "contract", req.GetContract(), "method", req.GetMethod(), "error", err)
		}
		reply.OutputJson = string(text)
	}
	return reply
}

// cannotAnswer logs an error of this replica. It may name a record that the reader must not
// know of, so the reader is not told.
func (r *instance) cannotAnswer(req *ledgerpb.QueryRequest, err error) *ledgerpb.QueryReply {
	r.cfg.Logger.Error("a query could not be answered", "contract", req.GetContract(), "method", req.GetMethod(), "error", err)
	return &ledgerpb.QueryReply{Error: &ledgerpb.Error{Refusal: ledgerpb.Refusal_REFUSAL_INTERNAL, Message: reads.Internal(err)}}
}

// compiledLaterMs is when to ask again for a contract that is being compiled.
const compiledLaterMs = 500

func laterReply(c *contracts.Compiling) *ledgerpb.QueryReply {
	return &ledgerpb.QueryReply{Error: &ledgerpb.Error{Refusal: ledgerpb.Refusal_REFUSAL_UNAVAILABLE, Message: c.Error(), RetryAfterMs: compiledLaterMs}}
}

// ready has a contract compiled in the background when it is not, for requests are
// answered one after the other, and the others should not wait for it.
func (l lookups) ready(view viewStore, record *contracts.Record) bool {
	hash, err := ledger.HashFromBytes(record.Code)
	if err != nil || l.modules.Has(hash) {
		return true
	}
	l.modules.Fetch(view, record) // when others wait already, the next question asks again
	return false
}

// describe finds the contract's schema, and encodes arguments given as JSON by it.
func (r *instance) describe(view viewStore, req *ledgerpb.QueryRequest) ([]byte, *schema.Schema, error) {
	record, err := contracts.Find(view, req.GetContract())
	if err != nil || record == nil {
		return nil, nil, err
	}
	_, s, err := r.modules.Describe(view, record)
	switch {
	case err != nil || s == nil && req.GetArgsJson() == "":
		return req.GetArgs(), nil, err
	case s == nil:
		return nil, nil, fmt.Errorf("contract %s has no schema; give its arguments as bytes", record.Name)
	case req.GetArgsJson() == "" && len(req.GetArgs()) > 0:
		return req.GetArgs(), s, nil
	}
	args, err := s.ArgsFromJSON(req.GetMethod(), []byte(req.GetArgsJson()))
	return args, s, err
}

// viewStore is the state of a height, read-only.
type viewStore struct{ view *storage.View }

func (v viewStore) Get(key []byte) ([]byte, error) {
	raw, found, err := v.view.Get(key)
	if err != nil || !found {
		return nil, err
	}
	return raw, nil
}

func (v viewStore) Scan(from, to []byte, reverse bool) (contracts.Iterator, error) {
	it, err := v.view.Scan(from, to, reverse)
	if err != nil {
		return nil, err
	}
	return storeIterator{it}, nil
}

// Set is never reached: a read-only call is refused before.
func (viewStore) Set([]byte, []byte) {}
func (viewStore) Mark() int          { return 0 }
func (viewStore) Rollback(int)       {}

// storeIterator is a store's iterator as contracts use it.
type storeIterator struct{ it *storage.Iterator }

func (s storeIterator) Next() (key, value []byte, ok bool, err error) {
	if !s.it.Next() {
		return nil, nil, false, s.it.Err()
	}
	return s.it.Key(), s.it.Value(), true, nil
}

func (s storeIterator) Close() { s.it.Close() }

// Scan implements execution.Store.
func (r *records) Scan(from, to []byte, at ledger.Height, reverse bool) (contracts.Iterator, error) {
	it, err := r.Store.Scan(from, to, at, reverse)
	if err != nil {
		return nil, err
	}
	return storeIterator{it}, nil
}

// Contracts implements reads.Store.
func (l lookups) Contracts() ([]*ledgerpb.ContractView, error) {
	tip, _ := l.Tip()
	if tip == 0 {
		return nil, nil
	}
	list, err := deployedContracts(l.Store, tip)
	if err != nil {
		return nil, err
	}
	var out []*ledgerpb.ContractView
	for _, record := range list {
		out = append(out, contractView(record))
	}
	return out, nil
}

// deployedContracts are the contracts of a height, by name.
func deployedContracts(store *storage.Store, at ledger.Height) ([]*contracts.Record, error) {
	from, to := contracts.RecordRange()
	it, err := store.Scan(from, to, at, false)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var out []*contracts.Record
	for it.Next() {
		record, err := contracts.ParseRecord(it.Value())
		if err != nil {
			return nil, err
		}
		out = append(out, record)
	}
	return out, it.Err()
}

func contractView(r *contracts.Record) *ledgerpb.ContractView {
	hash, _ := r.Code.MarshalText()                                                       // of bytes: no error
	v := &ledgerpb.ContractView{Name: r.Name, Hash: string(hash), Bytes: uint64(r.Bytes), // #nosec G115 -- a length
		Deployer: string(r.Deployer), Height: uint64(r.Height), Upgrades: uint32(r.Upgrades), Upgraded: uint64(r.Upgraded)} // #nosec G115 -- a count
	if r.Upgrades > 0 {
		before, _ := r.Before.MarshalText() // of bytes: no error
		v.Before = string(before)
	}
	return v
}

// Contract implements reads.Store.
func (l lookups) Contract(name string) (*ledgerpb.ContractView, error) {
	tip, _ := l.Tip()
	if tip == 0 {
		return nil, nil
	}
	view := viewStore{view: l.View(tip)}
	record, err := contracts.Find(view, name)
	if err != nil || record == nil {
		return nil, err
	}
	out := contractView(record)
	if !l.ready(view, record) {
		return nil, &reads.RefusedError{Refusal: ledgerpb.Refusal_REFUSAL_UNAVAILABLE, Later: true,
			Message: (&contracts.Compiling{Contract: name}).Error()}
	}
	out.Schema, _, err = l.modules.Describe(view, record)
	return out, err
}
