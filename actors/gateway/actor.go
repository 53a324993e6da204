package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/bus/server"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/ledger/verify"
)

// Patience of the node, towards replicas and applications.
const (
	submitRetry   = time.Second      // then every replica is asked
	submitDefault = 15 * time.Second // then the application hears that the outcome is unknown
	submitMax     = 2 * time.Minute
	readRetry     = 700 * time.Millisecond
	readTimeout   = 3 * time.Second
	statusWait    = 250 * time.Millisecond // for those that are not needed to say how the ledger is
	statusTimeout = 2 * time.Second        // for the others, which may be busy
	tickEvery     = 50 * time.Millisecond
	pendingMax    = 50_000
	batchBytesMax = 4 << 20
	overloadRetry = 200 // ms
)

type gateway struct {
	node    *Node
	views   []ledger.View // by replica: what it says
	view    ledger.View   // f+1 replicas say that it is at least this
	probed  time.Time     // when everyone was last asked because one replica claims a later view
	probe   bool
	lost    bool                        // the primary's connection was down at the last tick
	submits map[ledger.Hash]*submission // by transaction
	fresh   []*submission               // since the last flush
	reads   map[uint64]*read
	next    uint64
	newest  ledger.Height // of the receipts that were handed out
	cache   verify.Cache
	key     []byte
}

// submission is a transaction that applications wait for.
type submission struct {
	id       ledger.Hash
	envelope []byte
	callers  []caller
	sent     time.Time
	refused  map[ledger.ReplicaID]ledgerpb.Refusal // for good, by whom
}

type caller struct {
	request  server.Request
	deadline time.Time
}

// newGateway describes the gateway actor.
func newGateway(n *Node) shell.Spec {
	return shell.Spec{
		Name: "gateway",
		New:  func() shell.Behaviour { return &gateway{node: n, key: n.public.Execution().LedgerKey()} },
		Lanes: []shell.Lane{
			{Name: "answers", Capacity: 1 << 14, Overflow: shell.DropOldest},  // asked for again
			{Name: "requests", Capacity: 1 << 15, Overflow: shell.DropNewest}, // the application's own timeout tells it
		},
		Lane: func(msg any) int {
			if _, ok := msg.(server.Request); ok {
				return 1
			}
			return 0
		},
	}
}

type tick struct{}

func (g *gateway) Start(c *shell.Context) error {
	g.views = make([]ledger.View, g.node.quorum.N())
	g.submits, g.reads = map[ledger.Hash]*submission{}, map[uint64]*read{}
	c.After(tick{}, tickEvery, tick{})
	return nil
}

func (g *gateway) Stop() {}

func (g *gateway) Receive(c *shell.Context, msg any) {
	switch m := msg.(type) {
	case server.Request:
		g.onRequest(c, m)
	case *actorspb.Receipts:
		g.onReceipts(c, m)
	case *actorspb.SubmitRefused:
		g.onRefused(c, m)
	case *actorspb.ReadReply:
		g.onReadReply(c, m)
	case tick:
		g.onTick(c)
		c.After(tick{}, tickEvery, tick{})
	}
}

func (g *gateway) onRequest(c *shell.Context, r server.Request) {
	switch r.Endpoint {
	case "submit":
		g.onSubmit(r)
	default:
		g.onRead(c, r)
	}
}

// decode reads a request in the form it came.
func decode(r server.Request, into proto.Message) error {
	if r.JSON {
		return protojson.Unmarshal(r.Body, into)
	}
	return proto.Unmarshal(r.Body, into)
}

// answer replies in the form of the request.
func answer(r server.Request, m proto.Message) {
	var b []byte
	var err error
	if r.JSON {
		b, err = protojson.MarshalOptions{EmitUnpopulated: false, UseProtoNames: true}.Marshal(m)
		if err == nil {
			b = compact(b)
		}
	} else {
		b, err = proto.Marshal(m)
	}
	if err != nil {
		r.Fail("500", "the reply cannot be encoded")
		return
	}
	r.Reply(b)
}

