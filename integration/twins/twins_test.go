package twins

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger/quorum"
)

var four = cast{identities: 4, twinned: 1}

func campaign(t *testing.T, p play, list []scenario) figures {
	began, every := time.Now(), 1
	if testing.Short() {
		every = 50
	}
	total, bad := p.campaign(list, every, 5)
	t.Logf("%s", total.String())
	t.Logf("rules never applied: %s; %s", total.unused(), time.Since(began).Round(time.Second))
	for _, f := range bad {
		t.Error(f)
	}
	require.Equal(t, (len(list)+every-1)/every, total.scenarios)
	return total
}

func TestEveryScenarioPlayedToTheEnd(t *testing.T) {
	campaign(t, play{cast: four, quorum: quorum.Config{F: 1}}, four.scenarios())
}

func TestEveryScenarioCutShort(t *testing.T) {
	campaign(t, play{cast: four, quorum: quorum.Config{F: 1}, drawn: true}, four.scenarios())
}
