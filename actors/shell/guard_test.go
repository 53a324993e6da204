package shell

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGuardTakesWhatIsThrown(t *testing.T) {
	require.NoError(t, Guard(func() {}))
	err := Guard(func() { panic("no such luck") })
	require.ErrorContains(t, err, "no such luck")
	require.ErrorContains(t, err, "guard_test.go")
}
