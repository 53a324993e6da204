package sbft

import (
	"container/heap"
	"crypto/sha256"
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// cluster runs machines in virtual time from one seed: messages are delayed,
// reordered, lost and doubled, replicas crash between persisting and sending and
// come back with what was durable.
type cluster struct {
	t      testing.TB
	rnd    *rand.Rand
	q      quorum.Config
	now    Instant
	events eventQueue
	order  int
	nodes  []*simNode
	loss   float64
	// what was seen, for the checks
	agreed map[ledger.Seq]ledger.Hash
	rules  [Rules]int
	views  ledger.View
	seed   int64
	made   int           // transactions offered so far
	hears  func(Message) // sees everything that is sent, if set
	want   int           // transactions to be agreed
	window int
}

type simNode struct {
	id       ledger.ReplicaID
	machine  *Machine
	records  []Record
	durable  ledger.Height
	executed ledger.Height
	chain    []Settled
	up       bool
	life     int
	votes    map[string]ledger.Hash // A6: one digest per (phase, view, seq), over all lives
	fast     int
	slow     int
}

type event struct {
	at    Instant
	order int
	run   func()
}

type eventQueue []event

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].order < q[j].order
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(x any)   { *q = append(*q, x.(event)) }
func (q *eventQueue) Pop() any {
	old := *q
	e := old[len(old)-1]
	*q = old[:len(old)-1]
	return e
}

func newCluster(t testing.TB, seed int64, q quorum.Config, loss float64, want, window int) *cluster {
	c := &cluster{t: t, rnd: rand.New(rand.NewSource(seed)), seed: seed, q: q, loss: loss, agreed: map[ledger.Seq]ledger.Hash{}, want: want, window: window}
	for id := range q.N() {
		c.nodes = append(c.nodes, &simNode{id: ledger.ReplicaID(id), votes: map[string]ledger.Hash{}})
	}
	for _, n := range c.nodes {
		c.start(n)
	}
	return c
}

func (c *cluster) after(d Instant, run func()) {
	c.order++
	heap.Push(&c.events, event{at: c.now + d, order: c.order, run: run})
}

func (c *cluster) start(n *simNode) {
	n.chain = n.chain[:n.durable]
	r := Restored{Durable: n.durable, Settled: n.chain, Records: n.records}
	if n.durable > 0 {
		r.DurableTime = n.chain[n.durable-1].Time
	}
	m, err := New(c.params(n), r)
	require.NoError(c.t, err)
	n.machine, n.up = m, true
	n.life++
	n.executed = n.durable
	c.step(n, Started{})
}

func (c *cluster) params(n *simNode) Params {
	return Params{Self: n.id, Quorum: c.q, Window: c.window, InFlightMax: 4, BatchMax: 10, BatchBytes: 1 << 20,
		ClockBound: 1 << 60, Timing: DefaultTiming()}
}

func (c *cluster) crash(n *simNode) {
	n.up = false
	life := n.life
	c.after(Milliseconds(int64(50+c.rnd.Intn(500))), func() {
		if n.life == life {
			c.start(n)
		}
	})
}

func (c *cluster) step(n *simNode, in Input) {
	if !n.up {
		return
	}
	var out Output
	n.machine.Step(c.now, in, &out)
	require.LessOrEqual(c.t, n.machine.SlotsKept(), 2*c.window, "A9: memory is bounded")
	c.carryOut(n, &out)
}

