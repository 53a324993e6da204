package explore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

func explore(t *testing.T, s *search, most int) {
	began := time.Now()
	err := s.run(most)
	places := []int{}
	for _, n := range s.nodes {
		places = append(places, len(n.places))
	}
	t.Logf("%s, %d slots, twinned %v: %d states, complete %v, to depth %d; %d transitions of which %d merge; places of the nodes %v; %d messages in %d sets; %d machines rebuilt, %d inputs; %s",
		s.quorum, s.slots, s.twins, len(s.states), s.complete, s.depth, s.transitions, s.merged, places,
		len(s.messages.list), len(s.nets.sets), s.rebuilt, s.inputs, time.Since(began).Round(time.Millisecond))
	require.NoError(t, err)
}

func TestOneSlot(t *testing.T) {
	for _, twin := range []ledger.ReplicaID{0, 1, 2, 3} {
		explore(t, newSearch(quorum.Config{F: 1}, 1, twin), 300_000)
	}
}
