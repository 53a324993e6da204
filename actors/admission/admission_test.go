package admission

import (
	"fmt"
	"math/rand"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/admission/pool"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/signature"
)

// world is an admission actor between a client node, which submits and draws, and peers.
type world struct {
	t       *testing.T
	system  *shell.System
	pid     shell.PID
	node    shell.PID
	got     chan any // what the client node, consensus and peers receive
	early   []any    // of got
	keys    map[ledger.Party]signature.PrivateKey
	clock   atomic.Int64
	accepts atomic.Bool      // a module is compiled ahead
	begun   chan ledger.Hash // of deployments whose modules are
	history
}

// history knows two parties, and nothing that is stored.
type history struct {
	parties map[ledger.Party]*ledger.PartyRecord
}

func (h history) Party(p ledger.Party) (*ledger.PartyRecord, error)      { return h.parties[p], nil }
func (history) Command(ledger.Hash) (p ledger.Place, ok bool, err error) { return p, false, nil }
func (history) Receipt(ledger.Place) (*actorspb.Receipts, error)         { return nil, nil }
func (history) PartyChanged([]byte) (p ledger.Party, ok bool)            { return p, false }
func (history) ParseParty([]byte) (rec *ledger.PartyRecord, err error)   { return nil, nil }
func (w *world) Start(*shell.Context) error                              { return nil }
func (w *world) Stop()                                                   {}
func (w *world) Receive(c *shell.Context, msg any) {
	if f, ok := msg.(func(*shell.Context)); ok {
		f(c)
	} else if _, size := msg.(actorspb.PoolSize); !size {
		w.got <- msg
	}
}

const patience = 20 * time.Second

func newWorld(t *testing.T, limits pool.Limits) *world {
	w := &world{t: t, got: make(chan any, 100), begun: make(chan ledger.Hash, 100), keys: map[ledger.Party]signature.PrivateKey{},
		history: history{map[ledger.Party]*ledger.PartyRecord{}}}
	w.clock.Store(1_000_000_000_000)
	w.accepts.Store(true)
	for i, p := range []ledger.Party{"admin@a", "bob@b"} {
		key, err := signature.Generate(rand.New(rand.NewSource(int64(i))))
		require.NoError(t, err)
		public := key.Public()
		w.keys[p], w.parties[p] = key, &ledger.PartyRecord{Party: p, Organisation: string(p[len(p)-1:]), PublicKey: public[:], Admin: i == 0}
	}
	var err error
	w.system, err = shell.NewSystem(shell.Config{Name: "test"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.system.Stop(patience)) })
	w.node, err = w.system.Spawn(shell.Spec{Name: "node", New: func() shell.Behaviour { return w }})
	require.NoError(t, err)
	w.pid, err = w.system.Spawn(New(&Config{Ledger: ledger.ID{1}, Limits: ledger.DefaultLimits(), Pool: limits, Checker: NewChecker(ledger.ID{1}),
		History: w.history, Clock: func() time.Time { return time.Unix(0, w.clock.Load()) }, Consensus: w.node,
		IsPrimary: func() bool { return true }, PrimaryPID: func() shell.PID { return w.node }, View: func() ledger.View { return 0 },
		Unavailable: func() bool { return false }, Everyone: func() []shell.PID { return []shell.PID{w.node} },
		Compile: func(tx ledger.Hash, _ []byte) bool { w.begun <- tx; return w.accepts.Load() }}))
	require.NoError(t, err)
	return w
}

// tell has the client node tell something to admission, as the sender.
func (w *world) tell(msg any) {
	w.system.Tell(w.node, func(c *shell.Context) { c.Tell(w.pid, msg) })
}

// take has admission take a submission, and returns when it has: what is behind it is
// refused.
func (w *world) take(m *actorspb.Submit) {
	w.t.Helper()
	w.tell(m)
	w.tell(&actorspb.Submit{Request: 99, Envelopes: [][]byte{{1}}})
	var before []any
	for {
		m := w.next()
		if refused, ok := m.(*actorspb.SubmitRefused); ok && refused.GetRequest() == 99 {
			w.early = before
			return
		}
		before = append(before, m)
	}
}

