package model

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What the environment says about fresh traces.
const (
	envQuint   = "CONCORDAT_QUINT"         // path of the quint program; unset: only committed traces are replayed
	envSamples = "CONCORDAT_QUINT_SAMPLES" // traces of each instance; 40 when unset
	envSeed    = "CONCORDAT_QUINT_SEED"    // to repeat a run
)

// quintMost is far more than any call of quint takes on a machine that others use too.
const quintMost = 10 * time.Minute

// quint runs the program in this folder, where the model is.
func quint(t *testing.T, args ...string) string {
	ctx, cancel := context.WithTimeout(t.Context(), quintMost)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Getenv(envQuint), args...)
	// By default quint tries all picks again when one leads nowhere, in nested loops; the
	// model's picks nearly always lead somewhere, and without that it is 50 times faster.
	cmd.Env = append(os.Environ(), "QUINT_RETRY_NONDET_SMALLER_THAN=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "quint %v:\n%s", args, out)
	return string(out)
}

func needQuint(t *testing.T) {
	if os.Getenv(envQuint) == "" {
		t.Skipf("%s does not name the quint program: nothing fresh is made", envQuint)
	}
}

// New runs of the model, each checked against all of its invariants, are runs of the
// machine as well.
func TestTheMachineFollowsFreshTraces(t *testing.T) {
	needQuint(t)
	samples, seed := 40, rand.Uint64()>>12 // #nosec G404 -- chance with a printed seed
	if text := os.Getenv(envSamples); text != "" {
		var err error
		samples, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	if text := os.Getenv(envSeed); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 0, 64)
		require.NoError(t, err)
	}
	for _, instance := range []string{"n4", "n6"} {
		t.Run(instance, func(t *testing.T) {
			t.Logf("%s=%#x", envSeed, seed)
			folder := t.TempDir()
			quint(t, "run", "instances.qnt", "--backend=typescript", "--verbosity=1", "--main="+instance, "--invariant=safe", "--max-steps=24",
				fmt.Sprintf("--seed=%#x", seed), fmt.Sprint("--max-samples=", 2*samples), fmt.Sprint("--n-traces=", 2*samples),
				"--out-itf="+filepath.Join(folder, "{seq}.itf.json"))
			files, err := filepath.Glob(filepath.Join(folder, "*.itf.json"))
			require.NoError(t, err)
			total := replayAll(t, files)
			require.Greater(t, total.traces, samples/2)
			require.Positive(t, total.newViews)
		})
	}
}

// The schedules written beside the instances: the sound ones survive them, each of the
// others breaks.
func TestTheSchedulesOfTheInstances(t *testing.T) {
	needQuint(t)
	for _, file := range []string{"instances.qnt", "broken.qnt"} {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		modules := regexp.MustCompile(`(?ms)^module (\w+) \{.*?^\}`).FindAllSubmatch(source, -1)
		require.NotEmpty(t, modules)
		for _, m := range modules {
			runs := len(regexp.MustCompile(`(?m)^  run \w+Test =`).FindAll(m[0], -1))
			if runs == 0 {
				continue // f + 1 liars are for chance
			}
			t.Run(string(m[1]), func(t *testing.T) {
				t.Parallel() // a process each
				out := quint(t, "test", file, "--backend=typescript", "--main="+string(m[1]), "--max-samples=1")
				require.Contains(t, out, fmt.Sprintf("%d passing", runs))
			})
		}
	}
}

// Chance alone finds that f + 1 liars break agreement: what finds nothing elsewhere
// would find something.
func TestLiarsBeyondTheBudgetAreFoundByChance(t *testing.T) {
	needQuint(t)
	for _, instance := range []string{"liars4", "liars6"} {
		out := quint(t, "run", "broken.qnt", "--backend=typescript", "--verbosity=1", "--main="+instance, "--max-samples=300",
			"--max-steps=24", "--witnesses", "disagreed")
		require.NotContains(t, out, "disagreed was witnessed in 0", out)
		require.Contains(t, out, "disagreed was witnessed in", out)
	}
}
