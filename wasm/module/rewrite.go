package module

import "math"

// Helper functions that the instrumenter appends, counted from the first free
// function index.
const (
	helperRefill = iota // () → (): the next slice of gas, or a trap
	helperGrow          // (pages i32) → i32: memory.grow, paid
	helperFill          // (address, value, bytes i32) → (): memory.fill, paid
	helperCopy          // (to, from, bytes i32) → (): memory.copy, paid
	helpers
)

func (w *walker) live() bool { return w.deadAt == 0 }

// instruction reads the next instruction and writes what takes its place.
func (w *walker) instruction() {
	start := w.r.pos
	op := w.r.byte()
	o := opcodes[op]
	switch op {
	case opBlock, opLoop, opIf:
		w.open(op, start)
		return
	case opElse:
		w.otherwise()
		return
	case opEnd:
		w.end()
		return
	case opBr, opBrIf, opBrTable, opReturn:
		w.jump(op, start)
		return
	case opPrefix:
		w.prefixed(start)
		return
	}
	in, given := w.immediates(op, o)
	if w.r.fail != nil || !w.live() {
		return
	}
	w.pay(o.class)
	first := w.kindAt(2)
	w.pop(in)
	if op == opCall || op == opCallIndirect {
		w.give(given)
	} else if o.push > 0 {
		w.give(only(w.kindOf(op, start+1, first)))
	}
	w.last = op
	w.ands = w.ands || op == opI32And || op == opI64And
	switch {
	case op == opMemoryGrow:
		w.call(helperGrow)
	case w.d.asWritten:
		w.out = append(w.out, w.r.b[start:w.r.pos]...)
	case op == opI32Popcnt: // behind a signed load, wazero 1.12.0 on arm64 counts 64 bits
		w.out = append(w.out, opI64ExtendU, opI64Popcnt, opI32Wrap)
	case (op == opSelect || op == opSelectOf) && (first == F32 || first == F64):
		w.selectFloat(first)
	case op == opI32RemS || op == opI64RemS:
		w.remSigned(op)
	case op == opI32RemU || op == opI64RemU:
		w.remUnsigned(op)
	default:
		w.out = append(w.out, w.r.b[start:w.r.pos]...)
		w.canonical(o.nan)
	}
	if op == opUnreachable {
		w.deadAt = 1
	}
	w.settle()
}

// immediates reads what follows an opcode and returns how many operands it takes, and what
// a call gives.
func (w *walker) immediates(op byte, o opcode) (in int, given []ValueType) {
	in = int(o.pop)
	switch o.imm {
	case immRefused:
		w.r.refuse(RuleFeature, "function %d uses %s (instruction 0x%02x), which is not offered", w.index, refusedName(op), op)
	case immIndex:
		w.r.unsigned32()
	case immCall:
		callee := w.r.unsigned32()
		t, ok := w.d.typeOf(callee)
		if !ok {
			w.r.bad("function %d calls one that is not there", w.index)
		}
		if ok && w.live() && int(callee) >= len(w.d.imported) {
			w.calledDirectly(callee)
		}
		in, given = len(t.params), t.results
	case immIndirect:
		t := w.r.unsigned32()
		if table := w.r.unsigned32(); table != 0 {
			w.r.refuse(RuleTable, "function %d calls through a second table", w.index)
		} else if uint64(t) >= uint64(len(w.d.types)) {
			w.r.bad("function %d calls by a type that is not there", w.index)
		} else {
			in, given = in+len(w.d.types[t].params), w.d.types[t].results
			if w.live() {
				w.calledByTable()
			}
		}
	case immMemory:
		w.r.unsigned32()
		w.r.unsigned32()
	case immZero:
		if w.r.byte() != 0 {
			w.r.refuse(RuleMemory, "function %d uses a second memory", w.index)
		}
	case immI32:
		w.r.signed(32)
	case immI64:
		w.r.signed(64)
	case immBytes4:
		w.r.bytes(4)
	case immBytes8:
		w.r.bytes(8)
	case immSelect:
		w.d.valueTypes(w.r, "types in a select", 1)
	}
	return in, given
}

// prefixed handles the instructions behind 0xfc.
func (w *walker) prefixed(start int) {
	sub := w.r.unsigned32()
	switch {
	case sub <= prefixTruncLast:
		if w.live() {
			w.last = opPrefix
			w.pay(classConvert)
			w.pop(1)
			if sub < prefixTruncI64 {
				w.give(onlyI32)
			} else {
				w.give(onlyI64)
			}
			w.out = append(w.out, w.r.b[start:w.r.pos]...)
		}
		return
	case sub == prefixMemoryCopy:
		if to, from := w.r.byte(), w.r.byte(); to != 0 || from != 0 {
			w.r.refuse(RuleMemory, "function %d uses a second memory", w.index)
		}
	case sub == prefixMemoryFill:
		if w.r.byte() != 0 {
			w.r.refuse(RuleMemory, "function %d uses a second memory", w.index)
		}
	default:
		name, known := prefixedNames[sub]
		if !known {
			name = "an unknown instruction"
		}
		w.r.refuse(RuleFeature, "function %d uses %s, which is not offered", w.index, name)
	}
	if w.r.fail != nil || !w.live() {
		return
	}
	w.last = opPrefix
	w.pay(classBulk)
	w.pop(3)
	if sub == prefixMemoryFill {
		w.call(helperFill)
	} else {
		w.call(helperCopy)
	}
}

