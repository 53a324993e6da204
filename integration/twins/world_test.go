package twins

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/integration/twins/standin"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// window is small, so that checkpoints (every fourth slot) belong to the stories.
const window = 16

// world is the nodes of one scenario and what is between them. Everything happens in
// one goroutine and depends on the scenario and its number alone.
type world struct {
	cast       cast
	quorum     quorum.Config
	now        sbft.Instant
	nodes      []*node
	net        network
	random     *rand.Rand // nil in the orderly play
	checks     checks
	tally      figures
	faults     faults
	eagerTwins bool
	out        sbft.Output
	bodies     int
	story      io.Writer // nil: nobody listens
	err        error     // the first violation; nothing happens after it
}

// node is one copy of the machine with what its shell keeps.
type node struct {
	index    int
	twin     bool // its identity has another copy
	params   sbft.Params
	machine  *sbft.Machine
	records  []sbft.Record
	chain    []sbft.Settled // delivered here
	durable  int            // of these, in the store
	timers   []alarm
	own      []sbft.Input // comes back to it at once: own shares, certificates, batches, execution
	silent   bool
	promised promises
}

type alarm struct {
	timer sbft.Timer
	due   sbft.Instant
}

func newWorld(p play, seat []int, random *rand.Rand) *world {
	c, q := p.cast, p.quorum
	w := &world{cast: c, quorum: q, now: 1, random: random, checks: newChecks(), faults: p.faults, story: p.story}
	for i := range c.nodes() {
		id := c.identity(i)
		params := sbft.Params{Self: ledger.ReplicaID(seat[id]), Quorum: q, Window: window, InFlightMax: 4, BatchMax: 1, BatchBytes: 1 << 20, // #nosec G115 -- few
			ClockBound: 1 << 60, Timing: sbft.DefaultTiming()}
		w.nodes = append(w.nodes, &node{index: i, twin: id < c.twinned, params: params, promised: promises{votes: map[promise]ledger.Hash{}}})
	}
	w.net = newNetwork(c.nodes())
	for _, n := range w.nodes {
		w.start(n)
	}
	return w
}

// start makes a machine of what is durable.
func (w *world) start(n *node) {
	n.chain, n.own, n.timers = n.chain[:n.durable], nil, nil
	r := sbft.Restored{Durable: ledger.Height(n.durable), Settled: n.chain, Records: n.records} // #nosec G115 -- short
	if n.durable > 0 {
		r.DurableTime = n.chain[n.durable-1].Time
	}
	m, err := sbft.New(n.params, r)
	if err != nil {
		w.fail("%s cannot start: %v", w.name(n), err)
		return
	}
	n.machine = m
	w.step(n, sbft.Started{})
}

func (w *world) name(n *node) string {
	if n.index >= w.cast.identities {
		return fmt.Sprintf("the twin of replica-%d", n.params.Self)
	}
	return n.params.Self.String()
}

func (w *world) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

// step gives a node an input, and what comes back to it at once because of it.
func (w *world) step(n *node, in sbft.Input) {
	n.own = append(n.own, in)
	for len(n.own) > 0 && w.err == nil {
		next := n.own[0]
		n.own = n.own[1:]
		w.now += 10_000
		w.tally.steps++
		w.out.Reset()
		n.machine.Step(w.now, next, &w.out)
		w.tell(n, next)
		w.carryOut(n, &w.out)
	}
	n.own = nil
}

// carryOut does what a shell does, in its order.
func (w *world) carryOut(n *node, out *sbft.Output) {
	w.checkRecords(n, out.Records)
	n.records = append(n.records, out.Records...)
	for _, s := range out.Send {
		w.transmit(n, s)
	}
	for _, tc := range out.Timers {
		n.timers = slices.DeleteFunc(n.timers, func(a alarm) bool { return a.timer == tc.Timer })
		if !tc.Cancel {
			n.timers = append(n.timers, alarm{tc.Timer, w.now + tc.After})
		}
	}
	for _, work := range out.Work {
		n.own = append(n.own, standin.Combine(w.quorum, work))
	}
	if out.Draw != nil {
		n.own = append(n.own, sbft.Batch{Body: w.body(n, out.Draw.After)})
	}
	for _, d := range out.Deliver {
		w.deliver(n, d)
	}
	if out.Stable != nil {
		n.records = slices.DeleteFunc(n.records, func(r sbft.Record) bool { return r.Seq > 0 && r.Seq <= out.Stable.Seq })
	}
	w.checkReports(n, out)
	if kept := n.machine.SlotsKept(); kept > 2*window {
		w.fail("%s keeps %d slots", w.name(n), kept)
	}
}

// body is a batch that nobody else proposes.
func (w *world) body(n *node, after ledger.Time) *ledger.Body {
	w.bodies++
	return ledger.NewBody(n.params.Ledger, ledger.Proposal{Time: after + 1, Txs: [][]byte{{byte(n.index), byte(w.bodies), byte(w.bodies >> 8)}}})
}

// deliver checks, executes and stores. In a drawn play the store is sometimes late.
func (w *world) deliver(n *node, d sbft.Decision) {
	w.checkDecision(n, d)
	state := ledger.NewWriter("concordat/twins/state", 80).Hash(d.Body.Digest)
	if len(n.chain) > 0 {
		state.Hash(n.chain[len(n.chain)-1].Checkpoint)
	}
	b := sbft.Settled{Seq: d.Seq, Digest: d.Body.Digest, Time: d.Body.Time, Proof: d.Proof, Checkpoint: state.Sum()}
	n.chain = append(n.chain, b)
	n.own = append(n.own, executed(b), sbft.Certified{Height: ledger.Height(b.Seq)})
	if w.random == nil || w.random.IntN(2) == 0 {
		n.own = append(n.own, w.store(n))
	}
}

func (w *world) store(n *node) sbft.Input {
	n.durable = len(n.chain)
	return sbft.Durable{Height: ledger.Height(n.durable)} // #nosec G115 -- short
}

func executed(b sbft.Settled) sbft.Executed {
	return sbft.Executed{Height: ledger.Height(b.Seq), Digest: b.Digest, Time: b.Time, Proof: b.Proof, Checkpoint: b.Checkpoint}
}

// catchUp stands for the transfer of blocks: who has fewer takes those of one who
// has stored more.
func (w *world) catchUp() {
	for _, n := range w.nodes {
		for _, o := range w.nodes {
			if n.silent || o.silent || o.durable <= len(n.chain) {
				continue
			}
			for len(n.chain) < o.durable && w.err == nil { // a block may make the next ones leave by themselves
				b := o.chain[len(n.chain)]
				w.checkBlock(n, b)
				n.chain = append(n.chain, b)
				w.step(n, executed(b))
			}
			w.step(n, w.store(n))
		}
	}
}

func (w *world) heights() string {
	text := ""
	for _, n := range w.nodes {
		text += fmt.Sprintf(" %s: %d in view %d,", w.name(n), len(n.chain), n.machine.View())
	}
	return text
}
