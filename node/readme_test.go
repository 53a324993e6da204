package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The README's tutorial works as written: every block marked sh runs, in order, and
// its output holds what its lines "#> " promise.
func TestTheTutorial(t *testing.T) {
	if testing.Short() {
		t.Skip("all four replicas compile a module of 2 MB, which takes minutes under the race detector")
	}
	n := network(t)
	work := t.TempDir()
	binary := filepath.Join(work, "bin", "concordat")
	out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	sdk, err := filepath.Abs("../contracts-sdk")
	require.NoError(t, err)
	require.NoError(t, os.Symlink(sdk, filepath.Join(work, "contracts-sdk")))
	require.NoError(t, os.Symlink(n.Dir, filepath.Join(work, "ledger")))
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	blocks := strings.Split(string(readme), "\n```sh\n")[1:]
	require.GreaterOrEqual(t, len(blocks), 5)
	for _, block := range blocks {
		script, _, ok := strings.Cut(block, "\n```")
		require.True(t, ok)
		cmd := exec.Command("bash", "-euo", "pipefail", "-c", script)
		cmd.Dir = work
		cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"),
			"CONCORDAT_URL="+n.URLs[0], "CONCORDAT_DIR=./ledger", "CONCORDAT_CONFIG="+filepath.Join(work, "contexts.yaml"))
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s\n%s", script, out)
		promises := 0
		for _, line := range strings.Split(script, "\n") {
			if promise, ok := strings.CutPrefix(line, "#> "); ok {
				require.Contains(t, string(out), promise, script)
				promises++
			}
		}
		require.Positive(t, promises, "a block that promises nothing: %s", script)
	}
}
