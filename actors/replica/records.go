package replica

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/execution"
	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/actors/reads"
	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// records is the store as the actors read it. It is safe for concurrent use.
type records struct {
	*storage.Store
	genesis *ledger.Genesis
}

func (r *records) tipTime() (ledger.Height, ledger.Time, error) {
	h, _ := r.Tip()
	if h == 0 {
		return 0, 0, nil
	}
	header, err := r.header(h)
	if err != nil {
		return 0, 0, err
	}
	return h, header.Time, nil
}

func (r *records) header(h ledger.Height) (*ledger.Header, error) {
	raw, err := r.Store.Header(h)
	if err != nil {
		return nil, fmt.Errorf("read the header of block %d: %w", h, err)
	}
	return ledger.ParseHeader(raw)
}

// Outcome implements execution.Store.
func (r *records) Outcome(h ledger.Height) (*ledger.Outcome, error) {
	b, err := r.Store.Head(h)
	if err != nil {
		return nil, err
	}
	return ledger.ParseOutcome(b.Outcome)
}

// CommandsSum implements execution.Store.
func (r *records) CommandsSum(h ledger.Height) (ledger.Hash, error) {
	b, err := r.Store.Head(h)
	if err != nil {
		return ledger.Hash{}, err
	}
	return b.CommandsSum, nil
}

// Commands implements execution.Store.
func (r *records) Commands(fn func(actorspb.Command) error) error {
	_, at, err := r.tipTime()
	if err != nil {
		return err
	}
	return r.Store.Commands(at-1, func(c storage.Command) error {
		return fn(actorspb.Command{Key: c.Key, Place: ledger.Place{Height: c.Height, Index: c.Index}, Expires: c.Expires})
	})
}

// Party implements admission.History.
func (r *records) Party(p ledger.Party) (*ledger.PartyRecord, error) {
	tip, _ := r.Tip()
	if tip == 0 {
		for i := range r.genesis.Parties {
			if r.genesis.Parties[i].Party == p {
				return &r.genesis.Parties[i], nil
			}
		}
		return nil, nil
	}
	raw, found, err := r.Get(execution.PartyKey(p), tip)
	if err != nil || !found {
		return nil, err
	}
	return r.ParseParty(raw)
}

var partyPrefix = string(execution.PartyKey(""))

// PartyChanged implements admission.History.
func (r *records) PartyChanged(key []byte) (ledger.Party, bool) {
	name, ok := strings.CutPrefix(string(key), partyPrefix)
	return ledger.Party(name), ok
}

// ParseParty implements admission.History.
func (r *records) ParseParty(raw []byte) (*ledger.PartyRecord, error) {
	v, err := state.RecordValue(raw)
	if err != nil {
		return nil, err
	}
	var rec ledger.PartyRecord
	if err := json.Unmarshal(v, &rec); err != nil {
		return nil, fmt.Errorf("read a party's record: %w", err)
	}
	return &rec, nil
}

// Command implements admission.History.
func (r *records) Command(key ledger.Hash) (ledger.Place, bool, error) {
	c, ok, err := r.LocateCommand(key)
	if err == nil && ok {
		_, now, terr := r.tipTime()
		if terr != nil {
			return ledger.Place{}, false, terr
		}
		ok = c.Expires >= now
	}
	return ledger.Place{Height: c.Height, Index: c.Index}, ok, err
}

// Receipt implements admission.History: one item, nil when not certified yet.
func (r *records) Receipt(at ledger.Place) (*actorspb.Receipts, error) {
	p, err := r.provenAt(at)
	if err != nil || p == nil {
		return nil, err
	}
	var flat []byte
	for _, h := range p.path {
		flat = append(flat, h[:]...)
	}
	result, err := ledger.ParseResult(p.result)
	if err != nil {
		return nil, err
	}
	reader, err := r.signer(p.tx)
	if err != nil {
		return nil, err
	}
	return &actorspb.Receipts{Header: p.head.Header, Outcome: p.head.Outcome, Certificate: p.cert,
		Items: []*actorspb.ReceiptItem{{Index: at.Index, Result: shownTo(result, reader).Marshal(), Path: flat}}}, nil
}

// shownTo is a result without the events that are not for the reader.
func shownTo(result *ledger.Result, reader ledger.Recipient) *ledger.Result {
	return result.Shown(func(a ledger.Audience) bool { return state.Visible(a, reader) })
}

// signer is who signed a transaction, as its receipt's reader; nobody when it is malformed.
func (r *records) signer(envelope []byte) (ledger.Recipient, error) {
	e, err := ledger.ParseEnvelope(envelope)
	if err != nil {
		return ledger.Recipient{}, nil //nolint:nilerr // nobody signed it
	}
	tx, err := ledger.ParseTransaction(e.Payload)
	if err != nil {
		return ledger.Recipient{}, nil //nolint:nilerr // as above
	}
	party, err := r.Party(tx.Party)
	if err != nil || party == nil || string(party.PublicKey) != string(e.PublicKey[:]) {
		return ledger.Recipient{}, err
	}
	return party.Recipient(), nil
}

// Agreed implements catchup.Blocks.
func (r *records) Agreed(h ledger.Height) (*actorspb.AgreedBlock, error) {
	b, err := r.Store.Block(h)
	if err != nil {
		return nil, err
	}
	cert, _, err := r.Certificate(h)
	if err != nil {
		return nil, err
	}
	return &actorspb.AgreedBlock{Header: b.Header, Txs: b.Txs, Commit: b.Commit, Certificate: cert, Outcome: b.Outcome}, nil
}

// lookups is the store as the reads actor sees it.
type lookups struct {
	*records
	modules *contracts.Modules
	ledger  ledger.ID
	file    []byte // of genesis
	clock   func() time.Time
}

