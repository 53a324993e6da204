package model

import (
	"crypto/sha256"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
)

func committed(t *testing.T) []string {
	files, err := filepath.Glob("testdata/*.itf.json.gz")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

// Every committed trace of the model is one of the machine.
func TestTheMachineFollowsTheModel(t *testing.T) {
	files := committed(t)
	total := replayAll(t, files)
	require.Len(t, files, total.traces, "no trace is committed twice")
	for _, act := range []string{"propose", "accept", "prepare", "commit", "leave", "newview", "adopt",
		"newview free", "newview null", "newview adopted", "newview decided"} {
		require.Positive(t, total.kinds[act], act)
	}
	for _, rule := range []sbft.Rule{sbft.RuleN1, sbft.RuleN2, sbft.RuleN3, sbft.RuleF1, sbft.RuleF2, sbft.RuleF3, sbft.RuleS1, sbft.RuleS2,
		sbft.RuleC5, sbft.RuleV1, sbft.RuleV3, sbft.RuleW1, sbft.RuleW2, sbft.RuleW3, sbft.RuleW4, sbft.RuleW5, sbft.RuleW7, sbft.RuleW9, sbft.RuleB1} {
		require.Positive(t, total.rules[rule], "rule %s is never applied", rule)
	}
}

// replayAll counts every trace once: quint writes some twice.
func replayAll(t *testing.T, files []string) figures {
	var total figures
	seen := map[[sha256.Size]byte]bool{}
	for _, file := range files {
		played, err := readTrace(file)
		require.NoError(t, err, file)
		flat, err := json.Marshal(played)
		require.NoError(t, err)
		sum := sha256.Sum256(flat)
		if seen[sum] {
			continue
		}
		seen[sum] = true
		f, err := replay(played)
		require.NoError(t, err, file)
		total.add(f)
	}
	t.Logf("%d traces, %d steps, %d new views: %v; rules: %v", total.traces, total.steps, total.newViews, total.kinds, total.rules)
	return total
}
