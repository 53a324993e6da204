// Package reads answers requests that need no ordering: status and lookups.
//
// In: requests of client nodes. Out: replies. Kept: nothing. Durable: nothing.
// Every answer is about what this replica has stored; what must be believed
// without trusting it comes as a receipt.
package reads

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
)

// Kinds of a Read.
const (
	KindQuery  = 1
	KindStatus = 2
	KindLookup = 3
)

// Store is what lookups read.
type Store interface {
	Block(h ledger.Height) (*ledgerpb.BlockView, error)
	HeightOf(block ledger.Hash) (ledger.Height, bool, error)
	PlaceOf(tx ledger.Hash) (ledger.Place, bool, error)
	Transaction(at ledger.Place) (*ledgerpb.TransactionView, *ledgerpb.ResultView, error)
	Receipt(at ledger.Place) ([]byte, error) // nil: not certified yet
	Tip() (ledger.Height, ledger.Hash)
	Base() ledger.Height   // the oldest block
	Oldest() ledger.Height // the oldest with its transactions
	Pruned(err error) bool // whether an error says that something is not kept here any more
	Contracts() ([]*ledgerpb.ContractView, error)
	Contract(name string) (*ledgerpb.ContractView, error) // with its schema; nil: not deployed
	// State reads as of a block that is not older than min, unless the request names one.
	State(req *ledgerpb.StateRequest, reader ledger.Recipient, min ledger.Height) (*ledgerpb.StateReply, error)
	SignedState(req *ledgerpb.SignedRead, min ledger.Height) (*ledgerpb.StateReply, error)
}

// Config of the reads actor.
type Config struct {
	Store   Store
	Status  func() *ledgerpb.ReplicaStatus
	Genesis []byte
	Query   func(*ledgerpb.QueryRequest) *ledgerpb.QueryReply // runs a contract's method on the stored state
	Unfit   func() bool                                       // what is stored must not be shown; nil: it may
}

// laterMs is when to ask again for what is about to be certified.
const laterMs = 50

// latestMax bounds how many blocks one lookup lists.
const latestMax = 200

// reads answers one request after the other, but for trials: they run beside it, one at a
// time, for one may take as long as the gas of a transaction lasts.
type reads struct {
	cfg     *Config
	trial   chan struct{} // holds the one that runs
	running sync.WaitGroup
}

// New describes the reads actor.
func New(cfg *Config) shell.Spec {
	return shell.Spec{
		Name:  "reads",
		New:   func() shell.Behaviour { return &reads{cfg: cfg, trial: make(chan struct{}, 1)} },
		Lanes: []shell.Lane{{Name: "requests", Capacity: 1024, Overflow: shell.DropNewest}}, // the client node's timeout tells its caller
	}
}

func (r *reads) Start(*shell.Context) error { return nil }
func (r *reads) Stop()                      { r.running.Wait() }

func (r *reads) Receive(c *shell.Context, msg any) {
	m, ok := msg.(*actorspb.Read)
	if !ok || c.Sender() == nil {
		return
	}
	unfit := r.cfg.Unfit != nil && r.cfg.Unfit() && m.GetKind() != KindStatus
	if tip, _ := r.cfg.Store.Tip(); unfit || uint64(tip) < m.GetMinHeight() {
		c.Tell(c.Sender(), &actorspb.ReadReply{Request: m.GetRequest(), Kind: m.GetKind(), Behind: true})
		return
	}
	var reply proto.Message
	elsewhere := false
	switch m.GetKind() {
	case KindStatus:
		reply = &ledgerpb.StatusReply{Replicas: []*ledgerpb.ReplicaStatus{r.cfg.Status()}}
	case KindLookup:
		if req, ok := trialOf(m.GetBody()); ok {
			r.beside(c, m, req)
			return
		}
		reply, elsewhere = r.lookup(m.GetBody(), ledger.Height(m.GetMinHeight()), c.Logger())
	case KindQuery:
		out := r.query(m.GetBody())
		reply, elsewhere = out, out.GetError().GetRefusal() == ledgerpb.Refusal_REFUSAL_NOT_FOUND
	default:
		return
	}
	answer(c, c.Sender(), m, reply, elsewhere)
}

func answer(c *shell.Context, to shell.PID, m *actorspb.Read, reply proto.Message, elsewhere bool) {
	body, err := proto.Marshal(reply)
	if err != nil {
		c.Logger().Error("encode a reply", "error", err)
		return
	}
	c.Tell(to, &actorspb.ReadReply{Request: m.GetRequest(), Kind: m.GetKind(), Body: body, Elsewhere: elsewhere})
}