// compact undoes protojson's deliberately unstable spacing.
func compact(b []byte) []byte {
	var v json.RawMessage = b
	out, err := json.Marshal(v)
	if err != nil {
		return b
	}
	return out
}

func refusal(kind ledgerpb.Refusal, retry uint32, format string, args ...any) *ledgerpb.Error {
	return &ledgerpb.Error{Refusal: kind, Message: fmt.Sprintf(format, args...), RetryAfterMs: retry}
}

func (g *gateway) onSubmit(r server.Request) {
	var req ledgerpb.SubmitRequest
	if err := decode(r, &req); err != nil {
		answer(r, &ledgerpb.SubmitReply{Error: refusal(ledgerpb.Refusal_REFUSAL_MALFORMED, 0, "the request cannot be read: %v", err)})
		return
	}
	env, err := ledger.ParseEnvelope(req.GetEnvelope())
	if err != nil {
		answer(r, &ledgerpb.SubmitReply{Error: refusal(ledgerpb.Refusal_REFUSAL_MALFORMED, 0, "%v", err)})
		return
	}
	if len(g.submits) >= pendingMax {
		answer(r, &ledgerpb.SubmitReply{Error: refusal(ledgerpb.Refusal_REFUSAL_OVERLOADED, overloadRetry, "this client node is overloaded; try again in %d ms", overloadRetry)})
		return
	}
	wait := submitDefault
	if ms := req.GetTimeoutMs(); ms > 0 {
		wait = min(time.Duration(ms)*time.Millisecond, submitMax)
	}
	id := ledger.TransactionID(env.Payload)
	s := g.submits[id]
	if s == nil {
		s = &submission{id: id, envelope: req.GetEnvelope()}
		g.submits[id] = s
		g.fresh = append(g.fresh, s)
	}
	s.callers = append(s.callers, caller{request: r, deadline: time.Now().Add(wait)})
}

// Flush sends what was submitted since the last one, in as few messages as fit.
func (g *gateway) Flush(c *shell.Context) {
	if len(g.fresh) == 0 {
		return
	}
	now := time.Now()
	primary := g.node.quorum.Primary(g.view)
	all := !g.node.connected(primary) || g.probe
	if g.probe {
		g.probe, g.probed = false, now
	}
	g.send(c, g.fresh, all)
	for _, s := range g.fresh {
		s.sent = now
	}
	g.fresh = nil
}

func (g *gateway) send(c *shell.Context, list []*submission, all bool) {
	for len(list) > 0 {
		g.next++
		m := &actorspb.Submit{Request: g.next, All: all}
		size := 0
		for len(list) > 0 && (size == 0 || size+len(list[0].envelope) <= batchBytesMax) {
			size += len(list[0].envelope)
			m.Envelopes = append(m.Envelopes, list[0].envelope)
			list = list[1:]
		}
		if !all {
			c.Tell(g.node.replica(g.node.quorum.Primary(g.view), "admission"), m)
			continue
		}
		for id := range g.node.quorum.N() {
			c.Tell(g.node.replica(ledger.ReplicaID(id), "admission"), m) // #nosec G115 -- below n
		}
	}
}

// onReceipts verifies a block's certificate once and gives each waiting
// application its receipt.
func (g *gateway) onReceipts(c *shell.Context, m *actorspb.Receipts) {
	header, err := ledger.ParseHeader(m.GetHeader())
	if err != nil {
		return
	}
	outcome, err := ledger.ParseOutcome(m.GetOutcome())
	if err != nil {
		return
	}
	if err := g.cache.Block(g.node.id, g.key, header, outcome, m.GetCertificate()); err != nil {
		c.Logger().Warn("a replica sent receipts that do not verify", "from", c.Sender(), "error", err)
		return
	}
	g.noteView(c.Sender(), ledger.View(m.GetView()))
	g.newest = max(g.newest, header.Height)
	for _, it := range m.GetItems() {
		id, err := ledger.HashFromBytes(it.GetTxId())
		s := g.submits[id]
		if err != nil || s == nil {
			continue
		}
		reply, err := g.receipt(s, header, outcome, m.GetCertificate(), it)
		if err != nil {
			c.Logger().Warn("a replica sent a receipt that does not verify", "from", c.Sender(), "error", err)
			continue
		}
		g.finish(s, reply)
	}
}