func (w *world) next() any {
	w.t.Helper()
	if len(w.early) > 0 {
		m := w.early[0]
		w.early = w.early[1:]
		return m
	}
	select {
	case m := <-w.got:
		return m
	case <-time.After(patience):
		w.t.Fatal("nothing comes")
		return nil
	}
}

func (w *world) envelope(party ledger.Party, contract, method string, args []byte) ([]byte, ledger.Hash) {
	tx := ledger.Transaction{Ledger: ledger.ID{1}, Party: party, Command: fmt.Append(nil, party, contract, method, len(args)), Contract: contract,
		Method: method, Args: args, ValidUntil: ledger.Time(w.clock.Load()) + ledger.Time(time.Minute)}
	e := ledger.Envelope{Payload: tx.Marshal(), PublicKey: w.keys[party].Public()}
	copy(e.Signature[:], w.keys[party].Sign(ledger.SignedBytes(e.Payload)))
	return e.Marshal(), ledger.TransactionID(e.Payload)
}

func (w *world) deployment(party ledger.Party, code string) ([]byte, ledger.Hash) {
	d := ledger.Deployment{Name: "counter", Code: []byte(code)}
	return w.envelope(party, "concordat", "deploy", d.Marshal())
}

func (w *world) submit(request uint64, envelopes ...[]byte) {
	w.t.Helper()
	w.take(&actorspb.Submit{Request: request, Envelopes: envelopes})
}

// drawn is what a proposal would hold now.
func (w *world) drawn() [][]byte {
	w.t.Helper()
	w.tell(actorspb.DrawBatch{Transactions: 10, Bytes: 1 << 20})
	batch, ok := w.next().(actorspb.Batch)
	require.True(w.t, ok)
	if batch.Body == nil {
		return nil
	}
	return batch.Body.Txs
}

// A deployment waits until its module is compiled here, and has the other replicas compile
// it; nothing else waits for it.
func TestADeploymentIsHeldUntilItsModuleIsCompiled(t *testing.T) {
	w := newWorld(t, pool.DefaultLimits())
	deploy, id := w.deployment("admin@a", "module")
	note, _ := w.envelope("bob@b", "concordat", "note", nil)
	w.submit(1, deploy, note)
	shared, ok := w.next().(*actorspb.Submit)
	require.True(t, ok)
	require.True(t, shared.GetAll())
	require.Equal(t, [][]byte{deploy}, shared.GetEnvelopes())
	require.Equal(t, id, <-w.begun)
	require.Equal(t, [][]byte{note}, w.drawn())
	require.Empty(t, w.drawn())
	w.tell(actorspb.ModuleReady{TxID: id})
	require.Equal(t, [][]byte{deploy}, w.drawn())
	w.submit(2, deploy)
	require.Empty(t, w.drawn(), "it is known")
	require.Empty(t, w.begun, "and compiled once")
}

// The others began to compile when this replica did: they get a part of its time besides.
func TestTheOthersGetTimeToCompile(t *testing.T) {
	w := newWorld(t, pool.DefaultLimits())
	deploy, id := w.deployment("admin@a", "module")
	w.take(&actorspb.Submit{Envelopes: [][]byte{deploy}, All: true})
	<-w.begun
	w.clock.Add(int64(2 * time.Second))
	w.tell(actorspb.ModuleReady{TxID: id})
	require.Empty(t, w.drawn(), "half a second remains")
	w.tell(release{id})
	require.Equal(t, [][]byte{deploy}, w.drawn())
}

// No module can hold its deployment for longer than the bound: then the block's execution
// compiles it.
func TestADeploymentIsHeldNoLongerThanTheBound(t *testing.T) {
	w := newWorld(t, pool.DefaultLimits())
	deploy, _ := w.deployment("admin@a", "a module that takes long")
	w.take(&actorspb.Submit{Envelopes: [][]byte{deploy}, All: true}) // as another replica gives it on
	<-w.begun
	w.clock.Add(int64(holdMax) - 1)
	w.tell(tick{})
	require.Empty(t, w.drawn())
	w.clock.Add(1)
	w.tell(tick{})
	require.Equal(t, [][]byte{deploy}, w.drawn())
}