func (w *walker) call(helper uint32) {
	w.out = appendUnsigned(append(w.out, opCall), uint64(w.helpers+helper))
}

// condition keeps a comparison apart from the branch on it. Where wazero 1.12.0
// branches on a comparison of x & y with zero, it only tests the bits: on arm64 that
// is wrong for unsigned orders, and on both processors for zero on the left. Only
// where the operand is surely no such comparison may the branch have it as it is: what
// it compares was made before it, so none is before the function's first and.
func (w *walker) condition() {
	if !w.d.asWritten && w.ands && mayOrder(w.last) {
		w.out = append(w.out, opI32Const, 0, opI32Ne)
	}
}

// mayOrder tells whether the value an instruction leaves may be the result of <, ≤,
// > or ≥ of integers: because it is one, or because it may hand on that of another.
func mayOrder(op byte) bool {
	switch {
	case op >= opI32LtS && op <= opI32GeU, op >= opI64LtS && op <= opI64GeU:
		return true
	case op == opPrefix, op >= opI32Load && op <= opMemoryGrow, op >= opI32Eqz:
		return false
	}
	return true
}

// local is the index of a scratch local, named by its type; the same type can
// have a second one, of the key kind|0x80.
func (w *walker) local(key ValueType) uint64 {
	if i, ok := w.scratch[key]; ok {
		return uint64(i)
	}
	i := uint32(w.locals + len(w.extra)) // #nosec G115 -- bounded by LocalsMax
	w.extra = append(w.extra, key&0x7f)
	w.scratch[key] = i
	return uint64(i)
}

func (w *walker) emit(op byte, index uint64) {
	w.out = appendUnsigned(append(w.out, op), index)
}

// canonical replaces a NaN on top of the operands by the one canonical NaN, unless nobody
// can tell: which payload and sign survive arithmetic differs between processors and engines.
func (w *walker) canonical(kind ValueType) {
	if kind == 0 || w.takenByArithmetic() {
		return
	}
	w.added++
	s := w.local(kind)
	w.emit(opLocalTee, s)
	w.emit(opLocalGet, s)
	if kind == F32 {
		w.out = append(w.out, opF32Ne, opIf, blockEmpty, opF32Const)
		w.out = appendLittle32(w.out, 0x7fc00000)
	} else {
		w.out = append(w.out, opF64Ne, opIf, blockEmpty, opF64Const)
		w.out = appendLittle64(w.out, 0x7ff8000000000000)
	}
	w.emit(opLocalSet, s)
	w.out = append(w.out, opEnd)
	w.emit(opLocalGet, s)
}

// The remainder is computed as a - a/b*b: wazero 1.12.0 miscompiles rem on arm64.
func (w *walker) remUnsigned(op byte) {
	kind, div, mul, sub := I32, byte(opI32DivU), byte(opI32Mul), byte(opI32Sub)
	if op == opI64RemU {
		kind, div, mul, sub = I64, opI64DivU, opI64Mul, opI64Sub
	}
	a, b := w.local(kind), w.local(kind|0x80)
	w.emit(opLocalSet, b)
	w.emit(opLocalTee, a)
	w.remainder(a, b, div, mul, sub)
}

// remSigned is the same with a guard, for the quotient of the smallest number by
// minus one traps where its remainder is zero.
func (w *walker) remSigned(op byte) {
	kind, div, mul, sub := I32, byte(opI32DivS), byte(opI32Mul), byte(opI32Sub)
	minusOne, equal := []byte{opI32Const, 0x7f}, byte(opI32Eq)
	zero := []byte{opI32Const, 0}
	if op == opI64RemS {
		kind, div, mul, sub = I64, opI64DivS, opI64Mul, opI64Sub
		minusOne, equal = []byte{opI64Const, 0x7f}, opI64Eq
		zero = []byte{opI64Const, 0}
	}
	w.added += 2
	a, b := w.local(kind), w.local(kind|0x80)
	w.emit(opLocalSet, b)
	w.emit(opLocalSet, a)
	w.emit(opLocalGet, b)
	w.out = append(w.out, minusOne...)
	w.out = append(w.out, equal, opIf, kind)
	w.out = append(w.out, zero...)
	w.out = append(w.out, opElse)
	w.emit(opLocalGet, a)
	w.remainder(a, b, div, mul, sub)
	w.out = append(w.out, opEnd)
}

// remainder finds a on the operands and leaves a - a/b*b there.
func (w *walker) remainder(a, b uint64, div, mul, sub byte) {
	w.emit(opLocalGet, a)
	w.emit(opLocalGet, b)
	w.out = append(w.out, div)
	w.emit(opLocalGet, b)
	w.out = append(w.out, mul, sub)
}

// slots is what a frame of this function takes of StackSlots.
func (w *walker) slots() int64 {
	return int64(min(max(w.locals+len(w.extra)+w.highest, FrameSlotsMin), math.MaxInt32))
}

func appendLittle32(b []byte, v uint32) []byte {
	return append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
}

func appendLittle64(b []byte, v uint64) []byte {
	return appendLittle32(appendLittle32(b, uint32(v)), uint32(v>>32)) // #nosec G115 -- the two halves
}
