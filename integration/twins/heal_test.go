package twins

import (
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
)

const (
	// newSlots is what everybody honest must decide after healing.
	newSlots = 2
	// tick is how often admission tells its state and blocks are fetched.
	tick = sbft.Instant(200_000_000)
)

// healWithin is the bound of the test plan: ten times the capped patience with a
// primary.
func healWithin() sbft.Instant { return 10 * sbft.DefaultTiming().ViewMax }

// heal joins everybody and demands progress. In half of the drawn plays the twins say
// nothing any more: n - f replicas must be enough.
func (w *world) heal() {
	for i, n := range w.nodes {
		w.net.side[i] = 0
		n.silent = n.twin && w.random != nil && w.random.IntN(2) == 0
	}
	goal := len(w.checks.anybody) + newSlots
	until, next := w.now+healWithin(), w.now
	for w.err == nil && !w.reached(goal) {
		if w.run(stormAfter) == stormAfter {
			w.fail("after healing messages never end")
		}
		if w.now >= until {
			w.fail("%v after healing not everybody has decided %d slots: %s", healWithin()/1_000_000, goal, w.heights())
		}
		if w.now >= next {
			next = w.now + tick
			w.catchUp()
			w.admit()
			continue
		}
		w.fireNext(func(sbft.TimerKind) bool { return true })
	}
	w.tally.healed = max(w.tally.healed, int(w.now-until+healWithin())/1_000_000)
}

// admit tells everybody that requests wait, a new one each time, so that only a
// primary that does nothing is suspected.
func (w *world) admit() {
	for _, n := range w.nodes {
		if !n.silent {
			w.step(n, sbft.Pending{Transactions: 1, Bytes: 1, Oldest: uint64(w.now)}) // #nosec G115 -- positive
		}
	}
}

func (w *world) reached(goal int) bool {
	for _, n := range w.nodes {
		if !n.twin && len(n.chain) < goal {
			return false
		}
	}
	return true
}
