package benchmarks

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/wasmtest"
	asm "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// Gas stands for time: NominalGas a microsecond. Compute and sequential memory must stay within a
// factor of four of it on the machine that measures; random access to memory may be slower, down
// to the promise that holds for any program, 40 ns a gas.
const (
	nominalGas = 10_000 // a microsecond
	gasFactor  = 4
	leastGas   = 25 // a microsecond
)

// A work is a loop whose body is repeated; locals: 0 the counter, 1 and 2 i32, 3 and 4 i64, 5 and
// 6 f32, 7 and 8 f64.
type work struct {
	name   string
	body   []byte
	repeat int // bodies in a round of the loop; 0: 32
	pages  uint32
	ring   int  // bytes from 0 that hold a cycle of pointers
	random bool // jumps about in memory
	extra  func(b *asm.Builder) []byte
}

var workLocals = []byte{asm.I32, asm.I32, asm.I32, asm.I64, asm.I64, asm.F32, asm.F32, asm.F64, asm.F64}

// twice applies a binary instruction to a pair of locals and keeps the result in the first.
func twice(a, b uint32, op byte) []byte {
	return asm.Cat(asm.Get(a), asm.Get(b), asm.Op(op), asm.Set(a))
}

func once(a uint32, op byte) []byte { return asm.Cat(asm.Get(a), asm.Op(op), asm.Set(a)) }

func works() []work {
	list := []work{
		{name: "i32.add", body: twice(1, 2, 0x6a)}, {name: "i64.add", body: twice(3, 4, 0x7c)}, {name: "i64.xor", body: twice(3, 4, 0x85)},
		{name: "i64.rotl", body: twice(3, 4, 0x89)}, {name: "i32.mul", body: twice(1, 2, 0x6c)}, {name: "i64.mul", body: twice(3, 4, 0x7e)},
		{name: "i64.div_u", body: twice(3, 4, 0x80)}, {name: "i64.rem_s", body: asm.Cat(asm.Get(3), asm.I64Const(-1), asm.Op(0x85), asm.Set(3), twice(3, 4, 0x81))},
		{name: "i32.popcnt", body: once(1, 0x69)}, {name: "i64.popcnt", body: once(3, 0x7b)}, {name: "i64.clz", body: once(3, 0x79)},
		{name: "f64.add", body: twice(7, 8, 0xa0)}, {name: "f64.mul", body: twice(7, 8, 0xa2)}, {name: "f64.div", body: twice(7, 8, 0xa3)},
		{name: "f64.sqrt", body: once(7, 0x9f)}, {name: "f64.min", body: twice(7, 8, 0xa4)}, {name: "f64.nearest", body: once(7, 0x9e)},
		{name: "f32.add", body: twice(5, 6, 0x92)}, {name: "f32.sqrt", body: once(5, 0x91)},
		{name: "f64.convert_i64_s, f64.add", body: asm.Cat(asm.Get(3), asm.Op(0xb9), asm.Get(7), asm.Op(0xa0), asm.Set(7))},
		{name: "i64.trunc_sat_f64_s, f64.add", body: asm.Cat(twice(7, 8, 0xa0), asm.Get(7), asm.Op(0xfc, 6), asm.Get(3), asm.Op(0x7c), asm.Set(3))},
		{name: "f64.lt, f64.add, i32.add", body: asm.Cat(twice(7, 8, 0xa0), asm.Get(7), asm.Get(8), asm.Op(0x63), asm.Get(1), asm.Op(0x6a), asm.Set(1))},
		{name: "select", body: asm.Cat(asm.Get(3), asm.Get(4), asm.Get(0), asm.Op(0x1b), asm.Set(3))},
		{name: "if", body: asm.Cat(asm.Get(0), asm.Op(0x04, 0x40), twice(1, 2, 0x6a), asm.Op(0x05), twice(2, 1, 0x6a), asm.Op(0x0b)), repeat: 8},
		{name: "empty loop", body: nil, repeat: 1},
	}
	list = append(list, memoryWorks()...)
	return append(list, callWorks()...)
}

