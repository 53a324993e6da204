package corpus

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/wasm"
)

var (
	update  = flag.Bool("corpus.update", false, "write the expected lines anew")
	machine = flag.Bool("corpus.machine", false, "compare machine code alone with the expected lines, not the interpreter")
)

// programs is how many random modules the expected lines hold.
const programs = 224

// Hand-made and random modules leave the same lines in machine code and in the
// interpreter, and those are the expected ones.
func TestEveryEngineLeavesTheSameLines(t *testing.T) {
	compareAll(t, "expected.txt", slices.Concat(numeric(), accesses(), shapes(), limits(), randoms()))
}

// The same of the contracts in the tree, with the calls of their vectors. Their
// lines change with every change of the SDK; the others do not.
func TestContractsLeaveTheSameLines(t *testing.T) {
	compareAll(t, "contracts.txt", tokens(t))
}

func randoms() []entry {
	var out []entry
	for seed := range programs {
		out = append(out, randomEntry(uint64(seed)))
	}
	return out
}

func compareAll(t *testing.T, file string, entries []entry) {
	t.Helper()
	compiled, calls := lines(t, wasm.Config{}, entries)
	if !*machine {
		interpreted, _ := lines(t, wasm.Config{Interpreter: true}, entries)
		same(t, compiled, interpreted, "machine code", "the interpreter")
	}
	golden := filepath.Join("testdata", file)
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(strings.Join(compiled, "\n")+"\n"), 0o600))
	}
	have, err := os.ReadFile(golden)
	require.NoError(t, err)
	same(t, compiled, strings.Split(strings.TrimSpace(string(have)), "\n"), "the engines", file)
	t.Logf("%d modules, %d calls, %d lines", len(entries), calls, len(compiled))
}

func lines(t *testing.T, cfg wasm.Config, entries []entry) (out []string, calls int) {
	t.Helper()
	e := engine(t, cfg)
	for _, en := range entries {
		out = append(out, run(t, e, en)...)
		calls += len(en.calls)
	}
	slices.Sort(out)
	return out, calls
}

// same shows the first lines that differ.
func same(t *testing.T, a, b []string, nameA, nameB string) {
	t.Helper()
	require.Equal(t, len(a), len(b), "lines of %s and of %s", nameA, nameB)
	shown := 0
	for i := range a {
		if a[i] != b[i] {
			t.Errorf("%s: %s\n%s: %s", nameA, a[i], nameB, b[i])
			if shown++; shown == 10 {
				t.Fatal("and maybe more")
			}
		}
	}
}

// However often an instance was used and however those calls ended, a call is the
// same as the first of its kind.
func TestTheThousandthCallIsTheFirst(t *testing.T) {
	for _, cfg := range []wasm.Config{{Verify: true}, {Interpreter: true}, {Portable: true}} {
		en := reuse()
		en.fold = false
		first := map[string]string{}
		for _, line := range run(t, engine(t, cfg), en) {
			name, rest, _ := strings.Cut(line, " ")
			kind := name[len(name)-1:]
			if first[kind] == "" {
				first[kind] = rest
			}
			require.Equal(t, first[kind], rest, name)
		}
		require.Len(t, first, 5)
	}
}
