package twins

import (
	"flag"
	"os"
	"testing"

	"github.com/concordat-ledger/concordat/ledger/quorum"
)

var (
	flagScenario = flag.Int("scenario", -1, "tell the story of one scenario of four replicas")
	flagDrawn    = flag.Bool("drawn", false, "of the drawn play")
)

// TestOneScenario tells a scenario's story: -run TestOneScenario -scenario 18550 -drawn -twins.seed 1.
func TestOneScenario(t *testing.T) {
	if *flagScenario < 0 {
		t.Skip("no -scenario is named")
	}
	p := play{cast: four, quorum: quorum.Config{F: 1}, drawn: *flagDrawn, seed: *flagSeed, story: os.Stdout}
	tally, err := p.run(*flagScenario, four.scenarios()[*flagScenario])
	t.Log(tally.String(), err)
}
