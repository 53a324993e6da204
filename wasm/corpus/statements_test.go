package corpus

import (
	asm "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// function is a random body while it is written.
type function struct {
	*program
	index  int
	locals []byte   // parameters first; what random code may write
	labels [][]byte // what a branch to each open label carries, the function's first
	out    []byte
	budget int // instructions that may still be written, roughly
	loops  int // counted loops that are open
}

// counters are locals behind the others, one for each loop within another; behind
// them is one for conditions.
const counters = 2

// crowdAt is where the locals of a crowded function are kept between its calls.
const crowdAt = 4096

func (p *program) function(i int, s signature) {
	f := &function{program: p, index: i, budget: 40 + p.below(200), labels: [][]byte{s.results}}
	extra := p.list(8)
	if p.crowded {
		for range 45 {
			extra = append(extra, kinds[max(0, p.below(8)-4)]) // half of them i32
		}
	}
	f.locals = append(append(f.locals, s.params...), extra...)
	crowd := f.locals[len(f.locals)-len(extra):]
	if p.crowded {
		for l, kind := range crowd {
			f.emit(asm.I32Const(int32(crowdAt+8*l)), load(kind, 0), asm.Set(uint32(len(s.params)+l)))
		}
		f.budget = 60 + p.below(100)
	}
	for f.budget > 0 {
		f.statement(3)
	}
	if p.crowded {
		for l, kind := range crowd {
			f.emit(asm.I32Const(int32(crowdAt+8*l)), asm.Get(uint32(len(s.params)+l)), store(kind, 0))
		}
	}
	f.values(s.results, 2)
	for range counters + 1 {
		extra = append(extra, asm.I32)
	}
	p.b.Func(s.params, s.results, extra, f.out)
}

func (f *function) emit(parts ...[]byte) {
	f.budget -= len(parts)
	for _, p := range parts {
		f.out = append(f.out, p...)
	}
}

func (f *function) values(list []byte, depth int) {
	for _, kind := range list {
		f.expression(kind, depth)
	}
}

func (f *function) drop(n int) {
	for range n {
		f.emit(asm.Op(0x1a))
	}
}

// statement writes code that leaves the operands as they were.
func (f *function) statement(depth int) {
	if f.budget <= 0 {
		f.emit(asm.Op(0x01)) // nop
		return
	}
	if depth <= 0 {
		f.simple()
		return
	}
	switch f.below(16) {
	case 0, 1:
		f.conditional(depth)
	case 2:
		f.block(depth)
	case 3, 4:
		f.counted(depth)
	case 5:
		f.endless(depth)
	case 6:
		f.leave(depth)
	case 7:
		f.bulk()
	case 8, 9:
		f.drop(f.call(depth))
	case 10:
		f.drop(f.indirect(depth))
	default:
		f.simple()
	}
}

// simple writes to a local, a global or memory.
func (f *function) simple() {
	switch f.below(6) {
	case 0, 1:
		if len(f.locals) > 0 {
			l := f.below(len(f.locals))
			f.expression(f.locals[l], 3)
			f.emit(asm.Set(uint32(l)))
			return
		}
	case 2:
		g := f.below(len(f.globals))
		if f.globals[g].mutable {
			f.expression(f.globals[g].kind, 3)
			f.emit(asm.GlobalSet(uint32(g)))
			return
		}
	case 3:
		f.expression(pick(f.random, kinds), 4)
		f.drop(1)
		return
	}
	kind := pick(f.random, kinds)
	f.address()
	f.expression(kind, 3)
	m := pick(f.random, stores[kind])
	f.emit(asm.Memory(m.op, uint32(f.below(m.align+1)), f.offset()))
}

// address is mostly within the first page.
func (f *function) address() {
	f.expression(asm.I32, 2)
	switch {
	case !f.wild:
		f.emit(asm.I32Const(0xffe0), asm.Op(0x71))
	case f.chance(97):
		f.emit(asm.I32Const(0xffff), asm.Op(0x71))
	}
}

func (f *function) offset() uint32 {
	switch n := f.below(100); {
	case n < 95 || !f.wild:
		return uint32(f.below(16))
	case n < 99:
		return uint32(f.below(70_000))
	}
	return uint32(f.next())
}

func (f *function) statements(depth int) {
	for range 1 + f.below(3) {
		f.statement(depth - 1)
	}
}

func (f *function) within(carries []byte, body func()) {
	f.labels = append(f.labels, carries)
	body()
	f.labels = f.labels[:len(f.labels)-1]
	f.emit(asm.Op(0x0b))
}

func (f *function) conditional(depth int) {
	f.condition()
	f.emit(asm.Op(0x04, 0x40))
	f.within(nil, func() {
		f.statements(depth)
		if f.chance(50) {
			f.emit(asm.Op(0x05))
			f.statements(depth)
		}
	})
}

func (f *function) block(depth int) {
	f.emit(asm.Op(0x02, 0x40))
	f.within(nil, func() { f.statements(depth) })
}

// counted is a loop of a few rounds.
func (f *function) counted(depth int) {
	if f.loops == counters || !f.wild && f.loops == 1 && f.chance(70) {
		f.block(depth)
		return
	}
	counter := uint32(len(f.locals) + f.loops)
	f.loops++
	f.emit(asm.I32Const(int32(1+f.below(6))), asm.Set(counter), asm.Op(0x03, 0x40))
	f.within(nil, func() {
		f.statements(depth)
		f.emit(asm.Get(counter), asm.I32Const(1), asm.Op(0x6b), asm.Tee(counter), asm.I32Const(0), asm.Op(0x4a), asm.Op(0x0d, 0))
	})
	f.loops--
}

// endless is a loop that a random condition ends, or the gas.
func (f *function) endless(depth int) {
	f.emit(asm.Op(0x03, 0x40))
	f.within(nil, func() {
		f.statements(depth)
		f.condition()
		if !f.wild || f.chance(90) {
			f.emit(asm.I32Const(7), asm.Op(0x71), asm.Op(0x45))
		}
		f.emit(asm.Op(0x0d, 0))
	})
}

// leave branches out, mostly under a condition; what follows may be dead code.
func (f *function) leave(depth int) {
	label := f.below(len(f.labels))
	carries := f.labels[len(f.labels)-1-label]
	sure := f.chance(10)
	if !sure {
		f.condition()
		f.emit(asm.Op(0x04, 0x40))
		f.labels = append(f.labels, nil)
		label++
	}
	switch f.below(6) {
	case 0:
		f.values(f.labels[0], 1)
		f.emit(asm.Op(0x0f))
	case 1:
		f.branchTable(carries)
	case 2, 3:
		f.values(carries, 1)
		f.condition()
		f.emit([]byte{0x0d, byte(label)})
		f.drop(len(carries))
	case 4:
		if f.wild && f.chance(15) {
			f.emit(asm.Op(0x00))
			break
		}
		fallthrough
	default:
		f.values(carries, 1)
		f.emit([]byte{0x0c, byte(label)})
	}
	if !sure {
		f.labels = f.labels[:len(f.labels)-1]
		f.emit(asm.Op(0x0b))
	}
}

// branchTable goes to labels that carry the same.
func (f *function) branchTable(carries []byte) {
	var same []byte
	for i, c := range f.labels {
		if string(c) == string(carries) {
			same = append(same, byte(len(f.labels)-1-i))
		}
	}
	f.values(carries, 1)
	f.expression(asm.I32, 1)
	f.emit(asm.I32Const(7), asm.Op(0x71))
	n := f.below(7)
	code := []byte{0x0e, byte(n)}
	for range n + 1 {
		code = append(code, pick(f.random, same))
	}
	f.emit(code)
}

// condition is any number, or a comparison of the sort that engines fuse with a
// branch: bits, or a difference, against zero on either side, maybe in a local.
func (f *function) condition() {
	if f.chance(60) {
		f.expression(asm.I32, 2)
		return
	}
	kind, compares, joins := byte(asm.I32), 0x46, []byte{0x71, 0x72, 0x73, 0x6a, 0x6b, 0x74, 0x76}
	if f.chance(50) {
		kind, compares, joins = asm.I64, 0x51, []byte{0x83, 0x84, 0x85, 0x7c, 0x7d, 0x86, 0x88}
	}
	number := func() {
		f.values([]byte{kind, kind}, 1)
		f.emit([]byte{pick(f.random, joins)})
	}
	zero := asm.I32Const(0)
	if kind == asm.I64 {
		zero = asm.I64Const(0)
	}
	if f.chance(50) {
		number()
		f.emit(zero)
	} else {
		f.emit(zero)
		number()
	}
	f.emit([]byte{byte(compares + f.below(10))})
	if f.chance(20) {
		f.emit(asm.Op(0x45))
	}
	if f.chance(30) {
		f.emit(asm.Tee(uint32(len(f.locals) + counters)))
	}
}

// bulk is memory.fill or memory.copy, with overlaps.
func (f *function) bulk() {
	f.address()
	if f.chance(50) {
		f.expression(asm.I32, 1)
		f.length()
		f.emit(asm.Op(0xfc, 11, 0))
		return
	}
	f.address()
	f.length()
	f.emit(asm.Op(0xfc, 10, 0, 0))
}

func (f *function) length() {
	f.expression(asm.I32, 1)
	if !f.wild || f.chance(95) {
		f.emit(asm.I32Const(0x1f), asm.Op(0x71))
	}
}

// call calls a later function, or rarely any, and returns how many results it left.
func (f *function) call(depth int) int {
	rest := len(f.functions) - f.index - 1
	to := f.index + 1
	switch {
	case f.wild && f.chance(4):
		to = f.below(len(f.functions))
	case rest == 0:
		f.emit(asm.Op(0x01))
		return 0
	default:
		to += f.below(rest)
	}
	s := f.functions[to]
	f.values(s.params, depth-1)
	f.emit(asm.CallFunc(f.first + uint32(to)))
	return len(s.results)
}

// indirect calls through the table: the type often is another one than the
// entry's, and the entry may be empty or not there.
func (f *function) indirect(depth int) int {
	s := pick(f.random, f.types)
	at, ok := f.entryOf(s)
	if !ok {
		f.simple()
		return 0
	}
	f.values(s.params, depth-1)
	if f.wild && f.chance(20) {
		f.expression(asm.I32, 1)
	} else {
		f.emit(asm.I32Const(int32(at)))
	}
	f.emit(asm.CallIndirect(f.b.Type(s.params, s.results)))
	return len(s.results)
}

// entryOf looks for an entry of the type behind this function; a wild program
// takes any, or one that is not there.
func (f *function) entryOf(s signature) (int, bool) {
	for range 8 {
		i := f.below(f.tableMin)
		if i < len(f.entries) && f.entries[i] > f.index {
			has := f.functions[f.entries[i]]
			if string(has.params) == string(s.params) && string(has.results) == string(s.results) {
				return i, true
			}
		}
	}
	return f.below(f.tableMin + 1), f.wild && f.chance(30)
}
