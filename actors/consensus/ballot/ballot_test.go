package ballot

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

func TestNoTwoDigestsAreEverSignedForOnePlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := New()
		type where struct {
			phase certificate.Phase
			view  ledger.View
			seq   ledger.Seq
		}
		signed := map[where]ledger.Hash{}
		views := map[where]ledger.View{} // highest by (phase, seq)
		floor := ledger.Seq(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if rapid.IntRange(0, 9).Draw(t, "raise") == 0 {
				floor = max(floor, ledger.Seq(rapid.IntRange(0, 6).Draw(t, "floor")))
				b.Raise(floor)
				continue
			}
			v := Vote{Phase: certificate.Phase(rapid.IntRange(1, 3).Draw(t, "phase")), View: ledger.View(rapid.IntRange(0, 3).Draw(t, "view")),
				Seq: ledger.Seq(rapid.IntRange(1, 8).Draw(t, "seq")), Digest: ledger.Hash{byte(rapid.IntRange(0, 2).Draw(t, "digest"))}}
			err := b.Record(v)
			if err != nil {
				require.Error(t, b.May(v))
				continue
			}
			require.NoError(t, b.May(v))
			at := where{v.Phase, v.View, v.Seq}
			if old, ok := signed[at]; ok {
				require.Equal(t, old, v.Digest)
			}
			signed[at] = v.Digest
			require.Greater(t, v.Seq, floor)
			top := where{v.Phase, 0, v.Seq}
			require.GreaterOrEqual(t, v.View, views[top])
			views[top] = v.View
		}
	})
}

func TestNothingIsSignedThatWasNotRecorded(t *testing.T) {
	b := New()
	v := Vote{Phase: 1, Seq: 1, Digest: ledger.Hash{1}}
	var refusal *Refusal
	require.ErrorAs(t, b.May(v), &refusal)
	require.NoError(t, b.Record(v))
	require.NoError(t, b.May(v))
	other := v
	other.Epoch++
	require.Error(t, b.May(other))
	b.Raise(1)
	require.Error(t, b.May(v), "a settled slot needs no vote")
	require.Zero(t, b.Len())
}
