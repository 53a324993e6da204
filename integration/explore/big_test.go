package explore

import (
	"flag"
	"testing"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

var (
	flagStates = flag.Int("explore.states", 0, "states of a long search")
	flagTwin   = flag.Int("explore.twin", 0, "the twinned replica")
	flagSlots  = flag.Int("explore.slots", 2, "slots")
	flagPasses = flag.Int("explore.passes", 1, "through the phases of a view; 0: in any order")
	flagWidth  = flag.Int("explore.width", 1<<30, "states of a turn to go on from")
	flagC      = flag.Int("explore.c", 0, "c")
)

// TestLongSearch is for the night: -run TestLongSearch -explore.states 50000000.
func TestLongSearch(t *testing.T) {
	if *flagStates == 0 {
		t.Skip("-explore.states says how many")
	}
	s := newSearch(quorum.Config{F: 1, C: *flagC}, *flagSlots, ledger.ReplicaID(*flagTwin)) // #nosec G115 -- few
	if *flagPasses > 0 {
		s.order = phases(*flagPasses)
	}
	explore(t, s, *flagStates, *flagWidth)
}
