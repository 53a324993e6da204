package bus

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSubjectsAreReadAsWritten(t *testing.T) {
	for _, c := range Classes() {
		l, from, class, target, err := ParseSubject(Subject("dev", "replica-2", c, "consensus"))
		require.NoError(t, err)
		require.Equal(t, []any{"dev", MemberID("replica-2"), c, "consensus"}, []any{l, from, class, target})
	}
}

func FuzzParseSubject(f *testing.F) {
	f.Add("dev.from.replica-2.control.consensus")
	f.Add("a.from.b.bulk.c.d")
	f.Add("*.from.>.control.x")
	f.Fuzz(func(t *testing.T, s string) {
		l, from, class, target, err := ParseSubject(s)
		if err == nil {
			require.Equal(t, s, Subject(l, from, class, target))
		}
	})
}
