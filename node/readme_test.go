package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/contracts-sdk/build"
)

// The README's tutorial works as written: every block marked sh runs, in order, and
// its output holds what its lines "#> " promise.
func TestTheTutorial(t *testing.T) {
	w := newWorkshop(t)
	sdk, err := filepath.Abs("../contracts-sdk")
	require.NoError(t, err)
	require.NoError(t, os.Symlink(sdk, filepath.Join(w.dir, "contracts-sdk")))
	blocks := shellBlocks(t, "../README.md")
	require.GreaterOrEqual(t, len(blocks), 5)
	for _, block := range blocks {
		w.run(t, block)
	}
}

// firstTransaction is the longest time from `contract new` to a contract's first
// transactions, in Go.
const firstTransaction = time.Minute

// The guide for contract authors does too, with every registry out of reach.
func TestTheTutorialForContractAuthors(t *testing.T) {
	w := newWorkshop(t)
	w.env = append(w.env, "GOPROXY=off", "CARGO_NET_OFFLINE=true")
	_, _, noRust := build.RustCompiler(t.Context())
	ran := 0
	for _, block := range shellBlocks(t, "../docs/contracts.md") {
		if strings.Contains(block, "--lang rust") && noRust != nil {
			t.Log("not run, for there is no Rust compiler with the target:", block)
			continue
		}
		start := time.Now()
		w.run(t, block)
		if strings.Contains(block, "contract new") && strings.Contains(block, "--lang go") {
			t.Log("from new to the first transactions:", time.Since(start).Round(time.Millisecond))
			require.Less(t, time.Since(start), firstTransaction)
			ran++
		}
	}
	require.Equal(t, 1, ran)
}

// workshop is a folder with the program and a running ledger.
type workshop struct {
	dir string
	env []string
}

func newWorkshop(t *testing.T) *workshop {
	if testing.Short() {
		t.Skip("all four replicas compile a module of 2 MB, which takes minutes under the race detector")
	}
	n := network(t)
	work := t.TempDir()
	binary := filepath.Join(work, "bin", "concordat")
	out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, os.Symlink(n.Dir, filepath.Join(work, "ledger")))
	return &workshop{work, append(os.Environ(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"),
		"CONCORDAT_URL="+n.URLs[0], "CONCORDAT_DIR="+filepath.Join(work, "ledger"), "CONCORDAT_CONFIG="+filepath.Join(work, "contexts.yaml"))}
}

// shellBlocks are the blocks of a page that are marked sh.
func shellBlocks(t *testing.T, page string) []string {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	var blocks []string
	for _, block := range strings.Split(string(text), "\n```sh\n")[1:] {
		script, _, ok := strings.Cut(block, "\n```")
		require.True(t, ok)
		blocks = append(blocks, script)
	}
	return blocks
}

// run runs a block and looks for what it promises.
func (w *workshop) run(t *testing.T, script string) {
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = w.dir, w.env
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
