package replica

import (
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/actors/execution"
	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/actors/reads"
	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// What a trial may tell.
const (
	stepsMax      = 2_000
	stepBytesMax  = 1 << 10 // of a value; what is longer is cut
	trialBytesMax = 384 << 10
)

// trialRead is a trial under way, made for one reader.
type trialRead struct {
	lookups
	reader ledger.Recipient
	reply  *ledgerpb.TrialReply
	size   int
	secret bool // the contract has read what the reader may not see
}

// trial executes a call, or again a transaction, for a party that has signed the request.
func (l lookups) trial(party *ledger.PartyRecord, req *ledgerpb.StateRequest) (*ledgerpb.StateReply, error) {
	t := &trialRead{lookups: l, reader: party.Recipient(), reply: &ledgerpb.TrialReply{}}
	if req.GetTrial().GetTxId() != "" {
		return t.again(party, req.GetTrial())
	}
	at, _ := l.Tip()
	if h := ledger.Height(req.GetHeight()); h != 0 {
		if h > at {
			return nil, fmt.Errorf("block %d: %w; the newest is %d", h, reads.ErrNotFound, at)
		}
		at = h
	}
	var newest ledger.Time
	if at > 0 {
		release, err := l.Pin(at)
		if err != nil {
			return nil, notRetained(err)
		}
		defer release()
		header, err := l.header(at)
		if err != nil {
			return nil, err
		}
		newest = header.Time
	}
	now := ledger.BlockTime(newest, ledger.Time(l.clock().UnixNano()))
	x, err := execution.NewTrial(l.execution(), at, now)
	if err != nil {
		return nil, err
	}
	q := req.GetTrial()
	r, changes, err := x.Call(execution.Call{Party: party.Party, Contract: q.GetContract(), Method: q.GetMethod(), Args: q.GetArgs(), GasLimit: q.GetGasLimit()}, t.trace(q))
	if errors.Is(err, execution.ErrParty) {
		return nil, &reads.RefusedError{Refusal: ledgerpb.Refusal_REFUSAL_MALFORMED, Message: fmt.Sprintf("%v at height %d", err, at)}
	}
	if err != nil {
		return nil, err
	}
	if err := t.tell(r, ledger.Place{Height: at + 1}, changes, x); err != nil {
		return nil, err
	}
	return &ledgerpb.StateReply{Height: uint64(at), Time: int64(now), Trial: t.reply}, nil
}

func (l lookups) execution() *execution.Config {
	return &execution.Config{Ledger: l.ledger, Genesis: l.genesis, File: l.file, Store: l.records, Modules: l.modules}
}

// again executes a transaction of the past on the state that it found.
func (t *trialRead) again(reader *ledger.PartyRecord, q *ledgerpb.TrialRequest) (*ledgerpb.StateReply, error) {
	at, err := t.placeOf(q.GetTxId())
	if err != nil {
		return nil, err
	}
	if at.Height > 1 {
		release, err := t.Pin(at.Height - 1)
		if err != nil {
			return nil, notRetained(err)
		}
		defer release()
	}
	block, err := t.Store.Block(at.Height)
	if err != nil {
		return nil, err
	}
	if err := t.mayRepeat(reader, block.Txs[at.Index]); err != nil {
		return nil, err
	}
	header, err := ledger.ParseHeader(block.Header)
	if err != nil {
		return nil, err
	}
	results := make([]*ledger.Result, len(block.Results))
	for i, raw := range block.Results {
		if results[i], err = ledger.ParseResult(raw); err != nil {
			return nil, fmt.Errorf("read result %d of block %d: %w", i, at.Height, err)
		}
	}
	t.reply.Recorded = ResultView(results[at.Index], at)
	if results[at.Index].Status == ledger.StatusDuplicate {
		return nil, &reads.RefusedError{Refusal: ledgerpb.Refusal_REFUSAL_MALFORMED,
			Message: fmt.Sprintf("the command was executed before, in block %d; nothing ran here", results[at.Index].First.Height)}
	}
	x, err := execution.NewTrial(t.execution(), at.Height-1, header.Time)
	if err != nil {
		return nil, err
	}
	r, changes, err := x.Again(block.Txs, results, at.Index, t.trace(q))
	if err != nil {
		return nil, err
	}
	if err := t.tell(r, at, changes, x); err != nil {
		return nil, err
	}
	return &ledgerpb.StateReply{Height: uint64(at.Height), Time: int64(header.Time), Trial: t.reply}, nil
}

// mayRepeat: a transaction is executed again for who signed it, for administrators of the
// same organisation, and for auditors. To others its steps could tell what it has read.
func (t *trialRead) mayRepeat(reader *ledger.PartyRecord, envelope []byte) error {
	e, err := ledger.ParseEnvelope(envelope)
	if err != nil {
		return &reads.RefusedError{Refusal: ledgerpb.Refusal_REFUSAL_MALFORMED, Message: "the transaction is malformed; nothing ran"}
	}
	tx, err := ledger.ParseTransaction(e.Payload)
	if err != nil {
		return &reads.RefusedError{Refusal: ledgerpb.Refusal_REFUSAL_MALFORMED, Message: "the transaction is malformed; nothing ran"}
	}
	signer, err := t.Party(tx.Party)
	if err != nil {
		return err
	}
	if tx.Party == reader.Party || t.reader.Auditor || reader.Admin && signer != nil && signer.Organisation == reader.Organisation {
		return nil
	}
	return &reads.RefusedError{Refusal: ledgerpb.Refusal_REFUSAL_SIGNATURE,
		Message: fmt.Sprintf("a transaction is executed again for who signed it, for administrators of that organisation and for auditors; ask as %s", tx.Party)}
}

// tell fills the reply. That a record is gone is for those who could read it; the key of
// what was not there may come of what the contract has read.
func (t *trialRead) tell(r *ledger.Result, at ledger.Place, changes []state.Change, x *execution.Trial) error {
	t.reply.Result = ResultView(r, at)
	for i := range changes {
		c := &changes[i]
		if contracts.IsCode(c.Key) {
			continue // whoever deploys has the module
		}
		raw := c.Value
		if c.Delete {
			var err error
			if raw, err = x.Before(c.Key); err != nil {
				return err
			}
		}
		e := &ledgerpb.StateEntry{Key: c.Key}
		hidden := t.secret
		if raw != nil {
			var err error
			e, err = client.StateEntry(c.Key, raw)
			hidden = err != nil || !t.visible(e.GetAudience())
		}
		if c.Delete {
			e = &ledgerpb.StateEntry{Key: c.Key, Deleted: true}
		}
		size := len(c.Key) + len(e.GetValue())
		if hidden || t.size+size > trialBytesMax {
			t.reply.Hidden++
			continue
		}
		t.size += size
		t.reply.Changes = append(t.reply.Changes, e)
	}
	return nil
}

func (t *trialRead) visible(audience []string) bool {
	list := make(ledger.Audience, len(audience))
	for i, a := range audience {
		list[i] = ledger.Party(a)
	}
	return state.Visible(list, t.reader)
}

// trace takes steps into the reply, without what the reader may not see. Once the contract
// has read such a record, all that it asks for, hands on or logs may tell of it; what it
// writes is for an audience that may know.
func (t *trialRead) trace(q *ledgerpb.TrialRequest) contracts.Trace {
	return func(s contracts.Step) {
		hidden := !state.Visible(s.Audience, t.reader)
		switch s.What {
		case "get", "entry":
			t.secret = t.secret || hidden
			hidden = t.secret
		case "put", "emit":
		default:
			hidden = hidden || t.secret
		}
		if !q.GetTrace() {
			return
		}
		if len(t.reply.GetSteps()) >= stepsMax || t.size > trialBytesMax {
			t.reply.Cut = true
			return
		}
		out := &ledgerpb.TraceStep{Depth: uint32(s.Depth), Contract: s.Contract, What: s.What, Found: s.Found, Hidden: hidden, Other: s.Other, Gas: s.Gas} // #nosec G115 -- at most DepthMax
		if !hidden {
			out.Key, out.Value = cutCopy(s.Key), cutCopy(s.Value)
			for _, a := range s.Audience {
				out.Audience = append(out.Audience, string(a))
			}
		}
		t.size += len(out.GetKey()) + len(out.GetValue()) + 32
		t.reply.Steps = append(t.reply.Steps, out)
	}
}

func cutCopy(b []byte) []byte { return append([]byte(nil), b[:min(len(b), stepBytesMax)]...) }
