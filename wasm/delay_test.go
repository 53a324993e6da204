package wasm_test

import (
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/wasmtest"
	mt "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// loops are contracts that run until their gas is used up, each slow in its own way.
func loops() map[string][]byte {
	forever := func(body ...[]byte) []byte {
		return mt.Cat(mt.Op(0x03, 0x40), mt.Cat(body...), mt.Op(0x0c, 0x00, 0x0b))
	}
	compute := mt.New().Call([]byte{mt.I64}, forever(mt.Get(0), mt.I64Const(6364136223846793005), mt.Op(0x7e), mt.I64Const(1442695040888963407), mt.Op(0x7c), mt.Set(0)), i32(0))
	fill := mt.New()
	fill.Pages = 256
	fill.Call(nil, forever(i32(0), i32(1), i32(256<<16), mt.Op(0xfc, 11, 0x00)), i32(0))
	copies := mt.New()
	copies.Pages = 256
	copies.Call(nil, forever(i32(128<<16), i32(0), i32(128<<16), mt.Op(0xfc, 10, 0x00, 0x00)), i32(0))
	flood := mt.New()
	get := flood.ABI("get")
	flood.Call(nil, forever(i32(0), i32(8), i32(16), i32(8), mt.CallFunc(get), mt.Op(0x1a)), i32(0))
	// Each load's address depends on the load before: a walk through 16 MiB whose pages
	// and lines no cache foresees.
	chase := mt.New()
	chase.Pages = 256
	next := mt.Cat(mt.Get(0), i32(1664525), mt.Op(0x6c), i32(1013904223), mt.Op(0x6a), mt.Get(0), i32(0x00fffff8), mt.Op(0x71), mt.Memory(0x28, 2, 0), mt.Op(0x6a), mt.Set(0))
	chase.Call([]byte{mt.I32}, forever(slices.Repeat(next, 8)), i32(0))
	stores := mt.New()
	stores.Pages = 256
	stores.Call([]byte{mt.I32}, forever(mt.Get(0), i32(0x00fffff8), mt.Op(0x71), mt.Get(0), mt.Memory(0x36, 2, 0), mt.Get(0), i32(0x40c1), mt.Op(0x6a), mt.Set(0)), i32(0))
	deep := mt.New()
	self := uint32(0)
	deep.Func([]byte{mt.I32}, nil, nil, mt.Get(0), mt.Op(0x04, 0x40), mt.Get(0), i32(1), mt.Op(0x6b), mt.CallFunc(self), mt.Op(0x0b))
	deep.Call(nil, forever(i32(1000), mt.CallFunc(self)), i32(0))
	return map[string][]byte{"compute": compute.Bytes(), "fill 16 MB": fill.Bytes(), "copy 8 MB": copies.Bytes(), "host calls": flood.Bytes(),
		"pointer chasing": chase.Bytes(), "scattered stores": stores.Bytes(), "deep calls": deep.Bytes()}
}

// delayMax is how long a call may hold up the rest of the process.
const delayMax = 5 * time.Millisecond

// A call that runs for about a second holds up neither a garbage collection, which stops
// every thread, nor another goroutine. Machine code cannot be preempted; the slices of
// gas are what lets go. The median of the collections is compared, in the best of
// eight rounds: the machine does other work meanwhile.
func TestALongCallDelaysNobody(t *testing.T) {
	if testing.Short() {
		t.Skip("time is bounded without the race detector")
	}
	if runtime.GOMAXPROCS(0) < 2 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	e := engine(t, wasm.Config{})
	var idle []time.Duration // what a collection takes while nothing runs
	for range 101 {
		at := time.Now()
		runtime.GC()
		idle = append(idle, time.Since(at))
	}
	t.Logf("without a call: median %v, longest %v", middle(idle), slices.Max(idle))
	for name, code := range loops() {
		t.Run(name, func(t *testing.T) {
			m := compile(t, e, code)
			gas := uint64(20_000_000)
			begun := time.Now()
			wasmtest.New().Call(m, wasm.Call{}, gas)
			gas = uint64(float64(gas) * float64(time.Second) / float64(time.Since(begun)))
			best := time.Hour
			for range 8 {
				collections, ticks, took := delays(t, m, gas)
				t.Logf("a call of %v: %d collections, median %v, longest %v; %d ticks, median %v late, longest %v", took.Round(time.Millisecond),
					len(collections), middle(collections), slices.Max(collections), len(ticks), middle(ticks), slices.Max(ticks))
				if best = min(best, max(middle(collections)-middle(idle), middle(ticks))); best < delayMax {
					break
				}
			}
			require.Less(t, best, delayMax)
		})
	}
}

func middle(list []time.Duration) time.Duration {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

// delays measures, while a call runs, how long collections take and how late ticks are.
func delays(t *testing.T, m *wasm.Module, gas uint64) (collections, ticks []time.Duration, took time.Duration) {
	begun, done, ticked := time.Now(), make(chan wasm.Outcome, 1), make(chan struct{})
	go func() { done <- wasmtest.New().Call(m, wasm.Call{}, gas) }()
	stop := make(chan struct{})
	go func() {
		defer close(ticked)
		for {
			due := time.Now().Add(time.Millisecond)
			select {
			case <-stop:
				return
			case <-time.After(time.Until(due)):
				ticks = append(ticks, max(0, time.Since(due)))
			}
		}
	}()
	for {
		select {
		case o := <-done:
			took = time.Since(begun)
			close(stop)
			<-ticked
			require.Equal(t, wasm.OutOfGas, o.Status, "%v %v", o.Message, o.Err)
			require.NotEmpty(t, collections)
			require.NotEmpty(t, ticks)
			return collections, ticks, took
		default:
		}
		at := time.Now()
		runtime.GC()
		collections = append(collections, time.Since(at))
	}
}
