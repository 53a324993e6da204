package wasm_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/module"
	"github.com/concordat-ledger/concordat/wasm/wasmtest"
	mt "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// The promise for any program is its gas limit times 10 ns. A machine that does other
// work is allowed three times that, in the best of three.
const (
	gasTime  = 10 * time.Nanosecond
	gasNoise = 3
)

// arguments for a function, small and as large as its limits allow; what is not here is
// given a pointer, a length and so on.
func floodArguments(o module.Offer) [][]int64 {
	known := map[string][][]int64{
		"call_read":  {{1024, 64}, {1024, 60000}},
		"output":     {{1024, 1}, {1024, 65536}},
		"get":        {{1024, 8, 2048, 64}, {1024, 256, 2048, 60000}},
		"fetch":      {{1024, 64}, {1024, 60000}},
		"put":        {{1024, 8, 2048, 8, 0, 0}, {1024, 256, 2048, 61440, 0, 0}},
		"del":        {{1024, 8}, {1024, 256}},
		"scan":       {{1024, 8, 2048, 8, 0}, {0, 0, 0, 0, 1}},
		"emit":       {{1024, 8, 2048, 8, 0, 0}, {1024, 64, 2048, 61440, 0, 0}},
		"invoke":     {{1024, 8, 2048, 0, 1000}, {1024, 256, 2048, 0, 1 << 40}},
		"crypto":     {{1, 1024, 8, 2048, 32}, {1, 0, 1 << 20, 2048, 32}, {2, 1024, 8, 2048, 32}, {99, 0, 0, 0, 0}},
		"log":        {{1, 1024, 8}, {1, 1024, 60000}},
		"random_get": {{1024, 8}, {1024, 1 << 20}},
		"fd_write":   {{1, 512, 1, 600}, {2, 512, 64, 600}},
	}
	if list, ok := known[o.Name]; ok && len(list[0]) == len(o.Params) {
		return list
	}
	args := make([]int64, len(o.Params))
	for i := range args {
		args[i] = []int64{1024, 8, 2048, 64}[i%4]
	}
	return [][]int64{args}
}

// A contract that does nothing but call one host function, over and over, uses its gas
// up in the time that this much gas may take.
func TestAFloodOfHostCallsEndsInTime(t *testing.T) {
	if testing.Short() {
		t.Skip("time is bounded without the race detector")
	}
	const gas = 30_000_000
	e := engine(t, wasm.Config{})
	for _, o := range module.Offers() {
		for _, args := range floodArguments(o) {
			b := mt.New()
			b.Pages = 32
			f := b.Import(o.Module, o.Name, o.Params, o.Results)
			var call [][]byte
			for i, a := range args {
				if o.Params[i] == mt.I64 {
					call = append(call, mt.I64Const(a))
				} else {
					call = append(call, i32(int32(a)))
				}
			}
			call = append(call, mt.CallFunc(f))
			for range o.Results {
				call = append(call, mt.Op(0x1a))
			}
			m := compile(t, e, b.Call(nil, mt.Op(0x03, 0x40), mt.Cat(call...), mt.Op(0x0c, 0x00, 0x0b), i32(0)).Bytes())
			best := time.Hour
			var last wasm.Outcome
			for range 3 {
				s := wasmtest.New()
				s.Values["k"] = make([]byte, 60000)
				begun := time.Now()
				last = s.Call(m, wasm.Call{Args: make([]byte, 50000)}, gas)
				if best = min(best, time.Since(begun)); best < gas*gasTime {
					break
				}
			}
			t.Logf("%-22s %v: %v, %.1f ns a unit of gas, %d used", o.Name, args, last.Status, float64(best)/float64(max(last.GasUsed, 1)), last.GasUsed)
			require.NotEqual(t, wasm.Halt, last.Status, "%s: %v", o.Name, last.Err)
			require.Less(t, best, gasNoise*gas*gasTime, "%s %v", o.Name, args)
		}
	}
}

// Whatever a call did before it traps, and wherever it traps, nothing of it remains: not
// in the state, and not in the instance, which then serves others.
func TestATrapAnywhereLeavesNothing(t *testing.T) {
	trap, forever := mt.Op(0x00), mt.Op(0x03, 0x40, 0x0c, 0x00, 0x0b)
	put := func(f uint32) []byte {
		return mt.Cat(i32(0), i32(4), i32(0), i32(4), i32(0), i32(0), mt.CallFunc(f), mt.Op(0x1a))
	}
	invoke := func(f uint32) []byte {
		return mt.Cat(i32(0), i32(5), i32(8), i32(0), mt.I64Const(1_000_000), mt.CallFunc(f), mt.Op(0x1a))
	}
	grow := mt.Cat(i32(3), mt.Op(0x40, 0x00, 0x1a))
	for name, c := range map[string]struct {
		body   func(putF, invokeF uint32) []byte
		status wasm.Status
	}{
		"before a put":        {func(p, _ uint32) []byte { return mt.Cat(trap, put(p)) }, wasm.Trapped},
		"after a put":         {func(p, _ uint32) []byte { return mt.Cat(put(p), trap) }, wasm.Trapped},
		"between two puts":    {func(p, _ uint32) []byte { return mt.Cat(put(p), trap, put(p)) }, wasm.Trapped},
		"after growing":       {func(p, _ uint32) []byte { return mt.Cat(put(p), grow, trap) }, wasm.Trapped},
		"in a call, then end": {func(p, v uint32) []byte { return mt.Cat(put(p), invoke(v)) }, wasm.OK},
		"after a call":        {func(p, v uint32) []byte { return mt.Cat(put(p), invoke(v), trap) }, wasm.Trapped},
		"out of gas":          {func(p, _ uint32) []byte { return mt.Cat(put(p), grow, forever) }, wasm.OutOfGas},
	} {
		t.Run(name, func(t *testing.T) {
			var first wasm.Outcome
			for i, cfg := range []wasm.Config{{}, {Interpreter: true}, {Portable: true}} {
				e := engine(t, cfg)
				inner := mt.New()
				innerPut := inner.ABI("put")
				other := compile(t, e, inner.Call(nil, put(innerPut), grow, trap).Bytes())
				b := mt.New()
				p, v := b.ABI("put"), b.ABI("invoke")
				b.Data = mt.DataAt(0, []byte("other"))
				m := compile(t, e, b.Call(nil, c.body(p, v), i32(0)).Bytes())
				for round := range 3 {
					s := wasmtest.New()
					s.Others = map[string]*wasm.Module{"other": other}
					o := s.Call(m, wasm.Call{}, 3_000_000)
					require.Equal(t, c.status, o.Status, "%s %v", o.Message, o.Err)
					if i+round == 0 {
						first = o
					}
					require.Equal(t, first, o, "engine %d, round %d", i, round)
					if c.status != wasm.OK {
						require.Empty(t, s.Values)
					}
				}
			}
		})
	}
	for _, at := range []string{"_initialize", "warm"} {
		b := mt.New()
		b.Export(at, 0, b.Func(nil, nil, nil, grow, i32(70000), i32(1), mt.Memory(0x36, 2, 0), trap))
		_, err := engine(t, wasm.Config{}).Compile(t.Context(), b.Call(nil, i32(0)).Bytes())
		var refusal *module.Refusal
		require.True(t, errors.As(err, &refusal), "%v", err)
		require.Equal(t, module.RuleInitialise, refusal.Rule)
	}
}
