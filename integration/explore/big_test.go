package explore

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

var (
	flagMore   = flag.Bool("explore.more", false, "let every search visit more states: half a minute")
	flagLong   = flag.Bool("explore.long", false, "let every search visit more states: a minute and a half")
	flagStates = flag.Int("explore.states", 0, "states of one search of one's own, which the others describe")
	flagTwin   = flag.Int("explore.twin", 0, "the twinned replica; -1: none")
	flagSlots  = flag.Int("explore.slots", 2, "slots")
	flagPasses = flag.Int("explore.passes", 1, "through the phases of a view; 0: in any order")
	flagWidth  = flag.Int("explore.width", most, "states of a turn to go on from")
	flagC      = flag.Int("explore.c", 0, "c")
	flagPlain  = flag.Bool("explore.plain", false, "make no use of symmetry")
	flagWhole  = flag.Bool("explore.whole", false, "fail unless the search is complete")
)

// TestLongSearch is for the night: -run TestLongSearch -explore.states 50000000. All of
// one slot with replica 2 twinned are 28 million states: with -explore.slots 1
// -explore.twin 2 -explore.whole it takes a minute and some gigabytes.
func TestLongSearch(t *testing.T) {
	if *flagStates == 0 {
		t.Skip("-explore.states says how many")
	}
	var twins []ledger.ReplicaID
	if *flagTwin >= 0 {
		twins = append(twins, ledger.ReplicaID(*flagTwin)) // #nosec G115 -- few
	}
	s := newSearch(quorum.Config{F: 1, C: *flagC}, *flagSlots, twins...)
	if *flagPasses > 0 {
		s.order = phases(*flagPasses)
	}
	if *flagPlain {
		s.group = s.group[:1]
	}
	explore(t, s, *flagStates, *flagWidth)
	require.True(t, s.complete || !*flagWhole)
}
