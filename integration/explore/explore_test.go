package explore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

const most = 1 << 31

var (
	four = quorum.Config{F: 1}
	six  = quorum.Config{F: 1, C: 1}
)

// explore runs a search that must find nothing wrong, and says what it saw.
func explore(t *testing.T, s *search, most, width int) {
	t.Helper()
	began := time.Now()
	err := s.run(most, width)
	places := []int{}
	for _, n := range s.nodes {
		places = append(places, len(n.places))
	}
	t.Logf("n=%d, %d slots, twinned %v: %d states, %d transitions, %s; commits in view 0 and 1: %v; rules: %s; %d symmetries; places of the nodes %v; %d messages in %d sets; %d machines rebuilt; at most %d states begin a turn; %s",
		s.quorum.N(), s.slots, s.twins, s.states, s.transitions, s.reached(), s.decisions, s.ruled(), len(s.group), places,
		len(s.messages.list), len(s.nets.sets), s.rebuilt, s.widest, time.Since(began).Round(time.Millisecond))
	require.NoError(t, err)
}

// One slot, both views, no fault but that anything may be lost: all states of the
// ordered search.
func TestOneSlotCompletely(t *testing.T) {
	if testing.Short() {
		t.Skip("nine hundred thousand states")
	}
	s := newSearch(four, 1)
	s.order = phases(1)
	explore(t, s, most, most)
	require.True(t, s.complete)
	require.Positive(t, s.decisions[0])
	require.Positive(t, s.decisions[1])
}

// One slot, view 0 alone, with a twin: all states of the ordered search, in which some
// decide on the fast path and some on the slow one.
func TestOneViewCompletely(t *testing.T) {
	for _, twin := range []ledger.ReplicaID{0, 1, 2, 3} {
		s := newSearch(four, 1, twin)
		s.order = phases(1)[:viewPhases]
		explore(t, s, most, most)
		require.True(t, s.complete)
		require.True(t, s.rules[sbft.RuleF2] && s.rules[sbft.RuleS2])
	}
}

// Two slots, a twin, any order of steps: every state within some number of steps.
func TestAnyOrder(t *testing.T) {
	states := 40_000
	switch {
	case testing.Short():
		states = 20_000
	case *flagMore:
		states = 100_000
	case *flagLong:
		states = 1_000_000
	}
	for _, q := range []quorum.Config{four, six} {
		for _, twin := range []ledger.ReplicaID{0, 1, 2} {
			s := newSearch(q, 2, twin)
			explore(t, s, states, 0)
			require.GreaterOrEqual(t, s.states, states, "the search ends early")
		}
	}
}

// Both views from end to end, as many states of each turn as there is time for. What is
// asserted besides is that the search gets where it matters: commits in both views,
// and every rule by which a new view of two takes over a value.
func TestBothViewsInOrder(t *testing.T) {
	width, ofFour := 200, 1000
	switch {
	case testing.Short():
		width, ofFour = 200, 200
	case *flagMore:
		width, ofFour = 400, 2000 // of one slot and four: so many find ">=" for ">" in the rule of the new view
	case *flagLong:
		width, ofFour = 2000, 2000
	}
	var rules [sbft.Rules]bool
	for _, q := range []quorum.Config{four, six} {
		for slots := 1; slots <= slotsMax; slots++ {
			for _, twin := range []ledger.ReplicaID{0, 1, 2} {
				s := newSearch(q, slots, twin)
				s.order = phases(slots)
				if q == four && slots == 1 {
					explore(t, s, most, ofFour)
				} else {
					explore(t, s, most, width/slots)
				}
				require.Positive(t, s.decisions[0], "commits in view 0")
				require.Positive(t, s.decisions[1], "commits in view 1")
				for r, applied := range s.rules {
					rules[r] = rules[r] || applied
				}
			}
		}
	}
	for _, r := range []sbft.Rule{sbft.RuleF2, sbft.RuleS2, sbft.RuleW1, sbft.RuleW2, sbft.RuleW3, sbft.RuleW4, sbft.RuleW5, sbft.RuleB2, sbft.RuleE1} {
		require.True(t, rules[r], "rule %s is never applied", r)
	}
}

// Two twinned identities are f+1 faulty ones: the search must find that agreement
// breaks, or it sees nothing.
func TestTwinsBeyondTheBudgetAreFound(t *testing.T) {
	for _, twins := range [][]ledger.ReplicaID{{0, 1}, {0, 3}, {1, 2}} {
		for _, plain := range []bool{false, true} { // without symmetry: the schedules need no renaming
			s := newSearch(four, 1, twins...)
			s.order = phases(1)
			if plain {
				s.group = s.group[:1]
			}
			err := s.run(most, 4000)
			require.Error(t, err)
			t.Logf("found after %d states: %v", s.states, err)
		}
	}
}
