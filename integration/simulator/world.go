package simulator

import (
	"container/heap"
	"fmt"
	"slices"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
)

// Result is what a run gives.
type Result struct {
	Seed     uint64
	Plan     string
	Err      error    // the first invariant that did not hold
	Story    []string // with Options.Trace: what happened, one line each
	Hash     uint64   // of all events
	Steps    int      // of machines
	Slots    int      // decided
	Views    ledger.View
	Rules    [sbft.Rules]int
	Faults   []string
	Acts     []string       // behaviours that were on, if anybody was Byzantine
	Acted    map[string]int // how often each did something
	Virtual  sbft.Instant
	Healed   sbft.Instant // from the end of chaos until all had a new slot
	Proofs   int          // of equivocation
	Messages int          // between replicas
	Statuses int          // of these, statuses
}

// world is one run.
type world struct {
	opt     Options
	plan    *plan
	r       *random
	scheme  signing
	ledger  ledger.ID
	null    ledger.Hash
	now     sbft.Instant
	events  events
	order   uint64
	nodes   []*node // by index; a twin has an index beyond the identities
	net     *network
	clients []*client
	watch   *watch
	heard   map[ledger.Seq][]sbft.Known // values that liars came across
	calm    bool                        // chaos is over
	calmAt  sbft.Instant
	done    bool
	result  *Result
}

type event struct {
	at    sbft.Instant
	order uint64
	run   func()
}

type events []*event

func (q events) Len() int { return len(q) }
func (q events) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].order < q[j].order
}
func (q events) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *events) Push(x any)   { *q = append(*q, x.(*event)) } //nolint:forcetypeassert // only events
func (q *events) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return e
}

// Bounds of a run in virtual time.
const (
	timeMax     = 900 * sbft.Instant(1e9)
	livenessMax = 50 * sbft.Instant(1e9) // 10 x the cap of the view timeout
)

// Run plays one seed to its end.
func Run(seed uint64, o Options) *Result {
	r := newRandom(seed)
	p := draw(r, o)
	var s signing = newScheme(p.q, seed)
	if o.Real != "" {
		s = newReal(p.q, o.Real, seed)
	}
	w := &world{opt: o, plan: p, r: r, scheme: s, result: &Result{Seed: seed, Plan: p.String(), Faults: p.faults, Acted: map[string]int{}}}
	if len(p.liars) > 0 {
		w.result.Acts = p.behaviours
	}
	w.ledger = ledger.Hash{1, byte(seed)}
	w.null = ledger.NewBody(w.ledger, ledger.Proposal{}).Digest
	w.net = newNetwork(w)
	w.watch, w.heard = newWatch(w), map[ledger.Seq][]sbft.Known{}
	w.build()
	w.loop()
	w.finish()
	return w.result
}

// build brings everything up.
func (w *world) build() {
	for id := range w.plan.q.N() {
		w.nodes = append(w.nodes, newNode(w, id, ledger.ReplicaID(id))) // #nosec G115 -- below n
	}
	w.addTwins()
	for _, n := range w.nodes {
		w.after(w.r.between(0, sbft.Milliseconds(5)), n.boot)
	}
	for i := range w.plan.clients {
		w.clients = append(w.clients, newClient(w, i))
	}
	w.scheduleChaos()
	w.after(w.plan.chaos, w.heal)
}

func (w *world) after(d sbft.Instant, run func()) {
	w.order++
	heap.Push(&w.events, &event{at: w.now + d, order: w.order, run: run})
}

func (w *world) loop() {
	for w.events.Len() > 0 && !w.done && w.result.Err == nil {
		e := heap.Pop(&w.events).(*event) //nolint:forcetypeassert // only events
		if e.at > timeMax {
			w.fail("L1: after %d s of virtual time the run is not over: %s", timeMax/1e9, w.heights())
			return
		}
		w.now = e.at
		e.run()
	}
}

// fail notes the first thing that must not be.
func (w *world) fail(format string, args ...any) {
	if w.result.Err == nil {
		w.result.Err = fmt.Errorf("seed %d at %d.%03d s: %s", w.result.Seed, w.now/1e9, w.now/1e6%1000, fmt.Sprintf(format, args...))
	}
}

// mark enters an event into the run's hash, and into its story.
func (w *world) mark(n *node, kind uint64, a, b uint64) {
	w.result.Hash = mix(mix(mix(w.result.Hash, uint64(w.now)), uint64(n.index)<<8^kind), a^b<<20) // #nosec G115 -- positive
}

const storyMax = 400

func (w *world) tell(format string, args ...any) {
	if !w.opt.Trace {
		return
	}
	line := fmt.Sprintf("%3d.%06d  ", w.now/1e9, w.now/1e3%1e6) + fmt.Sprintf(format, args...)
	if len(w.result.Story) >= storyMax {
		w.result.Story = slices.Delete(w.result.Story, 0, 1)
	}
	w.result.Story = append(w.result.Story, line)
}

func (w *world) heights() string {
	s := ""
	for _, n := range w.nodes {
		s += fmt.Sprintf(" %s:%s", n.name(), n.standing())
	}
	return s
}

// liar reports whether an identity is Byzantine.
func (w *world) liar(id ledger.ReplicaID) bool { return slices.Contains(w.plan.liars, id) }

// counts reports whether a node is held to what is promised after healing.
func (w *world) counts(n *node) bool {
	return !w.liar(n.id) && (w.plan.core == nil || slices.Contains(w.plan.core, n.id))
}

// heal ends the chaos; what is left broken is the Byzantine, and outside the core.
func (w *world) heal() {
	w.tell("-- chaos is over")
	w.calm, w.calmAt = true, w.now
	w.net.heal()
	for _, n := range w.nodes {
		n.heal()
	}
	top := 0
	for _, n := range w.nodes {
		if !w.liar(n.id) {
			top = max(top, len(n.chain))
		}
	}
	w.checkProgress(top)
}

// checkProgress waits until every replica that counts has a slot nobody had before,
// then until all have as many as the plan wants (L1, L2).
func (w *world) checkProgress(top int) {
	moved, full := true, true
	for _, n := range w.nodes {
		if w.counts(n) {
			moved = moved && len(n.chain) > top
			full = full && len(n.chain) >= w.plan.slots
		}
	}
	if moved && w.result.Healed == 0 {
		w.result.Healed = w.now - w.calmAt
	}
	if w.result.Healed == 0 && w.now-w.calmAt > livenessMax {
		w.fail("L1: %d s after healing not every replica has decided a slot beyond %d: %s", livenessMax/1e9, top, w.heights())
	}
	if moved && full {
		w.done = true
		return
	}
	w.after(sbft.Milliseconds(50), func() { w.checkProgress(top) })
}

func (w *world) finish() {
	w.result.Virtual = w.now
	for _, n := range w.nodes {
		w.result.Slots = max(w.result.Slots, len(n.chain))
		if n.machine != nil {
			w.result.Views = max(w.result.Views, n.machine.View())
		}
		for i := range n.rules {
			w.result.Rules[i] += n.rules[i]
		}
	}
	w.watch.finish()
}