// noteView learns who the primary is. One replica's word is not enough: the view is
// the highest that f+1 replicas have reached.
func (g *gateway) noteView(from shell.PID, view ledger.View) {
	if id, ok := g.replicaOf(from); ok {
		g.views[id] = max(g.views[id], view)
	}
	sorted := slices.Clone(g.views)
	slices.Sort(sorted)
	g.view = sorted[len(sorted)-g.node.quorum.Weak()]
	g.probe = sorted[len(sorted)-1] > g.view && time.Since(g.probed) > submitRetry // their receipts will tell
}

func (g *gateway) receipt(s *submission, h *ledger.Header, o *ledger.Outcome, cert []byte, it *actorspb.ReceiptItem) (*ledgerpb.SubmitReply, error) {
	res, err := ledger.ParseShownResult(it.GetResult())
	if err != nil {
		return nil, err
	}
	if !s.answeredBy(res) {
		return nil, errAnother
	}
	r := &ledger.Receipt{Header: *h, Outcome: *o, Index: it.GetIndex(), Result: *res, Certificate: cert}
	for p := it.GetPath(); len(p) >= ledger.HashSize; p = p[ledger.HashSize:] {
		r.Path = append(r.Path, ledger.Hash(p[:ledger.HashSize]))
	}
	if err := g.cache.Receipt(g.node.id, g.key, r); err != nil {
		return nil, err
	}
	view := &ledgerpb.ResultView{TxId: res.TxID.String(), Height: uint64(h.Height), Index: it.GetIndex(), Status: res.Status.String(),
		Code: res.Code, Message: res.Message, GasUsed: res.GasUsed, Output: res.Output, Repeated: it.GetRepeated()}
	return &ledgerpb.SubmitReply{Receipt: r.Marshal(), Result: view}, nil
}

// errAnother means that a receipt is not of what was submitted.
var errAnother = errors.New("the receipt is of another transaction")

// answeredBy reports whether a result is that of the submission, or its command's first.
func (s *submission) answeredBy(res *ledger.Result) bool {
	env, err := ledger.ParseEnvelope(s.envelope)
	if err != nil {
		return false
	}
	tx, err := ledger.ParseTransaction(env.Payload)
	return err == nil && res.Answers(s.id, tx)
}

func (g *gateway) finish(s *submission, reply *ledgerpb.SubmitReply) {
	delete(g.submits, s.id)
	for _, cl := range s.callers {
		answer(cl.request, reply)
	}
}

func (g *gateway) onTick(c *shell.Context) {
	now := time.Now()
	var again []*submission
	lost := !g.node.connected(g.node.quorum.Primary(g.view))
	atOnce := lost && !g.lost
	g.lost = lost
	for _, s := range g.submits {
		kept := s.callers[:0]
		for _, cl := range s.callers {
			if now.Before(cl.deadline) {
				kept = append(kept, cl)
				continue
			}
			answer(cl.request, &ledgerpb.SubmitReply{Error: refusal(ledgerpb.Refusal_REFUSAL_UNKNOWN_OUTCOME, 0,
				"no receipt in time; the transaction may or may not be executed, ask again with the same command id")})
		}
		s.callers = kept
		switch {
		case len(kept) == 0:
			delete(g.submits, s.id)
		case !s.sent.IsZero() && (atOnce || now.Sub(s.sent) >= submitRetry):
			s.sent = now
			again = append(again, s)
		}
	}
	g.send(c, again, true)
	g.retryReads(c, now)
}
