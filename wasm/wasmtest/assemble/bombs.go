package assemble

import (
	"bytes"
	"strings"
)

// Bomb is a module that is small to send and meant to be expensive to judge.
type Bomb struct {
	Name string
	Code []byte
}

func times(n int, piece ...[]byte) []byte { return bytes.Repeat(Cat(piece...), n) }

// uncalled is a module with so many functions of the same body, none of which is called.
func uncalled(functions int, locals []byte, body []byte) []byte {
	b := New()
	b.TableMin = 1
	for range functions {
		b.Func([]byte{I32}, nil, locals, body)
	}
	return b.Call(nil, I32Const(0)).Bytes()
}

// Bombs are modules at the limits of what is accepted, and beyond.
func Bombs() []Bomb {
	nop, drop, end := Op(0x01), Op(0x1a), Op(0x0b)
	cond := Cat(Get(0), Op(0x04, 0x40), end)
	manyLocals := bytes.Repeat([]byte{I64}, 1000)
	table := func(labels int) []byte {
		return Cat(Op(0x02, 0x40), Get(0), Op(0x0e), u(uint64(labels)), make([]byte, labels+1), end) // #nosec G115 -- not negative
	}
	live := func(n int) []byte { return Cat(times(n, Get(0)), times(n-1, Op(0x6a)), drop) }
	touch := make([][]byte, 0, 1000)
	for i := range uint32(1000) {
		touch = append(touch, Get(i+1), I64Const(1), Op(0x7c), Set(i+1))
	}
	nested := func(depth int) []byte { return Cat(times(depth, Op(0x02, 0x40)), times(depth, end)) }
	ladder := func(depth int) []byte {
		return Cat(times(depth, Op(0x02, 0x40)), times(depth, Get(0), Op(0x0d, 0x00), end))
	}
	loops := Cat(times(1000, Op(0x03, 0x40)), times(1000, Get(0), Op(0x0d, 0x00), end))
	return append(sectionBombs(),
		Bomb{"ifs in a row", uncalled(5, nil, times(2000, cond))},
		Bomb{"more ifs than a function may have", uncalled(1, nil, times(20_000, cond))},
		Bomb{"functions of many ifs beyond the budget", uncalled(40, nil, times(2000, cond))},
		Bomb{"nested ifs", uncalled(5, nil, Cat(times(1000, Get(0), Op(0x04, 0x40)), times(1000, end)))},
		Bomb{"nested blocks", uncalled(5, nil, times(4, nested(1000)))},
		Bomb{"nested too deep", uncalled(1, nil, nested(40_000))},
		Bomb{"a ladder of branches", uncalled(5, nil, times(2, ladder(1000)))},
		Bomb{"nested loops", uncalled(5, nil, loops)},
		Bomb{"nested loops beyond the limit", uncalled(20, nil, times(2, loops))},
		Bomb{"branch tables", uncalled(2, nil, times(60, table(2000)))},
		Bomb{"branch tables beyond the budget", uncalled(60, nil, times(60, table(2000)))},
		Bomb{"a branch table too large", uncalled(1, nil, table(100_000))},
		Bomb{"locals that live over blocks", uncalled(2, manyLocals, Cat(Cat(touch...), times(500, cond), Cat(touch...)))},
		Bomb{"locals that live over blocks, beyond the budget", uncalled(50, manyLocals, Cat(Cat(touch...), times(500, cond), Cat(touch...)))},
		Bomb{"more locals than allowed", uncalled(1, bytes.Repeat([]byte{I64}, 2000), nop)},
		Bomb{"a straight line", uncalled(40, nil, times(10_000, Get(0), Get(0), Op(0x6a), Set(0)))},
		Bomb{"operands that live long", uncalled(10, nil, live(40_000))},
		Bomb{"calls with many operands", callers(40, 1000)},
		Bomb{"many tiny functions", uncalled(19_000, nil, nil)},
		Bomb{"more functions than allowed", uncalled(30_000, nil, nil)},
		Bomb{"remainders and floats, which grow", uncalled(2, nil, times(1500, Get(0), Get(0), Op(0x6f), drop, F64Const(1), Op(0x9f), drop))},
		Bomb{"choices of floats, which grow", uncalled(40, []byte{F64}, Cat(Get(1), times(24_000, Get(1), Get(0), Op(0x1b)), Set(1)))},
		Bomb{"results that live long", manyResults(20, Cat(times(9_000, CallFunc(0)), times(9_000*8-1, Op(0x7c)), drop))},
		Bomb{"branches that carry values", manyResults(5, Cat(times(900, BlockOf(0x02, 0)), CallFunc(0),
			times(900, Get(0), Op(0x0d, 0x00, 0x0b)), times(8, drop)))},
		Bomb{"branch tables that carry values", manyResults(1, times(60, BlockOf(0x02, 0), CallFunc(0), table(2000)[2:], times(8, drop)))},
		Bomb{"remainders and floats beyond the budget", uncalled(20, nil, times(7000, Get(0), Get(0), Op(0x6f), drop, F64Const(1), Op(0x9f), drop))},
	)
}

