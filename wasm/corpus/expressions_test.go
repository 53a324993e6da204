package corpus

import (
	asm "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// operation is an instruction without immediates, with the kinds of its operands.
type operation struct {
	code  []byte
	takes []byte
	traps bool // for some operands
}

type access struct {
	op    byte
	align int
}

var (
	operations = buildOperations()

	loads = map[byte][]access{
		asm.I32: {{0x28, 2}, {0x2c, 0}, {0x2d, 0}, {0x2e, 1}, {0x2f, 1}},
		asm.I64: {{0x29, 3}, {0x30, 0}, {0x31, 0}, {0x32, 1}, {0x33, 1}, {0x34, 2}, {0x35, 2}},
		asm.F32: {{0x2a, 2}}, asm.F64: {{0x2b, 3}},
	}
	stores = map[byte][]access{
		asm.I32: {{0x36, 2}, {0x3a, 0}, {0x3b, 1}},
		asm.I64: {{0x37, 3}, {0x3c, 0}, {0x3d, 1}, {0x3e, 2}},
		asm.F32: {{0x38, 2}}, asm.F64: {{0x39, 3}},
	}
)

// buildOperations lists every numeric instruction by the kind of its result.
func buildOperations() map[byte][]operation {
	ops := map[byte][]operation{}
	add := func(gives byte, from, to int, takes ...byte) {
		for op := from; op <= to; op++ {
			ops[gives] = append(ops[gives], operation{[]byte{byte(op)}, takes, false})
		}
	}
	traps := func(gives byte, from, to int, takes ...byte) {
		for op := from; op <= to; op++ {
			ops[gives] = append(ops[gives], operation{[]byte{byte(op)}, takes, true})
		}
	}
	i, l, f, d := byte(asm.I32), byte(asm.I64), byte(asm.F32), byte(asm.F64)
	add(i, 0x45, 0x45, i)
	add(i, 0x46, 0x4f, i, i)
	add(i, 0x50, 0x50, l)
	add(i, 0x51, 0x5a, l, l)
	add(i, 0x5b, 0x60, f, f)
	add(i, 0x61, 0x66, d, d)
	add(i, 0x67, 0x69, i)
	add(i, 0x6a, 0x6c, i, i)
	traps(i, 0x6d, 0x70, i, i)
	add(i, 0x71, 0x78, i, i)
	add(l, 0x79, 0x7b, l)
	add(l, 0x7c, 0x7e, l, l)
	traps(l, 0x7f, 0x82, l, l)
	add(l, 0x83, 0x8a, l, l)
	add(f, 0x8b, 0x91, f)
	add(f, 0x92, 0x98, f, f)
	add(d, 0x99, 0x9f, d)
	add(d, 0xa0, 0xa6, d, d)
	add(i, 0xa7, 0xa7, l)
	traps(i, 0xa8, 0xa9, f)
	traps(i, 0xaa, 0xab, d)
	add(l, 0xac, 0xad, i)
	traps(l, 0xae, 0xaf, f)
	traps(l, 0xb0, 0xb1, d)
	add(f, 0xb2, 0xb3, i)
	add(f, 0xb4, 0xb5, l)
	add(f, 0xb6, 0xb6, d)
	add(d, 0xb7, 0xb8, i)
	add(d, 0xb9, 0xba, l)
	add(d, 0xbb, 0xbb, f)
	add(i, 0xbc, 0xbc, f)
	add(l, 0xbd, 0xbd, d)
	add(f, 0xbe, 0xbe, i)
	add(d, 0xbf, 0xbf, l)
	add(i, 0xc0, 0xc1, i)
	add(l, 0xc2, 0xc4, l)
	for sub, takes := range []byte{f, f, d, d, f, f, d, d} { // saturating truncation
		gives := i
		if sub >= 4 {
			gives = l
		}
		ops[gives] = append(ops[gives], operation{[]byte{0xfc, byte(sub)}, []byte{takes}, false})
	}
	return ops
}

// expression writes code that leaves one value.
func (f *function) expression(kind byte, depth int) {
	if depth <= 0 || f.budget <= 0 {
		f.leaf(kind)
		return
	}
	switch f.below(24) {
	case 0, 1, 2:
		f.leaf(kind)
	case 3, 4, 5:
		m := pick(f.random, loads[kind])
		f.address()
		f.emit(asm.Memory(m.op, uint32(f.below(m.align+1)), f.offset()))
	case 6:
		f.values([]byte{kind, kind, asm.I32}, depth-1)
		f.emit(asm.Op(0x1b))
	case 7:
		f.valueBlock(kind, depth)
	case 8:
		f.valueIf(kind, depth)
	case 9:
		f.typedBlock(kind, depth)
	case 10:
		f.callFor(kind, depth)
	case 11:
		f.memory(kind, depth)
	case 12:
		for l, has := range f.locals {
			if has == kind {
				f.expression(kind, depth-1)
				f.emit(asm.Tee(uint32(l)))
				return
			}
		}
		f.leaf(kind)
	default:
		f.operation(pick(f.random, operations[kind]), depth)
	}
}

func (f *function) leaf(kind byte) {
	switch f.below(4) {
	case 0:
		f.emit(f.constant(kind))
		return
	case 1:
		for range 4 {
			if g := f.below(len(f.globals)); f.globals[g].kind == kind {
				f.emit(asm.GlobalGet(uint32(g)))
				return
			}
		}
	}
	for range 6 {
		if len(f.locals) == 0 {
			break
		}
		if l := f.below(len(f.locals)); f.locals[l] == kind {
			f.emit(asm.Get(uint32(l)))
			return
		}
	}
	f.emit(f.constant(kind))
}

// operation lets one that can trap do so seldom: most divisors are odd, most
// truncations saturate.
func (f *function) operation(o operation, depth int) {
	if !o.traps || f.wild && f.chance(10) {
		f.values(o.takes, depth-1)
		f.emit(o.code)
		return
	}
	f.values(o.takes, depth-1)
	switch o.takes[0] {
	case asm.I32:
		f.emit(asm.I32Const(1), asm.Op(0x72))
		f.emit(o.code)
	case asm.I64:
		f.emit(asm.I64Const(1), asm.Op(0x84))
		f.emit(o.code)
	default: // the saturating form of the same
		op := o.code[0]
		sub := op - 0xa8
		if op >= 0xae {
			sub = op - 0xae + 4
		}
		f.emit([]byte{0xfc, sub})
	}
}

func (f *function) valueBlock(kind byte, depth int) {
	op := byte(0x02)
	carries := []byte{kind}
	if f.chance(20) {
		op, carries = 0x03, nil
	}
	f.emit([]byte{op, kind})
	f.within(carries, func() {
		f.statement(depth - 1)
		f.expression(kind, depth-1)
		if op == 0x02 && f.chance(60) {
			f.expression(asm.I32, depth-1)
			f.emit(asm.Op(0x0d, 0))
		}
	})
}

func (f *function) valueIf(kind byte, depth int) {
	f.expression(asm.I32, depth-1)
	f.emit([]byte{0x04, kind})
	f.within([]byte{kind}, func() {
		f.expression(kind, depth-1)
		f.emit(asm.Op(0x05))
		f.statement(depth - 1)
		f.expression(kind, depth-1)
	})
}

// typedBlock is a block with parameters and several results.
func (f *function) typedBlock(kind byte, depth int) {
	for range 6 {
		s := pick(f.random, f.types)
		if len(s.results) == 0 || s.results[0] != kind {
			continue
		}
		f.values(s.params, 1)
		op := pick(f.random, []byte{0x02, 0x02, 0x03})
		carries := s.results
		if op == 0x03 {
			carries = s.params
		}
		f.emit(asm.BlockOf(op, f.b.Type(s.params, s.results)))
		f.within(carries, func() {
			f.drop(len(s.params))
			f.statement(depth - 1)
			f.values(s.results, depth-1)
		})
		f.drop(len(s.results) - 1)
		return
	}
	f.leaf(kind)
}

// callFor calls something whose first result is of the kind.
func (f *function) callFor(kind byte, depth int) {
	for i := f.index + 1; i < len(f.functions); i++ {
		s := f.functions[i]
		if len(s.results) > 0 && s.results[0] == kind && f.chance(60) {
			f.values(s.params, depth-1)
			if at, ok := f.entryOf(s); ok && f.chance(50) {
				f.emit(asm.I32Const(int32(at)), asm.CallIndirect(f.b.Type(s.params, s.results)))
			} else {
				f.emit(asm.CallFunc(f.first + uint32(i)))
			}
			f.drop(len(s.results) - 1)
			return
		}
	}
	f.leaf(kind)
}

// memory asks for the size, or grows by a little or far too much.
func (f *function) memory(kind byte, depth int) {
	if kind != asm.I32 {
		f.leaf(kind)
		return
	}
	switch f.below(3) {
	case 0:
		f.expression(asm.I32, depth-1)
		if f.chance(80) {
			f.emit(asm.I32Const(1), asm.Op(0x71))
		}
		f.emit(asm.Op(0x40, 0))
	default:
		f.emit(asm.Op(0x3f, 0))
	}
}
