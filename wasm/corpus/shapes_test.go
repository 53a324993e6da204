package corpus

import (
	"fmt"

	"github.com/concordat-ledger/concordat/wasm/module"
	asm "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// shapes are programs about control, tables and memory as a whole.
func shapes() []entry {
	return []entry{bulk(false), bulk(true), growth(), indirect(), branches(), recursion(0), recursion(30), recursion(100), recursion(900), reuse()}
}

// finish outputs 64 bytes at 128.
func finish(output uint32) []byte {
	return asm.Cat(asm.I32Const(128), asm.I32Const(64), asm.CallFunc(output), asm.I32Const(0))
}

// bulk copies or fills, with overlaps in both directions and beyond the end.
func bulk(fill bool) entry {
	b := asm.New()
	b.Pages, b.MaxPages = 2, 2
	pattern := make([]byte, 4096)
	r := random{1}
	for i := range pattern {
		pattern[i] = byte(r.next())
	}
	b.Data = asm.DataAt(1024, pattern)
	read, output := reading(b)
	code, name := asm.Op(0xfc, 10, 0, 0), "bulk/copy"
	if fill {
		code, name = asm.Op(0xfc, 11, 0), "bulk/fill"
	}
	b.Call(nil, read, argument(asm.I32, 0), argument(asm.I32, 1), argument(asm.I32, 2), code, finish(output))
	en := entry{name: name, code: b.Bytes()}
	for _, c := range [][3]uint64{
		{1024, 1024, 4096}, {1025, 1024, 4095}, {1024, 1025, 4095}, {1040, 1024, 100}, {1024, 1040, 100}, {1056, 1024, 64}, {1087, 1024, 64},
		{5000, 1024, 1}, {5000, 1024, 0}, {131_072, 1024, 0}, {131_073, 1024, 0}, {1024, 131_072, 0}, {1024, 131_073, 0}, {131_071, 1024, 1},
		{131_071, 1024, 2}, {1024, 131_071, 2}, {0, 1 << 31, 8}, {1 << 31, 0, 8}, {0, 1, 1<<32 - 1}, {60_000, 1024, 70_000}, {1024, 60_000, 70_000},
	} {
		en.calls = append(en.calls, words(fmt.Sprintf("%d-%d-%d", c[0], c[1], c[2]), c[:]...))
	}
	return en
}

// growth grows twice and writes to the last byte.
func growth() entry {
	b := asm.New()
	read, output := reading(b)
	b.Call(nil, read,
		asm.I32Const(128), argument(asm.I32, 0), asm.Op(0x40, 0), store(asm.I32, 0),
		asm.I32Const(132), argument(asm.I32, 1), asm.Op(0x40, 0), store(asm.I32, 0),
		asm.I32Const(136), asm.Op(0x3f, 0), store(asm.I32, 0),
		asm.Op(0x3f, 0), asm.I32Const(16), asm.Op(0x74), asm.I32Const(1), asm.Op(0x6b), asm.I32Const(77), asm.Memory(0x3a, 0, 0),
		finish(output))
	en := entry{name: "growth", code: b.Bytes()}
	for _, c := range [][2]uint64{{0, 0}, {1, 1}, {62, 1}, {63, 1}, {64, 0}, {254, 1}, {255, 0}, {255, 1}, {256, 0}, {100, 156}, {1 << 16, 1}, {1 << 31, 0}, {1<<32 - 1, 0}, {1<<32 - 1, 1<<32 - 1}} {
		en.calls = append(en.calls, words(fmt.Sprintf("%d-%d", c[0], c[1]), c[:]...))
	}
	return en
}

// indirect calls entries of the right type, of others, an empty one, and none.
func indirect() entry {
	b := asm.New()
	read, output := reading(b)
	add := b.Func([]byte{asm.I32, asm.I32}, []byte{asm.I32}, nil, asm.Get(0), asm.Get(1), asm.Op(0x6a))
	mul := b.Func([]byte{asm.I32, asm.I32}, []byte{asm.I32}, nil, asm.Get(0), asm.Get(1), asm.Op(0x6c))
	other := b.Func([]byte{asm.I64}, []byte{asm.I32}, nil, asm.I32Const(1))
	none := b.Func(nil, nil, nil)
	float := b.Func([]byte{asm.F32, asm.I32}, []byte{asm.I32}, nil, asm.I32Const(2))
	b.TableMin = 8
	b.Elements = asm.ElementsAt(1, add, mul, other, none, float)
	b.Call(nil, read, asm.I32Const(128), argument(asm.I32, 1), argument(asm.I32, 2), argument(asm.I32, 0),
		asm.CallIndirect(b.Type([]byte{asm.I32, asm.I32}, []byte{asm.I32})), store(asm.I32, 0), finish(output))
	en := entry{name: "indirect", code: b.Bytes()}
	for _, i := range []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1 << 31, 1<<32 - 1} {
		en.calls = append(en.calls, words(fmt.Sprint(i), i, 7, 6))
	}
	return en
}