// Block implements reads.Store.
func (l lookups) Block(h ledger.Height) (*ledgerpb.BlockView, error) {
	b, err := l.Store.Block(h)
	pruned := errors.Is(err, storage.ErrPruned)
	if pruned {
		b, err = l.Head(h)
	}
	if err != nil {
		return nil, fmt.Errorf("read block %d: %w", h, err)
	}
	header, err := ledger.ParseHeader(b.Header)
	if err != nil {
		return nil, err
	}
	outcome, err := ledger.ParseOutcome(b.Outcome)
	if err != nil {
		return nil, err
	}
	_, certified, err := l.Certificate(h)
	if err != nil {
		return nil, err
	}
	v := &ledgerpb.BlockView{Height: uint64(h), Hash: b.Hash.String(), Parent: header.Parent.String(), Time: int64(header.Time),
		Transactions: header.TxCount, TxRoot: header.TxRoot.String(), StateRoot: outcome.StateRoot.String(),
		ResultsRoot: outcome.ResultsRoot.String(), Certified: certified, Pruned: pruned}
	if proof, err := certificate.ParseFinality(b.Commit); err == nil {
		v.CommitPath = "slow"
		if proof.Fast {
			v.CommitPath = "fast"
		}
	}
	for _, raw := range b.Results {
		if res, err := ledger.ParseResult(raw); err == nil {
			v.TxIds = append(v.TxIds, res.TxID.String())
		}
	}
	return v, nil
}

// HeightOf implements reads.Store.
func (l lookups) HeightOf(hash ledger.Hash) (ledger.Height, bool, error) { return l.LocateBlock(hash) }

// PlaceOf implements reads.Store. A transaction that was given out again may stand in
// a later block as a duplicate of itself; its place is where it was executed.
func (l lookups) PlaceOf(tx ledger.Hash) (ledger.Place, bool, error) {
	h, i, ok, err := l.LocateTx(tx)
	at := ledger.Place{Height: h, Index: i}
	if err != nil || !ok {
		return at, ok, err
	}
	if r, err := l.resultAt(at); err == nil && r.Status == ledger.StatusDuplicate {
		if first, err := l.resultAt(r.First); err == nil && first.TxID == tx {
			return r.First, true, nil
		}
	}
	return at, true, nil // whoever looks there is told what is the matter with the block
}

// placeOf is the place of a transaction by its id in text; ErrNotFound when there is none.
func (l lookups) placeOf(text string) (ledger.Place, error) {
	id, err := ledger.ParseHash(text)
	if err != nil {
		return ledger.Place{}, fmt.Errorf("transaction %q: %w", text, reads.ErrNotFound)
	}
	at, found, err := l.PlaceOf(id)
	if err == nil && !found {
		err = fmt.Errorf("transaction %s: %w", id, reads.ErrNotFound)
	}
	return at, err
}

func (l lookups) resultAt(at ledger.Place) (*ledger.Result, error) {
	raw, err := l.Result(at.Height, at.Index)
	if err != nil {
		return nil, err
	}
	return ledger.ParseResult(raw)
}

// Transaction implements reads.Store.
func (l lookups) Transaction(at ledger.Place) (*ledgerpb.TransactionView, *ledgerpb.ResultView, error) {
	raw, err := l.Tx(at.Height, at.Index)
	if err != nil {
		return nil, nil, err
	}
	env, err := ledger.ParseEnvelope(raw)
	if err != nil {
		return nil, nil, err
	}
	tx, err := ledger.ParseTransaction(env.Payload)
	if err != nil {
		return nil, nil, err
	}
	rawResult, err := l.Result(at.Height, at.Index)
	if err != nil {
		return nil, nil, err
	}
	res, err := ledger.ParseResult(rawResult)
	if err != nil {
		return nil, nil, err
	}
	return &ledgerpb.TransactionView{Id: res.TxID.String(), Party: string(tx.Party), Contract: tx.Contract, Method: tx.Method,
		Args: tx.Args, Command: tx.Command, ValidUntil: int64(tx.ValidUntil), Height: uint64(at.Height), Index: at.Index}, ResultView(res, at), nil
}

// ResultView is a result for people.
func ResultView(r *ledger.Result, at ledger.Place) *ledgerpb.ResultView {
	v := &ledgerpb.ResultView{TxId: r.TxID.String(), Height: uint64(at.Height), Index: at.Index, Status: r.Status.String(),
		Code: r.Code, Message: r.Message, GasUsed: r.GasUsed, Output: r.Output}
	for _, e := range r.Events {
		if len(e.Audience) == 0 {
			v.Events = append(v.Events, &ledgerpb.EventView{Contract: e.Contract, Topic: e.Topic, Data: e.Data})
		}
	}
	return v
}

// Receipt implements reads.Store. Nobody vouches for who asks, so the events are those for
// every member.
func (l lookups) Receipt(at ledger.Place) ([]byte, error) {
	return l.receiptFor(at, ledger.Recipient{})
}

func (l lookups) receiptFor(at ledger.Place, reader ledger.Recipient) ([]byte, error) {
	p, err := l.provenAt(at)
	if err != nil || p == nil {
		return nil, err
	}
	header, err := ledger.ParseHeader(p.head.Header)
	if err != nil {
		return nil, err
	}
	outcome, err := ledger.ParseOutcome(p.head.Outcome)
	if err != nil {
		return nil, err
	}
	result, err := ledger.ParseResult(p.result)
	if err != nil {
		return nil, err
	}
	r := ledger.Receipt{Header: *header, Outcome: *outcome, Index: at.Index, Result: *shownTo(result, reader), Path: p.path, Certificate: p.cert}
	return r.Marshal(), nil
}