// What cannot be compiled ahead, because enough wait or nobody may deploy it, is not held.
func TestWhatIsNotCompiledAheadIsNotHeld(t *testing.T) {
	w := newWorld(t, pool.DefaultLimits())
	w.accepts.Store(false)
	deploy, _ := w.deployment("admin@a", "module")
	w.take(&actorspb.Submit{Envelopes: [][]byte{deploy}, All: true})
	<-w.begun
	require.Equal(t, [][]byte{deploy}, w.drawn())
	w.accepts.Store(true)
	refused, _ := w.deployment("bob@b", "module")
	malformed, _ := w.envelope("admin@a", "concordat", "upgrade", []byte("no deployment"))
	w.take(&actorspb.Submit{Envelopes: [][]byte{refused, malformed}})
	require.Equal(t, [][]byte{refused, malformed}, w.drawn())
	require.Empty(t, w.begun)
}

// Held deployments count in the pool's bounds: they cannot fill the memory.
func TestHeldDeploymentsCountInThePool(t *testing.T) {
	limits := pool.DefaultLimits()
	limits.Transactions = 2
	w := newWorld(t, limits)
	for _, code := range []string{"a", "of two", "of three"} {
		deploy, _ := w.deployment("admin@a", code)
		w.take(&actorspb.Submit{Request: 7, All: true, Envelopes: [][]byte{deploy}})
	}
	refused, ok := w.next().(*actorspb.SubmitRefused)
	require.True(t, ok)
	require.Contains(t, refused.GetRefused()[0].GetMessage(), "overloaded")
	require.Empty(t, w.drawn())
	w.clock.Add(int64(holdMax))
	w.tell(tick{})
	require.Len(t, w.drawn(), 2)
}

// A receipt shows its transaction's signer the events that are for it, and no others.
func TestAReceiptShowsItsSignerOnlyWhatIsForIt(t *testing.T) {
	w := newWorld(t, pool.DefaultLimits())
	envelope, id := w.envelope("bob@b", "teller", "x", nil)
	w.submit(3, envelope)
	require.Equal(t, [][]byte{envelope}, w.drawn())
	event := func(data string, audience ...ledger.Party) ledger.Event {
		return ledger.Event{Contract: "teller", Topic: "t", Data: []byte(data), Audience: ledger.NewAudience(audience...).Encode()}
	}
	result := &ledger.Result{TxID: id, Events: []ledger.Event{event("for all"), event("for bob", "bob@b"), event("for b", "org:b"), event("for admin", "admin@a")}}
	b := &actorspb.ExecutedBlock{Header: ledger.Header{Ledger: ledger.ID{1}, Height: 1}, TxIDs: []ledger.Hash{id}, Results: []*ledger.Result{result},
		Body: ledger.NewBody(ledger.ID{1}, ledger.Proposal{Txs: [][]byte{envelope}}), ResultsTree: ledger.NewMerkleTree([][]byte{result.Leaf()})}
	b.Hash = b.Header.Hash()
	w.tell(actorspb.Executed{Block: b})
	certified := actorspb.Certified{Certificate: []byte{1}}
	certified.Statement.Height, certified.Statement.Block = 1, b.Hash
	w.tell(certified)
	receipts, ok := w.next().(*actorspb.Receipts)
	require.True(t, ok)
	shown, err := ledger.ParseShownResult(receipts.GetItems()[0].GetResult())
	require.NoError(t, err)
	require.Equal(t, result.Leaf(), shown.Leaf())
	for i, data := range []string{"for all", "for bob", "for b"} {
		require.Equal(t, data, string(shown.Events[i].Data))
	}
	require.True(t, shown.Events[3].Withheld())
	require.NotContains(t, string(receipts.GetItems()[0].GetResult()), "admin")
}
