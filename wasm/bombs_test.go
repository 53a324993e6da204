package wasm_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/module"
	mt "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// What judging one module may take, whatever is in it: on the machine of the
// measurement 4 s at most, and a factor for one that does other work.
const (
	judgeTimeMax  = 20 * time.Second
	judgeAllocMax = 1 << 30 // all that was allocated on the way; 345 MiB at most then
	refuseTimeMax = 2 * time.Second
)

// Every bomb is refused at once, or is compiled within the bound, in both engines' eyes
// the same.
func TestCompileBombsAreBounded(t *testing.T) {
	e := engine(t, wasm.Config{})
	for _, bomb := range mt.Bombs() {
		t.Run(bomb.Name, func(t *testing.T) {
			best, allocated := time.Hour, uint64(0)
			var err error
			for range 3 {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				begun := time.Now()
				var m *wasm.Module
				m, err = e.Compile(context.Background(), bomb.Code)
				best = min(best, time.Since(begun))
				runtime.ReadMemStats(&after)
				allocated = after.TotalAlloc - before.TotalAlloc
				if err == nil {
					require.NoError(t, m.Close(context.Background()))
				}
				if best < refuseTimeMax {
					break
				}
			}
			t.Logf("%7d bytes: %8v, %4d MiB allocated: %v", len(bomb.Code), best.Round(time.Millisecond), allocated>>20, err)
			require.Less(t, best, judgeTimeMax)
			require.Less(t, allocated, uint64(judgeAllocMax))
			if err != nil {
				var refusal *module.Refusal
				require.True(t, errors.As(err, &refusal), "%v is no refusal", err)
				require.Less(t, best, refuseTimeMax)
			}
		})
	}
}
