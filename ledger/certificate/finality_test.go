package certificate

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestACommitProofHasOneByteForm(t *testing.T) {
	for _, p := range []*Finality{{View: 7, Certificate: Certificate{1, 2}}, {Fast: true, Certificate: Certificate{3}}} {
		raw := p.Marshal()
		got, err := ParseFinality(raw)
		require.NoError(t, err)
		require.Equal(t, p, got)
	}
	raw := (&Finality{Fast: true, Certificate: Certificate{3}}).Marshal()
	raw[len(raw)-6] = 2 // the path
	_, err := ParseFinality(raw)
	require.ErrorContains(t, err, "no path 2")
}

func FuzzParseFinality(f *testing.F) {
	f.Add((&Finality{View: 7, Fast: true, Certificate: Certificate{1}}).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := ParseFinality(b); err == nil {
			require.Equal(t, b, p.Marshal())
		}
	})
}
