package model

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every committed trace of the model is one of the machine.
func TestTheMachineFollowsTheModel(t *testing.T) {
	files, err := filepath.Glob("testdata/*.itf.json.gz")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var total figures
	for _, file := range files {
		played, err := readTrace(file)
		require.NoError(t, err, file)
		f, err := replay(played)
		require.NoError(t, err, file)
		total.add(f)
	}
	t.Logf("%d traces, %d steps, %d new views: %v; rules: %v", total.traces, total.steps, total.newViews, total.kinds, total.rules)
}
