package twins

import (
	"io"
	"math/rand/v2"
	"slices"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/integration/twins/standin"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// play is how scenarios are played.
type play struct {
	cast   cast
	quorum quorum.Config
	// drawn: chance, seeded by the scenario's number, decides in which order messages
	// arrive, after how many a round is over, whether what was cut off is lost or late,
	// who misses a move, who restarts between rounds, whether twins insist on the fast
	// path, and whether they are gone in the end. Otherwise every round is finished in
	// an orderly way.
	drawn  bool
	seed   uint64 // beside the scenario's number, of a drawn play
	faults faults
	story  io.Writer // what happens, line by line; nil: nobody listens
}

const (
	slotsPerRound = 2   // that a leader proposes
	wavesPerRound = 8   // how often timers may fire in a round
	cutAfterMost  = 120 // deliveries; a finished round of five nodes has about as many
	stormAfter    = 20_000
)

// run plays a scenario and returns what happened, and what was violated.
func (p play) run(number int, s scenario) (figures, error) {
	var random *rand.Rand
	if p.drawn {
		random = rand.New(rand.NewPCG(uint64(number), p.seed)) // #nosec G115 G404 -- chance with a seed
	}
	seat := s.seats(p.cast)
	w := newWorld(p, seat, random)
	w.net.keeps = p.drawn && random.IntN(2) == 0
	w.eagerTwins = p.drawn && random.IntN(3) == 0
	view := ledger.View(0) // whose leader is the first one's, by the choice of seats
	for _, r := range s {
		for w.quorum.Primary(view) != ledger.ReplicaID(seat[r.leader]) { // #nosec G115 -- few
			view++
		}
		w.round(r, view)
		w.between()
		view++
	}
	w.heal()
	w.tally.scenarios = 1
	if w.err != nil {
		w.tally.violated = 1
	}
	return w.tally, w.err
}

// round splits the nodes, moves them all to a view, and lets its leader propose.
func (w *world) round(r round, view ledger.View) {
	for _, n := range w.nodes {
		w.net.side[n.index] = sideOf(r, n.index)
	}
	left := stormAfter
	if w.random != nil && w.random.IntN(4) > 0 {
		left = w.random.IntN(cutAfterMost)
	}
	for _, n := range w.nodes {
		if view > 0 && (w.random == nil || w.random.IntN(8) > 0) { // who misses it may follow later
			w.complain(n, view-1)
		}
		if n.params.Self == w.quorum.Primary(view) {
			w.step(n, sbft.Pending{Transactions: slotsPerRound, Bytes: slotsPerRound})
		}
	}
	left -= w.run(left)
	for range wavesPerRound {
		if left <= 0 || w.err != nil || !w.fireNext(func(k sbft.TimerKind) bool {
			return k == sbft.TimerCollect || k == sbft.TimerBatch || k == sbft.TimerResend
		}) {
			return
		}
		left -= w.run(left)
	}
}

// complain hands a node the complaints of f+1 replicas about a view.
func (w *world) complain(n *node, about ledger.View) {
	for id := range w.quorum.Weak() {
		w.step(n, standin.Complaint(n.params, ledger.ReplicaID(id), about)) // #nosec G115 -- few
	}
}

// fireNext lets time pass until the next timer of the wished kinds is due, and fires
// all that are due then.
func (w *world) fireNext(wished func(sbft.TimerKind) bool) bool {
	next := sbft.Instant(-1)
	for _, n := range w.nodes {
		for _, a := range n.timers {
			if wished(a.timer.Kind) && (next < 0 || a.due < next) && !n.silent {
				next = a.due
			}
		}
	}
	if next < 0 {
		return false
	}
	w.now = max(w.now, next)
	for _, n := range w.nodes {
		var due []alarm
		n.timers = slices.DeleteFunc(n.timers, func(a alarm) bool {
			fires := wished(a.timer.Kind) && a.due <= next && !n.silent
			if fires {
				due = append(due, a)
			}
			return fires
		})
		for _, a := range due {
			w.step(n, sbft.Fired{Timer: a.timer})
		}
	}
	return true
}

// between ends a round: what was cut off is lost or stays, the store finishes, and in
// a drawn play some restart.
func (w *world) between() {
	if !w.net.keeps {
		w.net.clear()
	}
	w.sabotage()
	if w.random == nil {
		return
	}
	for _, n := range w.nodes {
		switch w.random.IntN(8) {
		case 0:
			w.tally.starts++
			w.start(n)
		case 1, 2, 3:
			w.step(n, w.store(n))
		}
	}
}
