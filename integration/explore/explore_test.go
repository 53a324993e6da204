package explore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

func explore(t *testing.T, s *search, most, width int) {
	began := time.Now()
	err := s.run(most, width)
	places := []int{}
	for _, n := range s.nodes {
		places = append(places, len(n.places))
	}
	t.Logf("%s, %d slots, twinned %v: %d states, complete %v, %d symmetries; %s; %d transitions of which %d merge; places of the nodes %v; %d messages in %d sets; %d machines rebuilt, %d inputs; %s",
		s.quorum, s.slots, s.twins, s.states, s.complete, len(s.group), s.reached(), s.transitions, s.merged, places,
		len(s.messages.list), len(s.nets.sets), s.rebuilt, s.inputs, time.Since(began).Round(time.Millisecond))
	require.NoError(t, err)
}

// Every state within reach, whatever the order of steps.
func TestAnyOrder(t *testing.T) {
	states := 1_000_000
	if testing.Short() {
		states = 50_000
	}
	for _, q := range []quorum.Config{{F: 1}, {F: 1, C: 1}} {
		explore(t, newSearch(q, 2, 0), states, 0)
		explore(t, newSearch(q, 2, 1), states, 0)
	}
}

// Both views from end to end, as many states of each turn as there is time for. What is
// asserted besides is that the search gets where it matters: decisions in both views,
// and every rule by which a new view takes over a value.
func TestBothViewsInOrder(t *testing.T) {
	width := 800
	if testing.Short() {
		width = 100
	}
	var rules [sbft.Rules]bool
	for _, q := range []quorum.Config{{F: 1}, {F: 1, C: 1}} {
		for slots := 1; slots <= slotsMax; slots++ {
			for _, twin := range []ledger.ReplicaID{0, 1, 2} {
				s := newSearch(q, slots, twin)
				s.order = phases(slots)
				explore(t, s, most, width/slots)
				require.Positive(t, s.decisions[0], "decisions in view 0")
				require.Positive(t, s.decisions[1], "decisions in view 1")
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

const most = 1 << 31

// Two twinned identities of four are f+1 faulty ones: the search must find that
// agreement breaks, or it sees nothing.
func TestTwinsBeyondTheBudgetAreFound(t *testing.T) {
	for _, twins := range [][]ledger.ReplicaID{{0, 1}, {0, 3}, {1, 2}} {
		s := newSearch(quorum.Config{F: 1}, 1, twins...)
		s.order = phases(1)
		err := s.run(most, 4000)
		require.Error(t, err)
		t.Logf("found after %d states: %v", s.states, err)
	}
}