// carryOut does what a shell does, in its order; a crash may come in between.
func (c *cluster) carryOut(n *simNode, out *Output) {
	for _, r := range out.Records {
		if r.Kind == RecordVote {
			v, err := ParseVote(r)
			require.NoError(c.t, err)
			key := fmt.Sprint(v.Phase, v.Slot.View, v.Slot.Seq)
			if old, ok := n.votes[key]; ok {
				require.Equal(c.t, old, v.Slot.Digest, "A6: replica %d votes twice for slot %d", n.id, v.Slot.Seq)
			}
			n.votes[key] = v.Slot.Digest
		}
	}
	n.records = append(n.records, out.Records...)
	if out.Stable != nil {
		n.records = slices.DeleteFunc(n.records, func(r Record) bool { return r.Seq > 0 && r.Seq <= out.Stable.Seq })
	}
	if len(out.Records) > 0 && c.rnd.Float64() < 0.002 {
		c.crash(n)
		return
	}
	for _, s := range out.Send {
		c.transmit(n, s)
	}
	life := n.life
	for _, tc := range out.Timers {
		if !tc.Cancel { // a cancelled timer that fires all the same must do no harm
			c.after(tc.After, func() {
				if n.life == life {
					c.step(n, Fired{Timer: tc.Timer})
				}
			})
		}
	}
	for _, w := range out.Work {
		c.after(1000, func() { c.combine(n, life, w) })
	}
	if out.Draw != nil {
		c.after(1000, func() { c.draw(n, *out.Draw) })
	}
	for _, d := range out.Deliver {
		c.deliver(n, d)
	}
	for _, r := range out.Reports {
		switch r.Kind {
		case ReportCommittedFast:
			n.fast++
		case ReportCommittedSlow:
			n.slow++
		case ReportEquivocation, ReportConflictingVote, ReportBadShare, ReportNotPrimary, ReportViolation:
			c.t.Fatalf("seed %d: an honest replica is accused by %d: %+v", c.seed, n.id, r)
		case ReportRule:
			c.rules[r.Rule]++
		case ReportEntered:
			c.views = max(c.views, r.View)
		}
	}
}

func (c *cluster) transmit(n *simNode, s Send) {
	if c.hears != nil {
		c.hears(s.Message)
	}
	targets := []ledger.ReplicaID{s.To}
	if s.Broadcast {
		targets = nil
		for _, o := range c.nodes {
			if o.id != n.id {
				targets = append(targets, o.id)
			}
		}
	}
	for _, to := range targets {
		in := c.input(n, s.Message)
		if in == nil {
			return
		}
		copies := 1
		if to != n.id {
			if c.rnd.Float64() < c.loss {
				copies = 0
			} else if c.rnd.Float64() < c.loss {
				copies = 2
			}
		}
		for range copies {
			delay := Instant(c.rnd.Int63n(int64(Milliseconds(8))))
			c.after(delay, func() { c.step(c.nodes[to], in) })
		}
	}
}

// share stands for a signature: it names signer, phase and slot.
func share(id ledger.ReplicaID, p certificate.Phase, s SlotID) []byte {
	return []byte(fmt.Sprintf("%d/%d/%d/%d/%s", id, p, s.View, s.Seq, s.Digest))
}

func (c *cluster) input(n *simNode, m Message) Input {
	switch m := m.(type) {
	case OutPrePrepare:
		require.True(c.t, m.Signature == nil && n.id == c.q.Primary(m.View) || len(m.Signature) > 0,
			"a proposal that replica %d forwards carries the primary's signature; the primary signs its own", n.id)
		return PrePrepare{From: c.q.Primary(m.View), View: m.View, Seq: m.Seq, Path: m.Path, Body: m.Body, Signature: []byte("signed")}
	case OutSignShare:
		in := SignShare{From: n.id, Slot: m.Slot, Prepare: share(n.id, certificate.Prepare, m.Slot)}
		if m.Fast {
			in.Fast = share(n.id, certificate.Fast, m.Slot)
		}
		return in
	case OutCommitShare:
		return CommitShare{From: n.id, Slot: m.Slot, Share: share(n.id, certificate.Commit, m.Slot)}
	case OutPrepare:
		return Prepare{From: n.id, Slot: m.Slot, Certificate: m.Certificate}
	case OutCommitProof:
		return CommitProof(m)
	case OutComplaint:
		return Complaint{From: n.id, View: m.View, Signature: signed(ComplaintBytes(ledger.ID{}, 0, n.id, m.View))}
	case OutViewChange:
		vc, err := ParseViewChange(c.params(n), m.Message.Payload, signed(m.Message.Payload))
		require.NoError(c.t, err)
		require.NoError(c.t, vc.Check(c.params(n), honest{}))
		return vc
	case OutNewView:
		var bodies [][2][]byte
		for _, b := range m.Message.Bodies {
			if m.Full {
				bodies = append(bodies, [2][]byte{b.Payload, signed(b.Payload)})
			}
		}
		nv, err := ParseNewView(c.params(n), m.Message.Payload, signed(m.Message.Payload), bodies)
		require.NoError(c.t, err)
		require.NoError(c.t, nv.Check(c.params(n), honest{}))
		return nv
	case OutCheckpointShare:
		return CheckpointShare{From: n.id, Seq: m.Seq, Digest: m.Digest, Share: share(n.id, certificate.Checkpoint, SlotID{Seq: m.Seq, Digest: m.Digest})}
	case OutCheckpoint:
		return m.Checkpoint
	case OutFetchNewView:
		return FetchNewView{From: n.id, View: m.View}
	case OutFetchBody:
		return FetchBody{From: n.id, Seq: m.Seq, Digest: m.Digest}
	case OutBody:
		return Fetched{From: n.id, Seq: m.Seq, Body: m.Body}
	case OutAccusation:
		return Accusation{From: n.id, View: m.View, Seq: m.Seq, Proposal: m.Proposal}
	case OutStatus:
		in := m.PeerStatus
		in.From = n.id
		return in
	}
	c.t.Fatalf("unknown message %T", m)
	return nil
}

