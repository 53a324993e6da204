package quorum

import (
	"math/bits"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/ledger"
)

// The overlap that two sets of a and b out of n must have, by trying all sets.
func overlapBruteForce(n, a, b int) int {
	least := n
	for x := range uint(1) << n {
		if bits.OnesCount(x) != a {
			continue
		}
		for y := range uint(1) << n {
			if bits.OnesCount(y) == b {
				least = min(least, bits.OnesCount(x&y))
			}
		}
	}
	return least
}

func TestIntersectionsThatSafetyRestsOn(t *testing.T) {
	for _, q := range []Config{{0, 0}, {1, 0}, {1, 1}, {2, 0}} {
		n := q.N()
		overlap := func(a, b int) int { return overlapBruteForce(n, a, b) }
		require.GreaterOrEqual(t, overlap(q.Slow(), q.Slow()), q.F+1, "two slow quorums share an honest replica: %v", q)
		require.GreaterOrEqual(t, overlap(q.Slow(), q.Fast()), 2*q.F+1, "a fast and a slow quorum: %v", q)
		require.GreaterOrEqual(t, overlap(q.Slow(), q.ViewChange())-q.F, q.C+1, "honest holders of a prepared certificate in a view change: %v", q)
		require.GreaterOrEqual(t, overlap(q.Fast(), q.ViewChange())-q.F, q.F+q.C+1, "honest fast signers in a view change: %v", q)
		require.Greater(t, 2*(q.F+q.C+1), q.ViewChange(), "two values cannot both reach f+c+1 in exactly Q: %v", q)
		require.GreaterOrEqual(t, n-q.F, q.Slow(), "the slow path is live: %v", q)
		require.GreaterOrEqual(t, n-q.C, q.Fast(), "the fast path tolerates c: %v", q)
	}
}

func TestThresholdsFitTheirDefinitions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, c := rapid.IntRange(0, 100).Draw(t, "f"), rapid.IntRange(0, 100).Draw(t, "c")
		q, err := New(f, c)
		require.NoError(t, err)
		require.Equal(t, q.N()-c, q.Fast())
		require.Equal(t, q.N()-f, q.ViewChange())
		require.Equal(t, q.N()-f-c, q.Slow())
		v := rapid.Uint64().Draw(t, "view")
		require.Equal(t, v%uint64(q.N()), uint64(q.Primary(ledger.View(v))))
	})
}

func TestNewRefusesWhatIsOutOfRange(t *testing.T) {
	for _, bad := range [][2]int{{-1, 0}, {0, -1}, {400, 0}, {0, 600}, {1 << 62, 1 << 62}} {
		_, err := New(bad[0], bad[1])
		require.Error(t, err, "%v", bad)
	}
}
