package corpus

import (
	"math"

	"github.com/concordat-ledger/concordat/wasm/module"
	asm "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// random is splitmix64: the expected lines hang on it, so it is not the standard
// library's, which may change.
type random struct{ state uint64 }

func (r *random) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (r *random) below(n int) int { return int(r.next() >> 33 % uint64(n)) }

func (r *random) chance(percent int) bool { return r.below(100) < percent }

func pick[T any](r *random, list []T) T { return list[r.below(len(list))] }

var kinds = []byte{asm.I32, asm.I64, asm.F32, asm.F64}

type signature struct{ params, results []byte }

type variable struct {
	kind    byte
	mutable bool
}

// program is a random module that is valid by construction: functions of random
// types with structured control flow, globals, a table with holes, and a memory
// whose accesses are partly out of bounds.
type program struct {
	*random
	wild      bool // may trap, run on for ever and recurse; the others mostly end well
	crowded   bool // many locals live at a time, more than a processor has registers
	b         *asm.Builder
	first     uint32 // index of the first function
	functions []signature
	types     []signature // for blocks and indirect calls
	globals   []variable
	tableMin  int
	entries   []int // the function of each entry; the last one is empty
}

const (
	readAt   = 0    // where the call is read to
	resultAt = 2048 // where results are stored
	resultTo = 2048 + 512
)

// randomModule is the contract of a seed.
func randomModule(seed uint64) []byte {
	p := &program{random: &random{seed}, b: asm.New()}
	p.wild, p.crowded = p.chance(35), p.chance(15)
	p.b.MaxPages = uint32(1 + p.below(5))
	read, output, put := p.b.ABI("call_read"), p.b.ABI("output"), p.b.ABI("put")
	p.first = put + 1
	for range 2 + p.below(5) {
		p.functions = append(p.functions, signature{p.list(5), p.list(3)})
	}
	p.types = append(p.types, p.functions...)
	for range 4 {
		p.types = append(p.types, signature{p.list(3), p.list(3)})
	}
	for range 2 + p.below(5) {
		g := variable{pick(p.random, kinds), p.chance(80)}
		p.globals = append(p.globals, g)
		p.b.Global(g.kind, g.mutable, p.constant(g.kind))
	}
	data, at := make([]byte, 400), int32(p.below(60_000))
	if p.crowded {
		at = crowdAt
	}
	for i := range data {
		data[i] = byte(p.next())
	}
	p.b.Data = asm.DataAt(at, data)
	p.tables()
	for i, s := range p.functions {
		p.function(i, s)
	}
	p.entry(read, output, put)
	return p.b.Bytes()
}

func (p *program) list(most int) []byte {
	var out []byte
	for range p.below(most + 1) {
		out = append(out, pick(p.random, kinds))
	}
	return out
}

// tables fills a table but for its last entry.
func (p *program) tables() {
	p.tableMin = len(p.functions) * 2
	var list []uint32
	for range p.tableMin - 1 {
		p.entries = append(p.entries, p.below(len(p.functions)))
		list = append(list, p.first+uint32(p.entries[len(p.entries)-1]))
	}
	p.b.TableMin = uint32(p.tableMin)
	p.b.Elements = asm.ElementsAt(0, list...)
}

// entry calls every function once, keeps the results and globals in memory, and
// puts and outputs them.
func (p *program) entry(read, output, put uint32) {
	body := asm.Cat(asm.I32Const(readAt), asm.I32Const(1024), asm.CallFunc(read), asm.Op(0x1a))
	locals := []byte{}
	for i, s := range p.functions {
		for j, kind := range s.params {
			if p.chance(60) { // from the call's arguments
				body = append(body, asm.Cat(asm.I32Const(readAt+2), load(kind, uint32(4*j)))...)
			} else {
				body = append(body, p.constant(kind)...)
			}
		}
		body = append(body, asm.CallFunc(p.first+uint32(i))...)
		for j := len(s.results) - 1; j >= 0; j-- {
			kind := s.results[j]
			locals = append(locals, kind)
			at := int32(resultAt + 24*i + 8*j)
			l := uint32(len(locals) - 1)
			body = append(body, asm.Cat(asm.Set(l), asm.I32Const(at), asm.Get(l), store(kind, 0))...)
		}
	}
	for i, g := range p.globals {
		body = append(body, asm.Cat(asm.I32Const(int32(resultTo-8*(i+1))), asm.GlobalGet(uint32(i)), store(g.kind, 0))...)
	}
	body = append(body, asm.Cat(
		asm.I32Const(resultAt), asm.I32Const(16), asm.I32Const(resultAt), asm.I32Const(64), asm.I32Const(0), asm.I32Const(0), asm.CallFunc(put), asm.Op(0x1a),
		asm.I32Const(resultAt), asm.I32Const(resultTo-resultAt), asm.CallFunc(output), asm.I32Const(0))...)
	p.b.Export(module.ExportCall, 0, p.b.Func(nil, []byte{asm.I32}, locals, body))
}

func load(kind byte, offset uint32) []byte {
	return asm.Memory(map[byte]byte{asm.I32: 0x28, asm.I64: 0x29, asm.F32: 0x2a, asm.F64: 0x2b}[kind], 0, offset)
}

func store(kind byte, offset uint32) []byte {
	return asm.Memory(map[byte]byte{asm.I32: 0x36, asm.I64: 0x37, asm.F32: 0x38, asm.F64: 0x39}[kind], 0, offset)
}

// Numbers at which arithmetic turns.
var (
	edges32 = []int32{0, 1, -1, math.MaxInt32, math.MinInt32, math.MinInt32 + 1, 2, -2, 7, 31, 32, 33, 127, 128, -128, 255, 65535, 65536, 256, 32767, 32768}
	edges64 = []int64{0, 1, -1, 2, -2, 63, 64, 65, math.MaxUint32, math.MaxInt32, math.MinInt32, 1 << 32, math.MaxInt64, math.MinInt64, math.MinInt64 + 1, 1 << 52, 1 << 53}
	bits32  = []uint32{0, 1 << 31, 0x3f800000, 0xbf800000, 0x3f000000, 0x40200000, 0x7f7fffff, 0xff7fffff, 1, 0x80000001, 0x00800000, 0x7f800000, 0xff800000,
		0x7fc00000, 0xffc00000, 0x7f800001, 0xff812345, 0x7fe00001, 0x4effffff, 0x4f000000, 0xcf000000, 0xcf000001, 0x5f000000, 0x5effffff, 0x3effffff, 0x4b000001}
	bits64 = []uint64{0, 1 << 63, 0x3ff0000000000000, 0xbff0000000000000, 0x3fe0000000000000, 0x4004000000000000, 0x7fefffffffffffff, 1, 0x8000000000000001,
		0x0010000000000000, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0xfff8000000000000, 0x7ff0000000000001, 0xfff0123456789abc, 0x7ffc000000000001,
		0x41dfffffffc00000, 0x41e0000000000000, 0xc1e0000000200000, 0x41efffffffe00000, 0x43e0000000000000, 0x43dfffffffffffff, 0xc3e0000000000000, 0x3fdfffffffffffff, 0x4330000000000001, 0x47efffffe0000000, 0x36a0000000000000}
)

func (p *program) constant(kind byte) []byte {
	switch kind {
	case asm.I32:
		if p.chance(60) {
			return asm.I32Const(pick(p.random, edges32))
		}
		return asm.I32Const(int32(p.next()))
	case asm.I64:
		if p.chance(60) {
			return asm.I64Const(pick(p.random, edges64))
		}
		return asm.I64Const(int64(p.next()))
	case asm.F32:
		if p.chance(70) {
			return f32bits(pick(p.random, bits32))
		}
		return f32bits(uint32(p.next()))
	}
	if p.chance(70) {
		return f64bits(pick(p.random, bits64))
	}
	return f64bits(p.next())
}

// The constants by bits: a float in Go would lose the signal of a NaN.
func f32bits(v uint32) []byte {
	return []byte{0x43, byte(v), byte(v >> 8), byte(v >> 16), byte(v >> 24)}
}

func f64bits(v uint64) []byte {
	return append([]byte{0x44}, byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32), byte(v>>40), byte(v>>48), byte(v>>56))
}