// honest accepts what honest replicas signed here.
type honest struct{}

func (honest) Certificate(_ certificate.Statement, cert certificate.Certificate) error {
	if string(cert) != "cert" {
		return certificate.ErrInvalid
	}
	return nil
}

func (honest) Signature(_ ledger.ReplicaID, message, sig []byte) bool {
	return string(signed(message)) == string(sig)
}

// signed stands for a signature of any replica.
func signed(message []byte) []byte {
	h := sha256.Sum256(message)
	return append(h[:], h[:]...)
}

// combine checks the stand-in shares, and A2: a certificate needs its quorum.
func (c *cluster) combine(n *simNode, life int, w Combine) {
	if n.life != life {
		return
	}
	good := 0
	for _, s := range w.Shares {
		require.Equal(c.t, string(share(s.Signer, w.Phase, w.Slot)), string(s.Signature))
		good++
	}
	require.GreaterOrEqual(c.t, good, w.Phase.Threshold(c.q))
	c.step(n, Combined{Slot: w.Slot, Phase: w.Phase, Certificate: certificate.Certificate("cert")})
}

func (c *cluster) draw(n *simNode, d Draw) {
	if c.made >= c.want {
		c.step(n, Batch{})
		return
	}
	txs := [][]byte{}
	for range 1 + c.rnd.Intn(d.Transactions) {
		c.made++
		txs = append(txs, []byte(fmt.Sprint("tx", c.made)))
	}
	c.step(n, Batch{Body: ledger.NewBody(ledger.ID{}, ledger.Proposal{Time: d.After + 1, Txs: txs})})
	c.step(n, Pending{Transactions: c.want - c.made})
}

// deliver checks agreement and order, then executes and stores after a while.
func (c *cluster) deliver(n *simNode, d Decision) {
	if old, ok := c.agreed[d.Seq]; ok {
		require.Equal(c.t, old, d.Body.Digest, "A1: slot %d", d.Seq)
	}
	c.agreed[d.Seq] = d.Body.Digest
	require.Equal(c.t, len(n.chain)+1, int(d.Seq), "A3: replica %d delivers in order", n.id)
	settled := Settled{Seq: d.Seq, Digest: d.Body.Digest, Time: d.Body.Time, Proof: d.Proof, Checkpoint: c.state(d.Seq)}
	n.chain = append(n.chain, settled)
	life := n.life
	c.after(Milliseconds(1), func() {
		if n.life != life {
			return
		}
		n.executed = ledger.Height(d.Seq)
		c.step(n, executed(settled))
		c.step(n, Certified{Height: n.executed})
		c.after(Milliseconds(int64(c.rnd.Intn(5))), func() {
			if n.life == life && ledger.Height(d.Seq) > n.durable {
				n.durable = ledger.Height(d.Seq)
				c.step(n, Durable{Height: n.durable})
			}
		})
	})
}

// state stands for the digest of everything replicated: all values up to a slot.
func (c *cluster) state(seq ledger.Seq) ledger.Hash {
	w := ledger.NewWriter("test", 64)
	for s := ledger.Seq(1); s <= seq; s++ {
		w.Hash(c.agreed[s])
	}
	return w.Sum()
}

func executed(b Settled) Executed {
	return Executed{Height: ledger.Height(b.Seq), Digest: b.Digest, Time: b.Time, Proof: b.Proof, Checkpoint: b.Checkpoint}
}