// branches is a br_table out of twenty blocks, each of which adds its number.
func branches() entry {
	b := asm.New()
	read, output := reading(b)
	const depth = 20
	body := read
	for range depth {
		body = append(body, 0x02, 0x40)
	}
	code := []byte{0x0e, depth - 1}
	for i := range depth {
		code = append(code, byte(i*7%depth))
	}
	body = asm.Cat(body, argument(asm.I32, 0), code)
	for i := range depth {
		body = asm.Cat(body, asm.Op(0x0b), asm.I32Const(128), asm.I32Const(128), load(asm.I32, 0), asm.I32Const(int32(1+i*i)), asm.Op(0x6a), store(asm.I32, 0))
	}
	b.Call(nil, body, finish(output))
	en := entry{name: "branches", code: b.Bytes()}
	for _, i := range []uint64{0, 1, 2, 3, 10, 18, 19, 20, 21, 1 << 31, 1<<32 - 1} {
		en.calls = append(en.calls, words(fmt.Sprint(i), i))
	}
	return en
}

// recursion goes down as often as it is told, with so many locals in each frame.
func recursion(locals int) entry {
	b := asm.New()
	read, output := reading(b)
	list := make([]byte, locals)
	for i := range list {
		list[i] = kinds[i%4]
	}
	self := output + 1
	down := b.Func([]byte{asm.I32}, []byte{asm.I32}, list,
		asm.Get(0), asm.Op(0x45, 0x04, asm.I32), asm.I32Const(1), asm.Op(0x05),
		asm.Get(0), asm.I32Const(1), asm.Op(0x6b), asm.CallFunc(self), asm.Get(0), asm.Op(0x6a, 0x0b))
	b.Call(nil, read, asm.I32Const(128), argument(asm.I32, 0), asm.CallFunc(down), store(asm.I32, 0), finish(output))
	en := entry{name: fmt.Sprintf("recursion/%d-locals", locals), code: b.Bytes()}
	for _, n := range []uint64{0, 1, 60, 69, 70, 71, 72, 73, 500, 600, 640, 650, 660, 1400, 1496, 1497, 1498, 1499, 1500, 1501, 2000, 1 << 20} {
		en.calls = append(en.calls, words(fmt.Sprint(n), n))
	}
	return en
}

