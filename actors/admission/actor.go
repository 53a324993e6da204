package admission

import (
	"bytes"
	"fmt"
	"time"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/admission/pool"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// History answers for what is stored already.
type History interface {
	Party(ledger.Party) (*ledger.PartyRecord, error)      // nil: not registered
	Command(ledger.Hash) (ledger.Place, bool, error)      // where a command was executed
	Receipt(ledger.Place) (*actorspb.Receipts, error)     // nil: not certified yet
	PartyChanged(key []byte) (p ledger.Party, ok bool)    // whether a state key is a party's record
	ParseParty(value []byte) (*ledger.PartyRecord, error) // the record in a state value
}

// Config of the admission actor.
type Config struct {
	Ledger      ledger.ID
	Limits      ledger.Limits
	Pool        pool.Limits
	Checker     *Checker
	History     History
	Clock       func() time.Time
	Consensus   shell.PID
	IsPrimary   func() bool
	PrimaryPID  func() shell.PID // of the primary's admission
	View        func() ledger.View
	Unavailable func() bool // the disk is full
	// Compile begins to compile a deployment's module, and tells actorspb.ModuleReady when
	// it has; false: it will not. nil: nothing is compiled ahead.
	Compile  func(tx ledger.Hash, code []byte) bool
	Everyone func() []shell.PID // the other replicas' admission
}

// holdMax is how long a deployment waits for its module at most. A compiler that has no
// processor to itself takes many times the second that it needs, and a block that waits
// for it stops everyone; who deploys waits rather. Who is not done by then goes on when
// the block is executed.
const holdMax = 15 * time.Second

const (
	tickEvery     = 500 * time.Millisecond
	partiesMax    = 1 << 16
	retryOverload = 200 // ms
)

type admission struct {
	cfg     *Config
	pool    *pool.Requests
	staged  []staged
	waiters waiters
	parties map[ledger.Party]*ledger.PartyRecord // looked up only
	told    actorspb.PoolSize
	lastly  uint64 // the newest transaction at the last tick
}

// staged is a submission until the next flush: signatures are checked together.
type staged struct {
	from    shell.PID
	request uint64
	all     bool // the sender gives it to every replica
	parsed  Parsed
}

// New describes the admission actor.
func New(cfg *Config) shell.Spec {
	return shell.Spec{
		Name: "admission",
		New:  func() shell.Behaviour { return &admission{cfg: cfg} },
		Lanes: []shell.Lane{
			{Name: "local", Capacity: 1 << 13, Overflow: shell.DropOldest},  // receipts are asked for again
			{Name: "submit", Capacity: 1 << 12, Overflow: shell.DropNewest}, // the client node's timeout says so to its caller
		},
		Lane: func(msg any) int {
			if _, ok := msg.(*actorspb.Submit); ok {
				return 1
			}
			return 0
		},
	}
}

type tick struct{}

func (a *admission) Start(c *shell.Context) error {
	a.pool = pool.New(a.cfg.Pool)
	a.waiters = newWaiters()
	a.parties = map[ledger.Party]*ledger.PartyRecord{}
	c.After(tick{}, tickEvery, tick{})
	c.Tell(a.cfg.Consensus, actorspb.PoolSize{})
	return nil
}

func (a *admission) Stop() {}

func (a *admission) now() ledger.Time { return ledger.TimeFromStd(a.cfg.Clock()) }

func (a *admission) Receive(c *shell.Context, msg any) {
	switch m := msg.(type) {
	case *actorspb.Submit:
		for _, raw := range m.GetEnvelopes() {
			a.staged = append(a.staged, staged{from: c.Sender(), request: m.GetRequest(), all: m.GetAll(), parsed: a.cfg.Checker.Parse(raw)})
		}
	case actorspb.DrawBatch:
		a.draw(c, m)
	case actorspb.Executed:
		a.onExecuted(c, m.Block)
	case actorspb.Certified:
		a.waiters.certified(m)
		a.answer(c, m.Statement.Height)
	case actorspb.ViewEntered:
		a.pool.Restore()
		if !a.cfg.IsPrimary() {
			a.handOver(c, a.pool.Waiters(a.pool.Len(), 0))
		}
	case actorspb.ModuleReady:
		a.ready(c, m.TxID)
	case release:
		a.pool.Release(m.tx)
	case tick:
		a.pool.Tick(a.now())
		if !a.cfg.IsPrimary() && a.lastly > 0 { // given to the primary once and not executed since
			a.handOver(c, a.pool.Waiters(handOverAgain, a.lastly))
		}
		a.lastly = a.pool.Arrived()
		a.waiters.expire(a.now())
		c.After(tick{}, tickEvery, tick{})
	}
}

// Flush checks the signatures of everything submitted since the last one.
func (a *admission) Flush(c *shell.Context) {
	if len(a.staged) > 0 {
		list := make([]Parsed, len(a.staged))
		for i := range a.staged {
			list[i] = a.staged[i].parsed
		}
		a.cfg.Checker.Verify(list)
		forward := &actorspb.Submit{}
		for i := range a.staged {
			a.staged[i].parsed = list[i]
			a.take(c, &a.staged[i], forward)
		}
		a.staged = a.staged[:0]
		if len(forward.Envelopes) > 0 {
			c.Tell(a.cfg.PrimaryPID(), forward)
		}
	}
	a.tellSize(c)
}

// handOverAgain bounds what is given to the primary a second time at each tick.
const handOverAgain = 256

// handOverBytes bounds one message to the primary.
const handOverBytes = 1 << 20

// handOver gives what waits here to the primary.
func (a *admission) handOver(c *shell.Context, envelopes [][]byte) {
	for len(envelopes) > 0 {
		m, size := &actorspb.Submit{}, 0
		for len(envelopes) > 0 && (size == 0 || size+len(envelopes[0]) <= handOverBytes) {
			size += len(envelopes[0])
			m.Envelopes = append(m.Envelopes, envelopes[0])
			envelopes = envelopes[1:]
		}
		c.Tell(a.cfg.PrimaryPID(), m)
	}
}

func (a *admission) poolSize() actorspb.PoolSize {
	n, b := a.pool.Waiting()
	return actorspb.PoolSize{Transactions: n, Bytes: b, Oldest: a.pool.Oldest()}
}

func (a *admission) tellSize(c *shell.Context) {
	if size := a.poolSize(); size != a.told {
		a.told = size
		c.Tell(a.cfg.Consensus, size)
	}
}

// take decides about one transaction.
func (a *admission) take(c *shell.Context, s *staged, forward *actorspb.Submit) {
	refuse := func(kind ledgerpb.Refusal, retry uint32, format string, args ...any) {
		if s.request != 0 && s.from != nil {
			c.Tell(s.from, &actorspb.SubmitRefused{Request: s.request, Refused: []*actorspb.RefusedTx{{TxId: s.parsed.ID[:],
				Refusal: uint32(kind), Message: fmt.Sprintf(format, args...), RetryAfterMs: retry}}}) // #nosec G115 -- an enum
		}
	}
	if kind, text := a.refusal(&s.parsed); kind != ledgerpb.Refusal_REFUSAL_NONE {
		refuse(kind, 0, "%s", text)
		return
	}
	tx := s.parsed.Transaction
	key := ledger.CommandKey(tx.Party, tx.Command)
	if a.repeated(c, s, key) {
		return
	}
	if a.cfg.Unavailable() {
		refuse(ledgerpb.Refusal_REFUSAL_UNAVAILABLE, 1000, "this replica's disk is full; submit through another or try again later")
		return
	}
	request := pool.Request{ID: s.parsed.ID, Command: key, Party: tx.Party, Envelope: s.parsed.Raw, Expires: tx.ValidUntil}
	if !a.pool.Holds(request.ID) {
		request.Held = a.ahead(c, s)
	}
	verdict, waits := a.pool.Add(request)
	switch verdict {
	case pool.Full:
		refuse(ledgerpb.Refusal_REFUSAL_OVERLOADED, retryOverload, "the ledger is overloaded; try again in %d ms", retryOverload)
		return
	case pool.PartyFull:
		refuse(ledgerpb.Refusal_REFUSAL_OVERLOADED, retryOverload, "%s has too many transactions waiting; try again in %d ms", tx.Party, retryOverload)
		return
	}
	if s.request != 0 && s.from != nil {
		a.waiters.add(waits, waiter{to: s.from, submitted: s.parsed.ID, until: tx.ValidUntil})
	}
	if !a.cfg.IsPrimary() && s.request != 0 && !s.all {
		forward.Envelopes = append(forward.Envelopes, s.parsed.Raw)
	}
}

// refusal applies the rules that execution applies too, early, so that nothing
// hopeless is ordered.
func (a *admission) refusal(p *Parsed) (ledgerpb.Refusal, string) {
	now := a.now()
	switch {
	case p.Err == ErrSignature: //nolint:errorlint // set by Verify, never wrapped
		return ledgerpb.Refusal_REFUSAL_SIGNATURE, "the signature does not verify; sign the payload with the party's key"
	case p.Err != nil && p.Transaction != nil && p.Transaction.Ledger != a.cfg.Ledger:
		return ledgerpb.Refusal_REFUSAL_WRONG_LEDGER, p.Err.Error()
	case p.Err != nil:
		return ledgerpb.Refusal_REFUSAL_MALFORMED, p.Err.Error()
	case p.Transaction.ValidUntil <= now:
		return ledgerpb.Refusal_REFUSAL_EXPIRED, "its validity has ended; sign it anew with a later valid_until"
	case p.Transaction.ValidUntil-now > ledger.Time(a.cfg.Limits.ValidityMax):
		return ledgerpb.Refusal_REFUSAL_TOO_FAR_AHEAD, fmt.Sprintf("valid_until lies more than %s ahead, the ledger's limit", time.Duration(a.cfg.Limits.ValidityMax))
	}
	rec, err := a.party(p.Transaction.Party)
	if err != nil {
		return ledgerpb.Refusal_REFUSAL_INTERNAL, "the replica cannot read its store; try another"
	}
	if rec == nil || !bytes.Equal(rec.PublicKey, p.Envelope.PublicKey[:]) {
		return ledgerpb.Refusal_REFUSAL_UNKNOWN_SIGNER, fmt.Sprintf("%s is not registered with this key; ask an administrator of its organisation", p.Transaction.Party)
	}
	return ledgerpb.Refusal_REFUSAL_NONE, ""
}

func (a *admission) party(name ledger.Party) (*ledger.PartyRecord, error) {
	if rec, ok := a.parties[name]; ok {
		return rec, nil
	}
	rec, err := a.cfg.History.Party(name)
	if err == nil && rec != nil {
		if len(a.parties) >= partiesMax {
			clear(a.parties)
		}
		a.parties[name] = rec
	}
	return rec, err
}

// repeated answers a command that was executed before with its first result.
func (a *admission) repeated(c *shell.Context, s *staged, key ledger.Hash) bool {
	if first, ok := a.waiters.executedCommand(key); ok {
		if s.request != 0 && s.from != nil {
			a.waiters.addExecuted(first, waiter{to: s.from, submitted: s.parsed.ID, repeated: true, until: s.parsed.Transaction.ValidUntil})
			a.answer(c, first.Height)
		}
		return true
	}
	place, ok, err := a.cfg.History.Command(key)
	if err != nil || !ok {
		return false
	}
	receipt, err := a.cfg.History.Receipt(place)
	if err == nil && receipt != nil && s.request != 0 && s.from != nil {
		receipt.View = uint64(a.cfg.View())
		receipt.Items[0].TxId, receipt.Items[0].Repeated = s.parsed.ID[:], true
		c.Tell(s.from, receipt)
	}
	return true
}

// draw builds a proposal's body from the pool, with a time after the last one.
func (a *admission) draw(c *shell.Context, m actorspb.DrawBatch) {
	if m.Transactions == 0 { // consensus has just started
		a.told = a.poolSize()
		c.Tell(a.cfg.Consensus, a.told)
		return
	}
	now := max(a.now(), m.After+1)
	txs := a.pool.Draw(now, m.Transactions, m.Bytes)
	if len(txs) == 0 {
		c.Tell(a.cfg.Consensus, actorspb.Batch{})
		return
	}
	c.Tell(a.cfg.Consensus, actorspb.Batch{Body: ledger.NewBody(a.cfg.Ledger, ledger.Proposal{Time: now, Txs: txs})})
	a.told = a.poolSize()
	c.Tell(a.cfg.Consensus, a.told)
}

func (a *admission) onExecuted(c *shell.Context, b *actorspb.ExecutedBlock) {
	a.pool.Executed(b.TxIDs)
	for _, ch := range b.Changes {
		if name, ok := a.cfg.History.PartyChanged(ch.Key); ok {
			delete(a.parties, name)
			if rec, err := a.cfg.History.ParseParty(ch.Value); err == nil {
				a.parties[name] = rec
			}
		}
	}
	a.waiters.executed(b)
	a.answer(c, b.Header.Height)
}

// shown is a result as its transaction's signer may see it: others' events are withheld.
func (a *admission) shown(result *ledger.Result, envelope []byte) *ledger.Result {
	return result.Shown(func(audience ledger.Audience) bool {
		p := a.cfg.Checker.Parse(envelope)
		if p.Err != nil {
			return false
		}
		rec, err := a.party(p.Transaction.Party)
		return err == nil && rec != nil && bytes.Equal(rec.PublicKey, p.Envelope.PublicKey[:]) && state.Visible(audience, rec.Recipient())
	})
}

// answer gives receipts of a height to all who wait, if it is executed and
// certified.
func (a *admission) answer(c *shell.Context, h ledger.Height) {
	for _, out := range a.waiters.receipts(h, a.shown) {
		out.message.View = uint64(a.cfg.View())
		c.Tell(out.to, out.message)
	}
	for _, again := range a.waiters.takeElsewhere() {
		if receipt, err := a.cfg.History.Receipt(again.place); err == nil && receipt != nil {
			receipt.View = uint64(a.cfg.View())
			receipt.Items[0].TxId, receipt.Items[0].Repeated = again.waiter.submitted[:], true
			c.Tell(again.waiter.to, receipt)
		}
	}
}
