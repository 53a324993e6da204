package simulator

import (
	"fmt"
	"slices"
	"strings"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// Options of a run; the zero value is a run as the campaign does it.
type Options struct {
	Slots   int             // decided slots that every honest replica must reach; 0: 200
	Quorums []quorum.Config // to draw from; nil: n = 4, 6, 7, 10
	Without []string        // faults and behaviours switched off, by name
	Only    []string        // if set, only these may be on
	Liars   int             // Byzantine replicas beyond f; more than 0 breaks what is promised
	Calm    bool            // no faults and nobody Byzantine: for measurements
	Trace   bool            // keep the story
	Real    string          // sign with this scheme of the product (certificate.Scheme…), not with the cheap one
}

// Fault classes, each switched on or off for a run: otherwise they would mask each
// other (swarm testing).
var faultNames = []string{"loss", "duplicates", "delay", "partition", "one-way", "flap", "clog", "crash", "torn", "crash-all",
	"pause", "slow-disk", "clock", "slow-execution", "execution-restart", "core"}

// plan is everything that a seed draws before the run begins.
type plan struct {
	q          quorum.Config
	window     int
	batch      int
	inFlight   int
	slots      int
	chaos      sbft.Instant // how long things go wrong
	faults     []string
	behaviours []string
	liars      []ledger.ReplicaID
	loss, dup  float64
	delayMax   sbft.Instant
	crashRate  float64 // at each write
	syncMax    sbft.Instant
	execMax    sbft.Instant
	clients    int
	every      sbft.Instant       // between a client's transactions
	stage      int                // inputs that one flush may stage
	core       []ledger.ReplicaID // if set, only these heal
}

func (p *plan) on(name string) bool { return slices.Contains(p.faults, name) }

var defaultQuorums = []quorum.Config{{F: 1}, {F: 1, C: 1}, {F: 2}, {F: 3}}

// draw makes the plan of a seed.
func draw(r *random, o Options) *plan {
	quorums := o.Quorums
	if quorums == nil {
		quorums = []quorum.Config{defaultQuorums[0], defaultQuorums[0], defaultQuorums[0], defaultQuorums[1], defaultQuorums[2], defaultQuorums[3]}
	}
	p := &plan{q: pick(r, quorums), window: pick(r, []int{8, 16, 16, 32, 64}), batch: 1 + r.intn(8), inFlight: 1 + r.intn(6), slots: o.Slots,
		chaos: r.between(sbft.Milliseconds(500), sbft.Milliseconds(8000)), clients: 2 + r.intn(6),
		every: r.between(sbft.Milliseconds(1), sbft.Milliseconds(20)), stage: 1 + r.intn(6)}
	if p.slots == 0 {
		p.slots = 200
	}
	if o.Calm {
		p.chaos = sbft.Milliseconds(20)
	}
	allowed := func(name string) bool {
		return !slices.Contains(o.Without, name) && (o.Only == nil || slices.Contains(o.Only, name))
	}
	for _, f := range faultNames {
		if on := r.chance(0.35); on && !o.Calm && allowed(f) {
			p.faults = append(p.faults, f)
		}
	}
	p.drawStrengths(r)
	p.drawLiars(r, o, allowed)
	if core := r.intn(p.q.N()); p.on("core") { // n - f of them, the Byzantine ones left out first
		p.core = p.chooseCore(core)
	}
	return p
}

func (p *plan) drawStrengths(r *random) {
	loss, dup, delay := r.r.Float64()*0.3, r.r.Float64()*0.5, r.between(sbft.Milliseconds(20), sbft.Milliseconds(5000))
	crash, sync, exec := r.r.Float64()*0.01, r.between(sbft.Milliseconds(1), sbft.Milliseconds(60)), r.between(sbft.Milliseconds(1), sbft.Milliseconds(80))
	p.delayMax, p.syncMax, p.execMax = sbft.Milliseconds(3), 200_000, sbft.Milliseconds(1)
	if p.on("loss") {
		p.loss = loss
	}
	if p.on("duplicates") {
		p.dup = dup
	}
	if p.on("delay") {
		p.delayMax = delay
		if r.chance(0.7) {
			p.delayMax = sbft.Milliseconds(20) + delay/40
		}
	}
	if p.on("crash") {
		p.crashRate = crash
	}
	if p.on("slow-disk") {
		p.syncMax = sync
	}
	if p.on("slow-execution") {
		p.execMax = exec
	}
}

func (p *plan) drawLiars(r *random, o Options, allowed func(string) bool) {
	count := r.intn(p.q.F + 1)
	if r.chance(0.5) {
		count = p.q.F
	}
	order := r.r.Perm(p.q.N())
	for _, name := range behaviourNames {
		if on := r.chance(0.25); on && allowed(name) && !o.Calm {
			p.behaviours = append(p.behaviours, name)
		}
	}
	if o.Liars > 0 {
		count = p.q.F + o.Liars
	}
	if len(p.behaviours) == 0 || o.Calm {
		count = 0
	}
	for _, id := range order[:min(count, len(order))] {
		p.liars = append(p.liars, ledger.ReplicaID(id)) // #nosec G115 -- below n
	}
	slices.Sort(p.liars)
}

// chooseCore leaves f replicas broken for ever: liars first, then those after a place.
func (p *plan) chooseCore(from int) []ledger.ReplicaID {
	var out []ledger.ReplicaID
	leave := p.q.F - len(p.liars)
	for i := range p.q.N() {
		id := ledger.ReplicaID((from + i) % p.q.N()) // #nosec G115 -- below n
		switch {
		case slices.Contains(p.liars, id):
		case leave > 0:
			leave--
		default:
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// String tells the plan in one line.
func (p *plan) String() string {
	return fmt.Sprintf("n=%d f=%d c=%d window=%d batch=%d in-flight=%d chaos=%dms faults=[%s] liars=%v behaviours=[%s] core=%v",
		p.q.N(), p.q.F, p.q.C, p.window, p.batch, p.inFlight, p.chaos/1e6, strings.Join(p.faults, " "), p.liars,
		strings.Join(p.behaviours, " "), p.core)
}
