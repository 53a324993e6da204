package simulator

import (
	"math/rand/v2"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
)

// random is the one source of chance of a run.
type random struct{ r *rand.Rand }

func newRandom(seed uint64) *random {
	return &random{rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15))} // #nosec G404 -- reproducible on purpose
}

func (r *random) chance(p float64) bool { return p > 0 && r.r.Float64() < p }

// intn is in [0, n).
func (r *random) intn(n int) int { return r.r.IntN(n) }

// between is in [a, b].
func (r *random) between(a, b sbft.Instant) sbft.Instant {
	if b <= a {
		return a
	}
	return a + sbft.Instant(r.r.Int64N(int64(b-a)+1))
}

// pick returns one of a list.
func pick[T any](r *random, list []T) T { return list[r.intn(len(list))] }
