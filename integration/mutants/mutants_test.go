package mutants

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

func (m *Mutant) path() string {
	if strings.Contains(m.File, "/") {
		return filepath.Join(root, m.File)
	}
	return filepath.Join(root, "actors/consensus/sbft", m.File)
}

// mutate returns the file's text with the change.
func (m *Mutant) mutate(t *testing.T) []byte {
	src, err := os.ReadFile(m.path())
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(src), m.Old), "the text of mutant %s stands once in %s", m.Name, m.File)
	return []byte(strings.Replace(string(src), m.Old, m.New, 1))
}

// TestEachMutantStillApplies keeps the list current.
func TestEachMutantStillApplies(t *testing.T) {
	require.GreaterOrEqual(t, len(All), 30)
	for _, m := range append(All, Unfound...) {
		m.mutate(t)
	}
}

// outcome is how a mutant was found.
type outcome struct {
	runs  int // of the simulator; 0: it did not find it
	what  string
	tests string // of the machine's own package that fail: pages, and the search over histories
}

// TestTheSimulatorFindsEveryMutant takes a quarter of an hour with CONCORDAT_MUTANTS=1,
// which gives the table of docs/consensus.md; with "quick" the tests of the machine's own
// package come first and the simulator gets what they do not see; or a mutant's name.
func TestTheSimulatorFindsEveryMutant(t *testing.T) {
	want := os.Getenv("CONCORDAT_MUTANTS")
	if want == "" {
		t.Skip("takes minutes; CONCORDAT_MUTANTS=1 runs it")
	}
	var runs []int
	quick := want == "quick"
	for _, m := range All {
		if want != "1" && !quick && want != m.Name {
			continue
		}
		var o outcome
		if quick { // the cheaper way first: enough to know that it is found
			o.tests = own(t, &m)
		}
		if o.tests == "" {
			o = search(t, &m)
		}
		found := fmt.Sprint(o.runs)
		if o.runs == 0 {
			found, o.runs = "–", 1<<30
			if o.tests == "" {
				o.tests = own(t, &m)
			}
			if o.tests == "" {
				t.Errorf("%s was not found", m.Name)
			}
		}
		fmt.Printf("| %s | %s | %s | %s |\n", m.Name, m.Why, found, o.what+o.tests)
		runs = append(runs, o.runs)
	}
	if quick {
		return
	}
	sort.Ints(runs)
	fmt.Printf("%d mutants, median %d runs\n", len(runs), runs[len(runs)/2])
	require.LessOrEqual(t, runs[len(runs)/2], 2000)
}

var found = regexp.MustCompile(`FOUND after (\d+) runs: (.*)`)

// runsMax is how long a mutant is looked for.
const runsMax = "1200"

// search builds the simulator over the mutant and runs it until something is wrong.
func search(t *testing.T, m *Mutant) outcome {
	dir, file := overlay(t, m)
	bin := filepath.Join(dir, "simulator.test")
	build := exec.Command("go", "test", "-c", "-overlay", file, "-o", bin, "./integration/simulator") // #nosec G204 -- our own paths
	build.Dir = root
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s does not build: %s", m.Name, out)
	run := exec.Command(bin, "-test.run=TestCampaign", "-sim.first", "-sim.runs="+runsMax, "-sim.time=4m", "-test.timeout=5m") // #nosec G204 -- our own paths
	run.Dir = filepath.Join(root, "integration/simulator")
	out, err = run.CombinedOutput()
	if err == nil {
		return outcome{}
	}
	if hit := found.FindSubmatch(out); hit != nil {
		runs, _ := strconv.Atoi(string(hit[1]))
		return outcome{runs: runs, what: short(string(hit[2]))}
	}
	if bytes.Contains(out, []byte("panic:")) || bytes.Contains(out, []byte("fatal error:")) {
		return outcome{runs: 1, what: "the process panics"}
	}
	t.Fatalf("%s: %s", m.Name, out)
	return outcome{}
}

var failing = regexp.MustCompile(`--- FAIL: (\w+)`)

// own runs the tests of the machine's package over a mutant and names one that fails.
func own(t *testing.T, m *Mutant) string {
	_, file := overlay(t, m)
	for _, which := range []string{"Page", "."} { // the pages take a moment, the searches longer
		// #nosec G204 -- our own paths
		run := exec.Command("go", "test", "-failfast", "-vet=off", "-overlay", file, "-run", which, "./actors/consensus/sbft")
		run.Dir = root
		out, err := run.CombinedOutput()
		if hit := failing.FindSubmatch(out); err != nil && hit != nil {
			return "found by " + string(hit[1])
		}
	}
	return ""
}

// overlay writes the mutated file and the go command's mapping to it.
func overlay(t *testing.T, m *Mutant) (dir, mapping string) {
	dir = t.TempDir()
	mutated := filepath.Join(dir, "mutant.go")
	require.NoError(t, os.WriteFile(mutated, m.mutate(t), 0o600))
	original, err := filepath.Abs(m.path())
	require.NoError(t, err)
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{original: mutated}})
	require.NoError(t, err)
	mapping = filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(mapping, replace, 0o600))
	return dir, mapping
}

func short(s string) string {
	if i := strings.Index(s, " s: "); i >= 0 {
		s = s[i+4:]
	}
	return s[:min(len(s), 90)]
}