// memoryWorks read and write one place after the other, in bulk, and from where the last read
// points to.
func memoryWorks() []work {
	next := func(op byte) []byte { // at 1, which goes on by 8 within 32 KiB
		return asm.Cat(asm.Get(1), asm.Memory(op, 3, 0), asm.Set(3), asm.Get(1), asm.I32Const(8), asm.Op(0x6a), asm.I32Const(32760), asm.Op(0x71), asm.Set(1))
	}
	list := []work{
		{name: "sequential load", body: next(0x29)},
		{name: "sequential store", body: asm.Cat(asm.Get(1), asm.Get(3), asm.Memory(0x37, 3, 0), asm.Get(1), asm.I32Const(8), asm.Op(0x6a), asm.I32Const(32760), asm.Op(0x71), asm.Set(1))},
		{name: "memory.copy of 8", body: asm.Cat(asm.I32Const(0), asm.I32Const(4096), asm.I32Const(8), asm.Op(0xfc, 10, 0, 0))},
		{name: "memory.copy of 1 KiB", body: asm.Cat(asm.I32Const(0), asm.I32Const(4096), asm.I32Const(1024), asm.Op(0xfc, 10, 0, 0))},
		{name: "memory.copy of 64 KiB", body: asm.Cat(asm.I32Const(0), asm.I32Const(65536), asm.I32Const(65536), asm.Op(0xfc, 10, 0, 0)), pages: 2},
		{name: "memory.copy of 4 MiB", body: asm.Cat(asm.I32Const(0), asm.I32Const(4<<20), asm.I32Const(4<<20), asm.Op(0xfc, 10, 0, 0)), pages: 128, repeat: 1},
		{name: "memory.fill of 1 KiB", body: asm.Cat(asm.I32Const(0), asm.I32Const(1), asm.I32Const(1024), asm.Op(0xfc, 11, 0))},
		{name: "memory.fill of 8 MiB", body: asm.Cat(asm.I32Const(0), asm.I32Const(1), asm.I32Const(8<<20), asm.Op(0xfc, 11, 0)), pages: 128, repeat: 1},
		{name: "memory.size, i32.add", body: asm.Cat(asm.Op(0x3f, 0), asm.Get(1), asm.Op(0x6a), asm.Set(1))},
		{name: "memory.grow of 0", body: asm.Cat(asm.I32Const(0), asm.Op(0x40, 0), asm.Set(1))},
	}
	chase := asm.Cat(asm.Get(1), asm.Memory(0x28, 2, 0), asm.Set(1))
	for _, kib := range []int{32, 1024, 4096, 12 * 1024} {
		list = append(list, work{name: fmt.Sprintf("chase in %d KiB", kib), body: chase, pages: uint32(kib/64) + 1, ring: kib << 10, random: kib > 32})
	}
	return list
}

// ring is a function that writes a cycle of pointers, one in each of so many lines of 64 bytes:
// from line i to (5 i + 12345) modulo their number, a power of two, or three times one.
func ring(b *asm.Builder, lines int) uint32 {
	step := int32(5)
	if lines%3 == 0 {
		step = 13 // one more than a multiple of each prime of the number, and of four
	}
	return b.Func(nil, nil, []byte{asm.I32}, asm.Op(0x03, 0x40),
		asm.Get(0), asm.I32Const(64), asm.Op(0x6c),
		asm.Get(0), asm.I32Const(step), asm.Op(0x6c), asm.I32Const(12345), asm.Op(0x6a), asm.I32Const(int32(lines)), asm.Op(0x70), asm.I32Const(64), asm.Op(0x6c),
		asm.Memory(0x36, 2, 0),
		asm.Get(0), asm.I32Const(1), asm.Op(0x6a), asm.Tee(0), asm.I32Const(int32(lines)), asm.Op(0x49), asm.Op(0x0d, 0), asm.Op(0x0b))
}

