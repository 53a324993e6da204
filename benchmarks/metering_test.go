package benchmarks

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/concordat-ledger/concordat/contracts-sdk/build"
	"github.com/concordat-ledger/concordat/wasm/module"
)

// flagCost turns on what measures time, and so needs a machine that does little else.
var flagCost = flag.Bool("cost", false, "measure what metering costs, and gas against time")

// A program is an exported function with the argument that makes it run some 20 ms.
type program struct {
	name  string
	arg   uint64
	bound float64 // of the time with metering by the time without
}

// programsGo and programsRust are what is measured. Float-dense code pays for the one form of
// NaN; in a loop of three instructions the counter is most of the work, so it is reported only.
var (
	programsGo = []program{{"sha256", 20_000, 1.5}, {"fib", 27, 1.5}, {"sorting", 40_000, 1.5}, {"objects", 300, 1.5},
		{"maps", 150_000, 1.5}, {"mandelbrot", 250, 2}}
	programsRust = []program{{"sha256", 20_000, 1.5}, {"fib", 30, 1.5}, {"collatz", 100_000, 1.5}, {"numbers", 100_000, 1.5}, {"texts", 60_000, 0},
		{"mandelbrot", 250, 2}, {"sieve", 4_000_000, 0}}
)

// TestMeteringCosts runs each program with and without metering, in turns, in machine code.
func TestMeteringCosts(t *testing.T) {
	if !*flagCost {
		t.Skip("needs -cost and a quiet machine")
	}
	t.Run("Go", func(t *testing.T) { measurePrograms(t, goPrograms(t), programsGo) })
	t.Run("Rust", func(t *testing.T) { measurePrograms(t, rustPrograms(t), programsRust) })
}

const meteringRounds = 15

func measurePrograms(t *testing.T, code []byte, list []program) {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithMemoryLimitPages(module.MemoryPagesMax))
	defer func() { require.NoError(t, rt.Close(ctx)) }()
	wasi_snapshot_preview1.MustInstantiate(ctx, rt)
	metered, info, err := module.Instrument(code)
	require.NoError(t, err)
	plain, with := instantiate(t, rt, code), instantiate(t, rt, metered)
	t.Logf("%d bytes, %d with metering; %d points of charge", len(code), len(metered), info.ChargePoints)
	for _, p := range list {
		var ratios []float64
		var gas uint64
		for range meteringRounds {
			a, want := timed(t, plain, p)
			refill(with)
			b, have := timed(t, with, p)
			require.Equal(t, want, have, p.name)
			gas = spent(with)
			ratios = append(ratios, b.Seconds()/a.Seconds())
		}
		slices.Sort(ratios)
		middle := ratios[len(ratios)/2]
		t.Logf("%-12s %.2f (%.2f to %.2f), gas %d", p.name, middle, ratios[2], ratios[len(ratios)-3], gas)
		if p.bound > 0 {
			require.LessOrEqual(t, middle, p.bound, p.name)
		}
	}
}

func instantiate(t *testing.T, rt wazero.Runtime, code []byte) api.Module {
	t.Helper()
	ctx := context.Background()
	m, err := rt.InstantiateWithConfig(ctx, code, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	require.NoError(t, err)
	if m.ExportedGlobal(module.ExportBudget) != nil {
		refill(m)
	}
	if init := m.ExportedFunction(module.ExportInitialize); init != nil {
		_, err = init.Call(ctx)
		require.NoError(t, err)
	}
	return m
}

const plentyOfGas = 1 << 50

// refill hands out a slice, as a replica does, and puts the rest in reserve.
func refill(m api.Module) {
	set := func(name string, v uint64) { m.ExportedGlobal(name).(api.MutableGlobal).Set(v) }
	set(module.ExportBudget, uint64(module.NewBudget(module.GasSlice, module.StackSlots)))
	set(module.ExportReserve, plentyOfGas-module.GasSlice)
}

func spent(m api.Module) uint64 {
	return plentyOfGas - uint64(module.Budget(m.ExportedGlobal(module.ExportBudget).Get()).Gas()) - m.ExportedGlobal(module.ExportReserve).Get()
}

func timed(t *testing.T, m api.Module, p program) (time.Duration, uint64) {
	t.Helper()
	f := m.ExportedFunction(p.name)
	begin := time.Now()
	out, err := f.Call(context.Background(), p.arg)
	require.NoError(t, err)
	return time.Since(begin), out[0]
}

func goPrograms(t *testing.T) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "programs.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w -buildid=", "-o", out, ".")
	cmd.Dir = "testdata/programs-go"
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOWORK=off")
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, string(said))
	code, err := os.ReadFile(out)
	require.NoError(t, err)
	return code
}

func rustPrograms(t *testing.T) []byte {
	t.Helper()
	rustc, _, err := build.RustCompiler(t.Context())
	var missing *build.ToolchainError
	if errors.As(err, &missing) {
		t.Skip(missing.Error())
	}
	require.NoError(t, err)
	out := filepath.Join(t.TempDir(), "programs.wasm")
	cmd := exec.Command(rustc, "--target", "wasm32-unknown-unknown", "--edition", "2021", "-Copt-level=3", "-Ctarget-feature=+bulk-memory", "-Cpanic=abort", "-Cstrip=symbols", "-o", out, "lib.rs")
	cmd.Dir = "testdata/programs-rust"
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, string(said))
	code, err := os.ReadFile(out)
	require.NoError(t, err)
	return code
}
