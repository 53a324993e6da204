package twins

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The figures of the test plan, derived by symmetry and found by listing.
func TestScenariosAreCountedBySymmetry(t *testing.T) {
	one := cast{identities: 4, twinned: 1}
	require.Len(t, one.renamings(), 12)
	require.Len(t, one.rounds(), 64)
	require.Equal(t, 25_740, one.distinct(3))
	require.Equal(t, 1_502_936, one.distinct(4))
	require.Equal(t, 377_028, cast{identities: 6, twinned: 1}.distinct(3))
	require.Len(t, one.scenarios(), one.distinct(3))
}

func TestSampledScenariosAreAllDifferent(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range (cast{identities: 6, twinned: 1}).sample(1, 2000) {
		require.False(t, seen[s.String()])
		seen[s.String()] = true
	}
}
