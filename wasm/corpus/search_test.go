package corpus

import (
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/wasm"
)

var (
	searchTime = flag.Duration("corpus.search", 500*time.Millisecond, "how long fresh random programs are compared")
	searchSeed = flag.Uint64("corpus.seed", 1_000_000, "the first of them")
)

// Random programs beyond the expected ones do the same in machine code and in the
// interpreter. One that does not is named by its seed, for randomEntry.
func TestFreshProgramsRunAlike(t *testing.T) {
	compiled, interpreted := engine(t, wasm.Config{}), engine(t, wasm.Config{Interpreter: true})
	seed, differ := *searchSeed, 0
	for began := time.Now(); time.Since(began) < *searchTime && differ < 20; seed++ {
		en := randomEntry(seed)
		a, b := run(t, compiled, en), run(t, interpreted, en)
		for i := range a {
			if a[i] != b[i] {
				t.Errorf("seed %d, %d bytes\nmachine code: %s\ninterpreter:  %s", seed, len(en.code), a[i], b[i])
				differ++
			}
		}
	}
	if seed == *searchSeed {
		t.Fatal("no program was compared")
	}
	t.Logf("%d programs from seed %d on, %d calls differ", seed-*searchSeed, *searchSeed, differ)
}

// Programs that a search found to differ once stay alike: on amd64, a choice between floats
// took the wrong one.
func TestProgramsThatDifferedRunAlike(t *testing.T) {
	compiled, interpreted := engine(t, wasm.Config{}), engine(t, wasm.Config{Interpreter: true})
	for _, seed := range []uint64{730_121_905, 730_125_274} {
		en := randomEntry(seed)
		require.Equal(t, run(t, interpreted, en), run(t, compiled, en), "seed %d", seed)
	}
}
