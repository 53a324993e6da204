package twins

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// Whoever finds nothing must show that it would find something.

// Two twinned identities of four are f+1 faulty ones: agreement breaks.
func TestTwinsBeyondTheBudgetBreakAgreement(t *testing.T) {
	two := cast{identities: 4, twinned: 2}
	for name, drawn := range map[string]bool{"played to the end": false, "cut short": true} {
		p := play{cast: two, quorum: quorum.Config{F: 1}, drawn: drawn}
		found := search(t, p, two.sample(1, 1000))
		require.Positive(t, found.disagreed, name)
	}
}

// A replica that votes for whatever is proposed is the second faulty one.
func TestAReplicaThatVotesForEverythingBreaksAgreement(t *testing.T) {
	p := play{cast: four, quorum: quorum.Config{F: 1}, faults: faults{victim: 3, votesForAll: true}}
	require.Positive(t, search(t, p, four.sample(1, 1000)).disagreed)
}

// A replica that restarts without the record of the view to which it moved votes
// where it must not.
func TestAForgottenMoveIsFound(t *testing.T) {
	for _, drawn := range []bool{false, true} {
		p := play{cast: four, quorum: quorum.Config{F: 1}, drawn: drawn, faults: faults{victim: 3, forgetsViews: true}}
		require.Positive(t, search(t, p, four.sample(1, 1000)).violated)
	}
}

// search plays and tells what was found. Not every violation is a disagreement: some
// replica may notice before it decides, or no progress may be made.
func search(t *testing.T, p play, list []scenario) figures {
	total, bad := p.campaign(list, 1, len(list))
	require.NotEmpty(t, bad, "%s", total.String())
	t.Logf("%d of %d scenarios are broken, %d by a disagreement; the first is %s", total.violated, total.scenarios, total.disagreed, bad[0])
	return total
}