// trialOf tells whether a lookup asks for a trial.
func trialOf(body []byte) (*ledgerpb.LookupRequest, bool) {
	var look ledgerpb.LookupRequest
	var req ledgerpb.StateRequest
	if proto.Unmarshal(body, &look) != nil || look.GetSigned() == nil || proto.Unmarshal(look.GetSigned().GetRequest(), &req) != nil {
		return nil, false
	}
	return &look, req.GetTrial() != nil
}

// beside answers a trial without holding up what comes next. A second one is refused: whoever
// asks tries again.
func (r *reads) beside(c *shell.Context, m *actorspb.Read, req *ledgerpb.LookupRequest) {
	to := c.Sender()
	select {
	case r.trial <- struct{}{}:
	default:
		e := refusal(ledgerpb.Refusal_REFUSAL_OVERLOADED, "this replica makes another trial; ask again in a moment")
		e.RetryAfterMs = trialLaterMs
		answer(c, to, m, &ledgerpb.LookupReply{Error: e}, false)
		return
	}
	r.running.Add(1)
	go func() {
		defer r.running.Done()
		defer func() { <-r.trial }()
		reply, elsewhere := &ledgerpb.LookupReply{}, false
		if err := shell.Guard(func() { reply, elsewhere = r.lookupOf(req, ledger.Height(m.GetMinHeight()), c.Logger()) }); err != nil {
			c.Logger().Error("a trial failed", "error", err)
			reply.Error = refusal(ledgerpb.Refusal_REFUSAL_INTERNAL, "%s", Internal(err))
		}
		answer(c, to, m, reply, elsewhere)
	}()
}

// trialLaterMs is when to ask again for a trial.
const trialLaterMs = 200

func (r *reads) query(body []byte) *ledgerpb.QueryReply {
	var req ledgerpb.QueryRequest
	if err := proto.Unmarshal(body, &req); err != nil {
		return &ledgerpb.QueryReply{Error: refusal(ledgerpb.Refusal_REFUSAL_MALFORMED, "the request cannot be read")}
	}
	return r.cfg.Query(&req)
}

func refusal(kind ledgerpb.Refusal, format string, args ...any) *ledgerpb.Error {
	return &ledgerpb.Error{Refusal: kind, Message: fmt.Sprintf(format, args...)}
}

// ErrNotFound is wrapped by what a Store says of things that are not there.
var ErrNotFound = errors.New("not found")

// errElsewhere is an ErrNotFound of a replica that does not have the whole past.
var errElsewhere = fmt.Errorf("%w on this replica", ErrNotFound)

// RefusedError is what a Store says of requests that it does not answer.
type RefusedError struct {
	Refusal ledgerpb.Refusal
	Message string
	Later   bool // it may be answered in a moment
}

func (e *RefusedError) Error() string { return e.Message }

// lookup also reports whether another replica may have what this one has not.
func (r *reads) lookup(body []byte, least ledger.Height, log *slog.Logger) (answer *ledgerpb.LookupReply, elsewhere bool) {
	var req ledgerpb.LookupRequest
	if err := proto.Unmarshal(body, &req); err != nil {
		return &ledgerpb.LookupReply{Error: refusal(ledgerpb.Refusal_REFUSAL_MALFORMED, "the request cannot be read")}, false
	}
	return r.lookupOf(&req, least, log)
}

func (r *reads) lookupOf(req *ledgerpb.LookupRequest, least ledger.Height, log *slog.Logger) (answer *ledgerpb.LookupReply, elsewhere bool) {
	reply := &ledgerpb.LookupReply{}
	var err error
	switch w := req.GetWhat().(type) {
	case *ledgerpb.LookupRequest_Height:
		err = r.addBlock(reply, ledger.Height(w.Height))
	case *ledgerpb.LookupRequest_BlockHash:
		err = r.byHash(reply, w.BlockHash)
	case *ledgerpb.LookupRequest_TxId:
		err = r.transaction(reply, w.TxId)
	case *ledgerpb.LookupRequest_Receipt:
		err = r.receipt(reply, w.Receipt)
	case *ledgerpb.LookupRequest_Latest:
		err = r.latest(reply, w.Latest)
	case *ledgerpb.LookupRequest_Contracts:
		reply.Contracts, err = r.cfg.Store.Contracts()
	case *ledgerpb.LookupRequest_Contract:
		err = r.contract(reply, w.Contract)
	case *ledgerpb.LookupRequest_Genesis:
		reply.Genesis = r.cfg.Genesis
	case *ledgerpb.LookupRequest_State:
		reply.State, err = r.cfg.Store.State(w.State, ledger.Recipient{}, least)
	case *ledgerpb.LookupRequest_Signed:
		reply.State, err = r.cfg.Store.SignedState(w.Signed, least)
	default:
		return &ledgerpb.LookupReply{Error: refusal(ledgerpb.Refusal_REFUSAL_MALFORMED, "the request does not say what to look up")}, false
	}
	pruned := r.cfg.Store.Pruned(err)
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		e := refusal(refused.Refusal, "%s", refused.Message)
		if refused.Later {
			e.RetryAfterMs = laterMs
		}
		return &ledgerpb.LookupReply{Error: e}, false
	case errors.Is(err, ErrNotFound) || pruned:
		return &ledgerpb.LookupReply{Error: refusal(ledgerpb.Refusal_REFUSAL_NOT_FOUND, "%s", err.Error())}, pruned || errors.Is(err, errElsewhere)
	case err != nil:
		log.Error("a lookup could not be answered", "error", err)
		return &ledgerpb.LookupReply{Error: refusal(ledgerpb.Refusal_REFUSAL_INTERNAL, "%s", Internal(err))}, false
	}
	return reply, len(reply.GetBlocks()) == 1 && reply.GetBlocks()[0].GetPruned()
}