// reuse is one instance over and over: a call leaves nothing to the next, however
// it ends, and the thousandth is the first.
func reuse() entry {
	b := asm.New()
	read, output := reading(b)
	fail := b.ABI("fail")
	g := b.Global(asm.I64, true, asm.I64Const(41))
	one := asm.Cat(
		asm.GlobalGet(g), asm.I64Const(1), asm.Op(0x7c), asm.GlobalSet(g),
		asm.I32Const(128), asm.I32Const(128), load(asm.I64, 0), asm.GlobalGet(g), asm.Op(0x7c), store(asm.I64, 0),
		asm.I32Const(1), asm.Op(0x40, 0, 0x1a))
	on := func(n int32, body ...[]byte) []byte {
		return asm.Cat(argument(asm.I32, 0), asm.I32Const(n), asm.Op(0x46, 0x04, 0x40), asm.Cat(body...), asm.Op(0x0b))
	}
	b.Call(nil, read, one,
		on(1, asm.Op(0x00)),
		on(2, asm.Op(0x03, 0x40), one, asm.Op(0x0c, 0x00, 0x0b)),
		on(3, asm.I32Const(9), asm.I32Const(0), asm.I32Const(8), asm.CallFunc(fail)),
		on(4, asm.I32Const(-1), load(asm.I32, 0), asm.Op(0x1a)),
		finish(output))
	en := entry{name: "reuse", code: b.Bytes(), fold: true}
	for round := range 1000 {
		kind := uint64(0)
		if round%2 == 1 && round < 999 {
			kind = uint64(round / 2 % 5)
		}
		name := fmt.Sprintf("%03d-%d", round, kind)
		c := words(name, kind)
		if kind == 2 {
			c.gas = 200_000
		}
		en.calls = append(en.calls, c)
	}
	return en
}

// limits run out of gas wherever one can: small programs with every limit from
// nothing to their cost, a long one around the slices in which gas is handed out.
func limits() []entry {
	small := entry{name: "limits/every", code: ladder(4, true), fold: true}
	for gas := range uint64(14_000) {
		if gas < 2_500 || gas%7 == 0 {
			small.calls = append(small.calls, call{gas: gas})
		}
	}
	long := entry{name: "limits/slices", code: ladder(60_000, false)}
	for n := uint64(1); n <= 3; n++ {
		for _, off := range []int{-1000, -20, -3, -2, -1, 0, 1, 2, 3, 20, 1000} {
			gas := n*module.GasSlice + uint64(off)
			long.calls = append(long.calls, call{name: fmt.Sprint(gas), gas: gas})
		}
	}
	long.calls = append(long.calls, call{name: "0", gas: 0}, call{name: "most", gas: 1<<64 - 1}, call{name: "half", gas: 1 << 63})
	return []entry{small, long}
}

// ladder loops over arithmetic, calls, growth, bulk instructions and maybe a host
// call, and stores how far it came.
func ladder(rounds int32, host bool) []byte {
	b := asm.New()
	b.Pages, b.MaxPages = 2, 9
	put, output := b.ABI("put"), b.ABI("output")
	leaf := b.Func([]byte{asm.I32}, []byte{asm.I32}, nil, asm.Get(0), asm.I32Const(3), asm.Op(0x70), asm.Op(0x04, asm.I32), asm.I32Const(5), asm.Op(0x05), asm.Get(0), asm.Op(0x69, 0x0b))
	write := asm.Op(0x01)
	if host {
		write = asm.Cat(asm.I32Const(128), asm.I32Const(4), asm.I32Const(64), asm.I32Const(80), asm.I32Const(0), asm.I32Const(0), asm.CallFunc(put), asm.Op(0x1a))
	}
	step := asm.Cat(
		asm.I32Const(128), asm.I32Const(128), load(asm.I32, 0), asm.Get(0), asm.CallFunc(leaf), asm.Op(0x6a), store(asm.I32, 0),
		asm.Get(0), asm.I32Const(2), asm.Op(0x46, 0x04, 0x40), write, asm.I32Const(1), asm.Op(0x40, 0, 0x1a, 0x0b),
		asm.I32Const(136), asm.I32Const(128), asm.I32Const(20), asm.Op(0xfc, 10, 0, 0))
	b.Call([]byte{asm.I32}, asm.I32Const(rounds), asm.Set(0), asm.Op(0x03, 0x40), step,
		asm.Get(0), asm.I32Const(1), asm.Op(0x6b), asm.Tee(0), asm.Op(0x0d, 0x00, 0x0b),
		asm.I32Const(128), asm.I32Const(64), asm.CallFunc(output), asm.I32Const(0))
	return b.Bytes()
}