// catchUp stands for state transfer: a replica that does not move fetches what
// another has stored.
func (c *cluster) catchUp() {
	for _, n := range c.nodes {
		for _, o := range c.nodes {
			if !n.up || o.durable <= ledger.Height(len(n.chain)) {
				continue
			}
			for len(n.chain) < int(o.durable) {
				next := o.chain[len(n.chain)]
				n.chain = append(n.chain, next)
				n.executed = ledger.Height(next.Seq)
				c.step(n, executed(next))
			}
			n.durable = o.durable
			c.step(n, Durable{Height: n.durable})
		}
	}
}

func (c *cluster) run(until Instant, done func() bool) bool {
	for c.events.Len() > 0 && c.now < until {
		e := heap.Pop(&c.events).(event)
		c.now = e.at
		e.run()
		if done() {
			return true
		}
	}
	return done()
}

// everywhere reports whether all transactions are agreed and stored everywhere.
func (c *cluster) everywhere() bool {
	if c.made < c.want {
		return false
	}
	for _, n := range c.nodes {
		if !n.up || int(n.durable) != len(c.agreed) || len(n.chain) != len(c.agreed) {
			return false
		}
	}
	return len(c.agreed) > 0
}

func TestAgreementUnderLossReorderingAndCrashes(t *testing.T) {
	seeds := 150
	if testing.Short() {
		seeds = 30
	}
	for _, q := range []quorum.Config{{F: 1}, {F: 1, C: 1}, {F: 2}} {
		for seed := range int64(seeds) {
			c := newCluster(t, seed, q, []float64{0, 0.05, 0.3}[seed%3], 300, 16)
			var tick func()
			tick = func() {
				c.catchUp()
				for _, n := range c.nodes {
					if n.up {
						c.step(n, Pending{Transactions: c.want - c.made, Oldest: uint64(min(1, c.want-c.made))})
					}
				}
				c.after(Milliseconds(200), tick)
			}
			tick()
			if !c.run(Milliseconds(600_000), c.everywhere) {
				t.Fatalf("%v seed %d: after ten minutes of virtual time %d of %d transactions are offered, %d slots agreed, heights %s",
					q, seed, c.made, c.want, len(c.agreed), c.heights())
			}
		}
	}
}

func (c *cluster) heights() string {
	s := ""
	for _, n := range c.nodes {
		s += fmt.Sprintf(" %d:%d/%d", n.id, n.durable, len(n.chain))
	}
	return s
}

func TestAllHonestAndConnectedCommitsFast(t *testing.T) {
	for _, q := range []quorum.Config{{F: 1}, {F: 1, C: 1}, {F: 3}} {
		c := newCluster(t, 1, q, 0, 100, 64)
		for _, n := range c.nodes {
			n.life = 1
		}
		c.rnd = rand.New(noCrash{rand.NewSource(1).(rand.Source64)})
		c.step(c.nodes[0], Pending{Transactions: 100})
		require.True(t, c.run(Milliseconds(60_000), c.everywhere), c.heights())
		for _, n := range c.nodes {
			require.Zero(t, n.slow, "replica %d", n.id)
			require.Equal(t, len(c.agreed), n.fast)
		}
	}
}

// noCrash keeps Float64 away from the small values that mean a crash or a loss.
type noCrash struct{ rand.Source64 }

func (s noCrash) Int63() int64 { return s.Source64.Int63() | 1<<62 }

func TestOneReplicaGoneMovesToTheSlowPath(t *testing.T) {
	c := newCluster(t, 1, quorum.Config{F: 1}, 0, 200, 16)
	c.rnd = rand.New(noCrash{rand.NewSource(1).(rand.Source64)})
	c.nodes[3].up = false
	c.nodes[3].life = 99
	c.step(c.nodes[0], Pending{Transactions: 200})
	require.True(t, c.run(Milliseconds(60_000), func() bool {
		return c.made >= c.want && int(c.nodes[0].durable) == len(c.agreed) && len(c.agreed) > 0
	}), c.heights())
	require.Equal(t, PathSlow, c.nodes[0].machine.PathNow())
	require.Less(t, c.now, Milliseconds(20_000), "after the first slots nobody waits for the one that is gone")
}