// Internal is what is said of an error that is this replica's own. The error may name keys
// of which the reader must not know, and is for the log.
func Internal(err error) string {
	var d interface{ Damaged() bool }
	if errors.As(err, &d) && d.Damaged() {
		return "the store is damaged where it would have to be read, and is being repaired; ask another client node, or again later"
	}
	return "this replica cannot answer; its log says why. Ask another client node"
}

func (r *reads) addBlock(reply *ledgerpb.LookupReply, h ledger.Height) error {
	tip, _ := r.cfg.Store.Tip()
	if h == 0 || h > tip {
		return fmt.Errorf("block %d: %w; the newest is %d", h, ErrNotFound, tip)
	}
	if base := r.cfg.Store.Base(); h < base {
		return fmt.Errorf("block %d: %w, which joined with a snapshot; its oldest is %d. Ask another client node, or again later", h, errElsewhere, base)
	}
	b, err := r.cfg.Store.Block(h)
	if err == nil {
		reply.Blocks = append(reply.Blocks, b)
	}
	return err
}

func (r *reads) byHash(reply *ledgerpb.LookupReply, text string) error {
	hash, err := ledger.ParseHash(text)
	if err != nil {
		return fmt.Errorf("block %q: %w", text, ErrNotFound)
	}
	h, ok, err := r.cfg.Store.HeightOf(hash)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("block %s: %w", text, ErrNotFound)
	}
	return r.addBlock(reply, h)
}

func (r *reads) place(text string) (ledger.Place, error) {
	id, err := ledger.ParseHash(text)
	if err != nil {
		return ledger.Place{}, fmt.Errorf("transaction %q: %w", text, ErrNotFound)
	}
	at, ok, err := r.cfg.Store.PlaceOf(id)
	if oldest := r.cfg.Store.Oldest(); err == nil && !ok && oldest > 1 {
		return at, fmt.Errorf("transaction %s: %w, which has the transactions of blocks from %d on. If it is older, ask a client node whose replica keeps more, such as an archive", text, errElsewhere, oldest)
	}
	if err == nil && !ok {
		err = fmt.Errorf("transaction %s: %w", text, ErrNotFound)
	}
	return at, err
}

func (r *reads) transaction(reply *ledgerpb.LookupReply, text string) error {
	at, err := r.place(text)
	if err != nil {
		return err
	}
	reply.Transaction, reply.Result, err = r.cfg.Store.Transaction(at)
	return err
}

func (r *reads) receipt(reply *ledgerpb.LookupReply, text string) error {
	at, err := r.place(text)
	if err != nil {
		return err
	}
	reply.Receipt, err = r.cfg.Store.Receipt(at)
	if err == nil && reply.Receipt == nil {
		return fmt.Errorf("a receipt of transaction %s: %w yet; its block is not certified, ask again", text, ErrNotFound)
	}
	return err
}

func (r *reads) contract(reply *ledgerpb.LookupReply, name string) error {
	view, err := r.cfg.Store.Contract(name)
	if err == nil && view == nil {
		err = fmt.Errorf("there is no contract %q: %w; `concordat contract list` shows those there are", name, ErrNotFound)
	}
	if err == nil {
		reply.Contracts = []*ledgerpb.ContractView{view}
	}
	return err
}

func (r *reads) latest(reply *ledgerpb.LookupReply, count uint64) error {
	tip, _ := r.cfg.Store.Tip()
	n := min(count, latestMax, uint64(tip-min(tip, r.cfg.Store.Base()-1)))
	for i := range n {
		if err := r.addBlock(reply, tip-ledger.Height(i)); err != nil {
			return err
		}
	}
	return nil
}
