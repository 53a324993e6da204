package wasm_test

import (
	"context"
	"errors"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/module"
	mt "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// What judging one module may take. Time is that of the processor, for the machine does
// other work: the budget that the checker reckons with, times a factor for slower
// machines, and a second for what is no code. So a module takes 25 s at the very most.
const (
	judgeFactor   = 4
	judgeBeside   = time.Second
	judgeAllocMax = 1 << 30 // all that was allocated on the way
)

// processorTime is what this process has used.
func processorTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Every bomb is refused at once, or is compiled within what was reckoned for it.
func TestCompileBombsAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("time is bounded without the race detector")
	}
	e := engine(t, wasm.Config{})
	for _, bomb := range mt.Bombs() {
		t.Run(bomb.Name, func(t *testing.T) {
			best, allowed, allocated := time.Hour, judgeBeside, uint64(0)
			var err error
			for round := 0; round < 3 && best >= allowed; round++ {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				begun := processorTime(t)
				var m *wasm.Module
				m, err = e.Compile(context.Background(), bomb.Code)
				best = min(best, processorTime(t)-begun)
				runtime.ReadMemStats(&after)
				allocated = after.TotalAlloc - before.TotalAlloc
				if err == nil {
					allowed = judgeBeside + judgeFactor*time.Duration(m.Info().CompileCost)
					require.NoError(t, m.Close(context.Background()))
				}
			}
			t.Logf("%7d bytes: %8v of %8v, %4d MiB allocated: %v", len(bomb.Code), best.Round(time.Millisecond), allowed.Round(time.Millisecond), allocated>>20, err)
			require.Less(t, best, allowed)
			require.Less(t, allocated, uint64(judgeAllocMax))
			if err != nil {
				var refusal *module.Refusal
				require.True(t, errors.As(err, &refusal), "%v is no refusal", err)
			}
		})
	}
}