func callWorks() []work {
	return []work{
		{name: "call", extra: func(b *asm.Builder) []byte {
			return asm.CallFunc(b.Func(nil, nil, nil))
		}},
		{name: "call with 8 locals", extra: func(b *asm.Builder) []byte {
			f := b.Func([]byte{asm.I64}, []byte{asm.I64}, []byte{asm.I64, asm.I64, asm.I64, asm.I64, asm.I64, asm.I64, asm.I64}, asm.Get(0), asm.I64Const(1), asm.Op(0x7c), asm.Tee(3), asm.Get(0), asm.Op(0x7c))
			return asm.Cat(asm.Get(3), asm.CallFunc(f), asm.Set(3))
		}},
		{name: "call_indirect", extra: func(b *asm.Builder) []byte {
			f := b.Func(nil, nil, nil)
			b.TableMin, b.Elements = 1, asm.Cat([]byte{1, 0}, asm.I32Const(0), []byte{0x0b, 1, byte(f)})
			return asm.Cat(asm.I32Const(0), asm.Op(0x11, byte(b.Type(nil, nil)), 0))
		}},
		{name: "host call: output of 0", repeat: 8, extra: func(b *asm.Builder) []byte {
			return asm.Cat(asm.I32Const(0), asm.I32Const(0), asm.CallFunc(b.ABI("output")))
		}},
		{name: "host call: get of nothing", repeat: 8, extra: func(b *asm.Builder) []byte {
			return asm.Cat(asm.I32Const(0), asm.I32Const(8), asm.I32Const(64), asm.I32Const(64), asm.CallFunc(b.ABI("get")), asm.Op(0x1a))
		}},
		{name: "host call: fetch of 32 KiB", repeat: 8, pages: 2, extra: func(b *asm.Builder) []byte { // out of what call_read left: nothing; the price is of a crossing
			return asm.Cat(asm.I32Const(0), asm.I32Const(32<<10), asm.CallFunc(b.ABI("fetch")), asm.Op(0x1a))
		}},
		{name: "host call: sha256 of 64", repeat: 8, extra: func(b *asm.Builder) []byte {
			return asm.Cat(asm.I32Const(1), asm.I32Const(0), asm.I32Const(64), asm.I32Const(64), asm.I32Const(32), asm.CallFunc(b.ABI("crypto")), asm.Op(0x1a))
		}},
		{name: "host call: sha256 of 32 KiB", repeat: 1, extra: func(b *asm.Builder) []byte {
			return asm.Cat(asm.I32Const(1), asm.I32Const(0), asm.I32Const(32<<10), asm.I32Const(0), asm.I32Const(32), asm.CallFunc(b.ABI("crypto")), asm.Op(0x1a))
		}},
		{name: "host call: log of 64", repeat: 8, extra: func(b *asm.Builder) []byte {
			return asm.Cat(asm.I32Const(0), asm.I32Const(0), asm.I32Const(64), asm.CallFunc(b.ABI("log")))
		}},
	}
}

// code is the work in a loop that ends when the gas does.
func (w *work) code() []byte {
	b := asm.New()
	b.Pages = max(w.pages, 1)
	body := w.body
	if w.extra != nil {
		body = w.extra(b)
	}
	if w.ring > 0 {
		b.Export("_initialize", 0, ring(b, w.ring/64))
	}
	repeat := w.repeat
	if repeat == 0 {
		repeat = 32
	}
	var all []byte
	for range repeat {
		all = append(all, body...)
	}
	return b.Call(workLocals, asm.I32Const(12345), asm.Set(2), asm.I64Const(987654321), asm.Set(3), asm.I64Const(7), asm.Set(4),
		asm.F32Const(1.5), asm.Set(5), asm.F32Const(1.0001), asm.Set(6), asm.F64Const(1.5), asm.Set(7), asm.F64Const(1.0001), asm.Set(8),
		asm.Op(0x03, 0x40), all, asm.Op(0x0c, 0), asm.Op(0x0b), asm.I32Const(0)).Bytes()
}

// TestGasStandsForTime runs each work until its gas is used up.
func TestGasStandsForTime(t *testing.T) {
	if !*flagCost {
		t.Skip("needs -cost and a quiet machine")
	}
	e, err := wasm.New(t.Context(), wasm.Config{})
	require.NoError(t, err)
	defer func() { require.NoError(t, e.Close(t.Context())) }()
	for _, w := range works() {
		m, err := e.Compile(t.Context(), w.code())
		require.NoError(t, err, w.name)
		rate := gasRate(t, m)
		t.Logf("%-28s %7.0f gas/µs, %.2f of nominal", w.name, rate, rate/nominalGas)
		least := float64(nominalGas) / gasFactor
		if w.random {
			least = leastGas
		}
		if rate < least || rate > nominalGas*gasFactor {
			t.Errorf("%s: %.0f gas a microsecond", w.name, rate)
		}
		require.NoError(t, m.Close(t.Context()))
	}
}

// gasRate is the median gas of a microsecond over several calls of some 10 ms.
func gasRate(t *testing.T, m *wasm.Module) float64 {
	t.Helper()
	const gas = 50_000_000
	s := wasmtest.New()
	var rates []float64
	for range 7 {
		begin := time.Now()
		o := s.Call(m, wasm.Call{}, gas)
		took := time.Since(begin)
		require.Equal(t, wasm.OutOfGas, o.Status, o.Message)
		rates = append(rates, gas/(took.Seconds()*1e6))
	}
	slices.Sort(rates)
	return rates[len(rates)/2]
}
