package execution

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// Trial executes transactions on the state of a block and forgets what they change. It is
// for one use, and safe beside the execution of blocks.
type Trial struct {
	x      *executor
	before map[string][]byte // what earlier transactions of the block had changed
}

// NewTrial prepares a trial on the state after the block at, in a block that would follow
// it at the given time. It uses the ledger, genesis, store and modules of the configuration.
func NewTrial(cfg *Config, at ledger.Height, now ledger.Time) (*Trial, error) {
	c := &chain{id: cfg.Ledger, limits: cfg.Genesis.Limits, height: at, modules: cfg.Modules, values: newValues(cfg.Store, at), window: newWindow()}
	if at == 0 {
		changes, err := founding(cfg.Genesis, cfg.File)
		if err != nil {
			return nil, err
		}
		c.values.apply(0, changes)
	}
	header := ledger.Header{Ledger: cfg.Ledger, Height: at + 1, Time: now}
	x := &executor{chain: c, overlay: newOverlay(c.values), header: header, block: &actorspb.ExecutedBlock{}, parties: map[ledger.Party]*ledger.PartyRecord{}}
	return &Trial{x: x}, nil
}

// Call is what a trial executes.
type Call struct {
	Party    ledger.Party
	Contract string
	Method   string
	Args     []byte
	GasLimit uint64 // 0: the ledger's
}

// ErrParty means that the party of a trial is not registered at that height.
var ErrParty = errors.New("the party is not registered")

// Call executes a call as if the party had signed it, and returns its result and what it
// would change. An error is an ErrParty or local.
func (t *Trial) Call(c Call, trace contracts.Trace) (*ledger.Result, []state.Change, error) {
	tx := &ledger.Transaction{Ledger: t.x.chain.id, Party: c.Party, Contract: c.Contract, Method: c.Method, Args: c.Args, GasLimit: c.GasLimit}
	r := &ledger.Result{TxID: sha256.Sum256(tx.Marshal())}
	party, err := t.x.knownParty(c.Party)
	if err == nil && party == nil {
		err = fmt.Errorf("%w: %s", ErrParty, c.Party)
	}
	if err != nil {
		return nil, nil, err
	}
	t.x.trace = trace
	if err := t.x.run(tx, r); err != nil {
		return nil, nil, err
	}
	return r, t.x.overlay.changes(), nil
}

// Again executes the transactions of a block up to one of them, those that changed
// something and that one, and returns its result and changes. The trial is on the state
// before the block, at the block's time.
func (t *Trial) Again(txs [][]byte, results []*ledger.Result, index uint32, trace contracts.Trace) (*ledger.Result, []state.Change, error) {
	for i := range index {
		if results[i].Status != ledger.StatusOK {
			continue
		}
		if _, err := t.one(txs[i], results[i].TxID); err != nil {
			return nil, nil, err
		}
	}
	kept := len(t.x.overlay.order)
	t.before = make(map[string][]byte, kept)
	for _, k := range t.x.overlay.order {
		t.before[k] = t.x.overlay.kept[k]
	}
	t.x.trace = trace
	r, err := t.one(txs[index], results[index].TxID)
	if err != nil {
		return nil, nil, err
	}
	var changes []state.Change
	for _, c := range t.x.overlay.changes() {
		if old, ok := t.before[string(c.Key)]; !ok || string(old) != string(c.Value) || (old == nil) != c.Delete {
			changes = append(changes, c)
		}
	}
	return r, changes, nil
}

// Before is the record that was at a key before what the trial has executed last; nil when
// there was none.
func (t *Trial) Before(key []byte) ([]byte, error) {
	if raw, ok := t.before[string(key)]; ok {
		return raw, nil
	}
	return t.x.overlay.base.get(key)
}

func (t *Trial) one(raw []byte, id ledger.Hash) (*ledger.Result, error) {
	e, err := ledger.ParseEnvelope(raw)
	if err != nil {
		return nil, fmt.Errorf("read transaction %s: %w", id, err)
	}
	tx, err := ledger.ParseTransaction(e.Payload)
	if err != nil {
		return nil, fmt.Errorf("read transaction %s: %w", id, err)
	}
	r := &ledger.Result{TxID: id}
	if ok, err := t.x.admit(tx, &e, r); !ok {
		return r, err
	}
	return r, t.x.run(tx, r)
}
