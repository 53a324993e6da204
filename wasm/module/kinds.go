package module

// The types of operands. They are known wherever code can be reached and validates; in
// what does not validate they may be anything, and the result is not used.

var (
	onlyI32 = []ValueType{I32}
	onlyI64 = []ValueType{I64}
	onlyF32 = []ValueType{F32}
	onlyF64 = []ValueType{F64}
)

// only is the list of one type.
func only(t ValueType) []ValueType {
	switch t {
	case I32:
		return onlyI32
	case I64:
		return onlyI64
	case F32:
		return onlyF32
	}
	return onlyF64
}

// level sets the number of operands.
func (w *walker) level(height int) {
	w.height = height
	for len(w.kinds) < height {
		w.kinds = append(w.kinds, 0)
	}
	w.kinds = w.kinds[:max(height, 0)]
}

func (w *walker) pop(n int) { w.level(w.height - n) }

func (w *walker) push(n int) {
	w.level(w.height + n)
	w.highest = max(w.highest, w.height)
}

// give pushes operands of known types.
func (w *walker) give(kinds []ValueType) {
	w.push(len(kinds))
	if at := len(w.kinds) - len(kinds); at >= 0 {
		copy(w.kinds[at:], kinds)
	}
}

// kindAt is the type of the operand that lies below so many others; 0 when there is none.
func (w *walker) kindAt(below int) ValueType {
	if at := len(w.kinds) - 1 - below; at >= 0 {
		return w.kinds[at]
	}
	return 0
}

// kindOf is the type of what an instruction with one result leaves, which is not a call.
// Its immediate stands at the given place; first is the type of its first operand of
// three.
func (w *walker) kindOf(op byte, immediate int, first ValueType) ValueType {
	switch op {
	case opLocalGet, opLocalTee:
		if i := (&reader{b: w.r.b, pos: immediate}).unsigned32(); uint64(i) < uint64(len(w.localKinds)) {
			return w.localKinds[i]
		}
		return 0
	case opGlobalGet:
		if i := (&reader{b: w.r.b, pos: immediate}).unsigned32(); uint64(i) < uint64(len(w.d.globals)) {
			return w.d.globals[i].kind
		}
		return 0
	case opSelect, opSelectOf:
		return first
	}
	return resultKinds[op]
}

// resultKinds of instructions whose result is always of one type, by opcode.
var resultKinds = buildResultKinds()

func buildResultKinds() *[256]ValueType {
	var t [256]ValueType
	set := func(from, to int, kind ValueType) {
		for i := from; i <= to; i++ {
			t[i] = kind
		}
	}
	set(opI32Load, opI32Load, I32)
	set(0x29, 0x29, I64)
	set(0x2a, 0x2a, F32)
	set(0x2b, 0x2b, F64)
	set(0x2c, 0x2f, I32)
	set(0x30, 0x35, I64)
	set(opMemorySize, opI32Const, I32)
	set(opI64Const, opI64Const, I64)
	set(opF32Const, opF32Const, F32)
	set(opF64Const, opF64Const, F64)
	set(opI32Eqz, 0x78, I32) // comparisons, then arithmetic
	set(0x79, 0x8a, I64)
	set(0x8b, 0x98, F32)
	set(0x99, 0xa6, F64)
	set(opI32Wrap, 0xab, I32)
	set(0xac, 0xb1, I64)
	set(0xb2, 0xb6, F32)
	set(0xb7, 0xbb, F64)
	set(opI32ReinterpretF32, opI32ReinterpretF32, I32)
	set(opI64ReinterpretF64, opI64ReinterpretF64, I64)
	set(opF32ReinterpretI32, opF32ReinterpretI32, F32)
	set(opF64ReinterpretI64, opF64ReinterpretI64, F64)
	set(0xc0, 0xc1, I32)
	set(0xc2, 0xc4, I64)
	return &t
}

// selectFloat chooses between floats as between integers of the same bits. On amd64,
// wazero 1.12.0 takes the conditional move of a float for one that always moves: what is
// moved first, for the other case, may lie in another register.
func (w *walker) selectFloat(kind ValueType) {
	whole, toInteger, toFloat := I32, byte(opI32ReinterpretF32), byte(opF32ReinterpretI32)
	if kind == F64 {
		whole, toInteger, toFloat = I64, opI64ReinterpretF64, opF64ReinterpretI64
	}
	condition, second := w.local(I32), w.local(whole|0x80)
	w.emit(opLocalSet, condition)
	w.out = append(w.out, toInteger)
	w.emit(opLocalSet, second)
	w.out = append(w.out, toInteger)
	w.emit(opLocalGet, second)
	w.emit(opLocalGet, condition)
	w.out = append(w.out, opSelect, toFloat)
}
