package twins

import (
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger/quorum"
)

var four = cast{identities: 4, twinned: 1}

func campaign(t *testing.T, p play, list []scenario) figures {
	began, every := time.Now(), 1
	switch {
	case testing.Short():
		every = 50
	case p.cast == four:
		every = *flagEvery
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
	campaign(t, play{cast: four, quorum: quorum.Config{F: 1}, drawn: true, seed: *flagSeed}, four.scenarios())
}

var (
	flagEvery = flag.Int("twins.every", 10, "play each so-manieth of the scenarios of four replicas")
	flagSix   = flag.Int("twins.six", 500, "scenarios of six replicas, f = 1 and c = 1, of 377,028")
	flagSeven = flag.Int("twins.seven", 0, "scenarios of seven replicas of which two have twins")
	flagSeed  = flag.Uint64("twins.seed", 1, "of what chance decides")
)

func TestSampledScenariosOfSixReplicas(t *testing.T) {
	six := cast{identities: 6, twinned: 1}
	for _, drawn := range []bool{false, true} {
		campaign(t, play{cast: six, quorum: quorum.Config{F: 1, C: 1}, drawn: drawn, seed: *flagSeed}, six.sample(*flagSeed, *flagSix))
	}
}

func TestSampledScenariosOfSevenReplicas(t *testing.T) {
	if *flagSeven == 0 {
		t.Skip("-twins.seven says how many")
	}
	seven := cast{identities: 7, twinned: 2}
	for _, drawn := range []bool{false, true} {
		campaign(t, play{cast: seven, quorum: quorum.Config{F: 2}, drawn: drawn, seed: *flagSeed}, seven.sample(*flagSeed, *flagSeven))
	}
}