// callers are functions that pass 32 parameters on, many times.
func callers(functions, calls int) []byte {
	b := New()
	params := bytes.Repeat([]byte{I64}, 32)
	var pass [][]byte
	for i := range uint32(32) {
		pass = append(pass, Get(i))
	}
	for range functions {
		b.Func(params, nil, nil, times(calls, Cat(pass...), CallFunc(0)))
	}
	return b.Call(nil, I32Const(0)).Bytes()
}

// sectionBombs are large outside of their code.
func sectionBombs() []Bomb {
	plain := func(change func(b *Builder)) []byte {
		b := New()
		change(b)
		return b.Call(nil, I32Const(0)).Bytes()
	}
	segments := func(n, size int) []byte {
		one := Cat([]byte{0}, I32Const(0), []byte{0x0b}, u(uint64(size)), make([]byte, size)) // #nosec G115 -- not negative
		return Cat(u(uint64(n)), times(n, one))                                               // #nosec G115 -- not negative
	}
	types := func(n int) func(b *Builder) {
		return func(b *Builder) {
			for i := range n {
				params := bytes.Repeat([]byte{I32}, 20)
				for bit := range 12 {
					if i>>bit&1 == 1 {
						params[bit] = I64
					}
				}
				b.types = append(b.types, [2][]byte{params, {I64, I64, I64, F64}})
			}
		}
	}
	custom := func(n, size int) []byte {
		content := append(name("x"), make([]byte, size)...)
		return times(n, Cat([]byte{0}, u(uint64(len(content))), content))
	}
	return []Bomb{
		{"data in one piece", plain(func(b *Builder) { b.Pages = 256; b.Data = DataAt(0, make([]byte, 7<<20)) })},
		{"data in many pieces", plain(func(b *Builder) { b.Data = segments(99_000, 60) })},
		{"more pieces of data than allowed", plain(func(b *Builder) { b.Data = segments(200_000, 1) })},
		{"elements", plain(func(b *Builder) {
			b.TableMin = 100_000
			b.Elements = Cat([]byte{1, 0}, I32Const(0), []byte{0x0b}, u(100_000), make([]byte, 100_000))
		})},
		{"elements again and again", plain(func(b *Builder) {
			b.TableMin = 100_000
			b.Elements = Cat(u(70), times(70, []byte{0}, I32Const(0), []byte{0x0b}, u(100_000), make([]byte, 100_000)))
		})},
		{"many segments of elements", plain(func(b *Builder) { b.TableMin = 1; b.Elements = segments(99_000, 1) })},
		{"exports", plain(func(b *Builder) {
			for i := range 1000 {
				b.Export(strings.Repeat("e", 200)+string(rune('a'+i%26))+string(rune('a'+i/26)), 3, 0)
			}
		})},
		{"an export twice", plain(func(b *Builder) { b.Export("twice", 2, 0); b.Export("twice", 2, 0) })},
		{"types", plain(types(4000))},
		{"more types than allowed", plain(types(5000))},
		{"custom sections", plain(func(b *Builder) { b.Raw = custom(60, 100_000) })},
		{"more custom sections than allowed", plain(func(b *Builder) { b.Raw = custom(200_000, 1) })},
		{"a module too large", plain(func(b *Builder) { b.Raw = custom(1, 9<<20) })},
	}
}

// manyResults is a module with so many functions of the same body. Function and type 0 have
// eight results.
func manyResults(functions int, body []byte) []byte {
	b := New()
	b.Func(nil, bytes.Repeat([]byte{I64}, 8), nil, times(8, I64Const(1)))
	for range functions {
		b.Func([]byte{I32}, nil, nil, body)
	}
	return b.Call(nil, I32Const(0)).Bytes()
}
