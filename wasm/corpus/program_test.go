package corpus

import (
	"context"
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/contracts-sdk/build"
	"github.com/concordat-ledger/concordat/wasm"
)

var keep = flag.String("corpus.program", "", "a folder in which the built Go program and its lines are kept for another processor, or found")

// A contract that the standard Go compiler made, with garbage collection, maps,
// goroutines, panics and floating point, leaves the same lines in every engine.
// Which lines hangs on the compiler's version, so they are not checked in: one
// processor keeps them in a folder and the next compares.
func TestAGoProgramLeavesTheSameLines(t *testing.T) {
	code, want := goProgram(t)
	en := programEntry(code)
	compiled, calls := lines(t, wasm.Config{}, []entry{en})
	if want == nil {
		want, _ = lines(t, wasm.Config{Interpreter: true}, []entry{en})
	}
	same(t, compiled, want, "machine code", "the interpreter")
	require.Len(t, compiled, calls)
	ok := 0
	for _, l := range compiled {
		if strings.Contains(l, " ok ") {
			ok++
		}
	}
	require.Greater(t, ok, 2*len(compiled)/3, "most methods succeed:\n%s", strings.Join(compiled, "\n"))
	if *keep != "" {
		require.NoError(t, os.WriteFile(filepath.Join(*keep, "program.wasm"), code, 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(*keep, "program.txt"), []byte(strings.Join(compiled, "\n")), 0o600))
	}
	t.Logf("%d bytes, %d calls, %d succeed", len(code), calls, ok)
}

// goProgram builds it, or finds it with its lines.
func goProgram(t *testing.T) (code []byte, want []string) {
	t.Helper()
	if *keep != "" {
		if text, err := os.ReadFile(filepath.Join(*keep, "program.txt")); err == nil {
			code, err := os.ReadFile(filepath.Join(*keep, "program.wasm"))
			require.NoError(t, err)
			return code, strings.Split(string(text), "\n")
		}
	}
	b, err := build.Contract(context.Background(), "testdata/program", "")
	require.NoError(t, err)
	return b.Code, nil
}

func programEntry(code []byte) entry {
	en := entry{name: "program", code: code}
	for _, c := range []struct {
		method string
		sizes  []uint64
	}{
		{"garbage", []uint64{1, 10}}, {"maps", []uint64{10, 500}}, {"goroutines", []uint64{1, 12}}, {"recover", []uint64{3}}, {"nilmap", []uint64{3}},
		{"deadlock", []uint64{0}}, {"math", []uint64{2, 20}}, {"floats", []uint64{1, 50}}, {"sort", []uint64{20, 100}}, {"sha256", []uint64{0, 5000}},
		{"big", []uint64{5, 60}}, {"bits", []uint64{10, 500}}, {"clock", []uint64{0, 50}}, {"random", []uint64{1, 40}}, {"deep", []uint64{10, 300}},
		{"huge", []uint64{1, 3, 100}}, {"format", []uint64{7}}, {"strings", []uint64{3, 60}}, {"bounds", []uint64{1, 3}}, {"divide", []uint64{0, 7}},
		{"goroutines", []uint64{1, 12}}, {"maps", []uint64{10}},
	} {
		for _, n := range c.sizes {
			en.calls = append(en.calls, call{
				Call: wasm.Call{Method: c.method, Args: binary.LittleEndian.AppendUint64(nil, n), Time: 1_700_000_000_000_000_000, Self: "program"},
				name: strconv.Itoa(len(en.calls)) + "-" + c.method, gas: 100_000_000,
			})
		}
	}
	return en
}
