package module

// immediate says what follows an opcode.
type immediate uint8

const (
	immRefused immediate = iota
	immNone
	immBlock
	immLabel
	immLabels
	immIndex    // one index: local or global
	immCall     // function index
	immIndirect // type index, table index
	immMemory   // alignment, offset
	immZero     // memory index, which must be 0
	immI32
	immI64
	immBytes4
	immBytes8
	immSelect
)

// class is the price class of an opcode; gastable.go gives the price.
type class uint8

const (
	classFree class = iota
	classSimple
	classMultiply
	classDivide
	classBits
	classLoad
	classStore
	classBranch
	classBranchTable
	classCall
	classCallIndirect
	classFloat
	classFloatDivide
	classFloatRoot
	classConvert
	classGlobal
	classMemorySize
	classMemoryGrow
	classBulk
	classes
)

// opcode describes an instruction: its immediate, how many operands it pops and
// pushes, its price class, and the type whose NaN its result may be.
type opcode struct {
	imm       immediate
	pop, push int8
	class     class
	nan       ValueType // 0, F32 or F64
}

// Opcodes that the walker treats specially.
const (
	opUnreachable  = 0x00
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opElse         = 0x05
	opEnd          = 0x0b
	opBr           = 0x0c
	opBrIf         = 0x0d
	opBrTable      = 0x0e
	opReturn       = 0x0f
	opCall         = 0x10
	opCallIndirect = 0x11
	opDrop         = 0x1a
	opSelect       = 0x1b
	opSelectOf     = 0x1c
	opLocalGet     = 0x20
	opLocalSet     = 0x21
	opLocalTee     = 0x22
	opGlobalGet    = 0x23
	opGlobalSet    = 0x24
	opI32Load      = 0x28
	opMemorySize   = 0x3f
	opMemoryGrow   = 0x40
	opI32Const     = 0x41
	opI64Const     = 0x42
	opF32Const     = 0x43
	opF64Const     = 0x44
	opI32Eqz       = 0x45
	opI32Eq        = 0x46
	opI32Ne        = 0x47
	opI32LtS       = 0x48
	opI32GtU       = 0x4b
	opI32GeU       = 0x4f
	opI32LeU       = 0x4d
	opI64Eqz       = 0x50
	opI64Eq        = 0x51
	opI64LtS       = 0x53
	opI64LtU       = 0x54
	opI64GeU       = 0x5a
	opI64GtU       = 0x56
	opF32Ne        = 0x5c
	opF64Ne        = 0x62
	opI32Popcnt    = 0x69
	opI32Add       = 0x6a
	opI32And       = 0x71
	opI32Or        = 0x72
	opI32Sub       = 0x6b
	opI32Mul       = 0x6c
	opI32DivS      = 0x6d
	opI32DivU      = 0x6e
	opI32RemS      = 0x6f
	opI32RemU      = 0x70
	opI64Popcnt    = 0x7b
	opI64Add       = 0x7c
	opI64Sub       = 0x7d
	opI64Mul       = 0x7e
	opI64DivS      = 0x7f
	opI64DivU      = 0x80
	opI64RemS      = 0x81
	opI64RemU      = 0x82
	opI64And       = 0x83
	opI64Shl       = 0x86
	opI64ShrU      = 0x88
	opI32Wrap      = 0xa7
	opI64ExtendU   = 0xad

	opI32ReinterpretF32 = 0xbc
	opI64ReinterpretF64 = 0xbd
	opF32ReinterpretI32 = 0xbe
	opF64ReinterpretI64 = 0xbf

	opPrefix   = 0xfc
	blockEmpty = 0x40
)

var opcodes = buildOpcodes()

func buildOpcodes() *[256]opcode {
	var t [256]opcode
	set := func(from, to int, o opcode) {
		for i := from; i <= to; i++ {
			t[i] = o
		}
	}
	set(0x00, 0x01, opcode{immNone, 0, 0, classFree, 0})
	set(opBlock, opLoop, opcode{immBlock, 0, 0, classFree, 0})
	set(opIf, opIf, opcode{immBlock, 1, 0, classBranch, 0})
	set(opElse, opElse, opcode{immNone, 0, 0, classFree, 0})
	set(opEnd, opEnd, opcode{immNone, 0, 0, classFree, 0})
	set(opBr, opBr, opcode{immLabel, 0, 0, classBranch, 0})
	set(opBrIf, opBrIf, opcode{immLabel, 1, 0, classBranch, 0})
	set(opBrTable, opBrTable, opcode{immLabels, 1, 0, classBranchTable, 0})
	set(opReturn, opReturn, opcode{immNone, 0, 0, classBranch, 0})
	set(opCall, opCall, opcode{immCall, 0, 0, classCall, 0})
	set(opCallIndirect, opCallIndirect, opcode{immIndirect, 1, 0, classCallIndirect, 0})
	set(0x1a, 0x1a, opcode{immNone, 1, 0, classFree, 0})
	set(opSelect, opSelect, opcode{immNone, 3, 1, classSimple, 0})
	set(0x1c, 0x1c, opcode{immSelect, 3, 1, classSimple, 0})
	set(opLocalGet, opLocalGet, opcode{immIndex, 0, 1, classSimple, 0})
	set(opLocalSet, opLocalSet, opcode{immIndex, 1, 0, classSimple, 0})
	set(opLocalTee, opLocalTee, opcode{immIndex, 1, 1, classSimple, 0})
	set(opGlobalGet, opGlobalGet, opcode{immIndex, 0, 1, classGlobal, 0})
	set(opGlobalSet, opGlobalSet, opcode{immIndex, 1, 0, classGlobal, 0})
	set(0x28, 0x35, opcode{immMemory, 1, 1, classLoad, 0})
	set(0x36, 0x3e, opcode{immMemory, 2, 0, classStore, 0})
	set(opMemorySize, opMemorySize, opcode{immZero, 0, 1, classMemorySize, 0})
	set(opMemoryGrow, opMemoryGrow, opcode{immZero, 1, 1, classMemoryGrow, 0})
	set(opI32Const, opI32Const, opcode{immI32, 0, 1, classSimple, 0})
	set(opI64Const, opI64Const, opcode{immI64, 0, 1, classSimple, 0})
	set(opF32Const, opF32Const, opcode{immBytes4, 0, 1, classSimple, 0})
	set(opF64Const, opF64Const, opcode{immBytes8, 0, 1, classSimple, 0})
	buildNumeric(&t, set)
	return &t
}

func buildNumeric(t *[256]opcode, set func(from, to int, o opcode)) {
	set(0x45, 0x66, opcode{immNone, 2, 1, classSimple, 0}) // comparisons
	set(0x45, 0x45, opcode{immNone, 1, 1, classSimple, 0}) // i32.eqz
	set(0x50, 0x50, opcode{immNone, 1, 1, classSimple, 0}) // i64.eqz
	set(0x5b, 0x66, opcode{immNone, 2, 1, classFloat, 0})
	for _, first := range []int{0x67, 0x79} { // clz of i32, i64
		set(first, first+2, opcode{immNone, 1, 1, classBits, 0})
		set(first+3, first+17, opcode{immNone, 2, 1, classSimple, 0})
		set(first+5, first+5, opcode{immNone, 2, 1, classMultiply, 0})
		set(first+6, first+9, opcode{immNone, 2, 1, classDivide, 0})
	}
	for _, kind := range []ValueType{F32, F64} {
		first, nan := 0x8b, kind // abs
		if kind == F64 {
			first = 0x99
		}
		set(first, first+1, opcode{immNone, 1, 1, classFloat, 0})             // abs, neg
		set(first+2, first+5, opcode{immNone, 1, 1, classFloat, nan})         // ceil to nearest
		set(first+6, first+6, opcode{immNone, 1, 1, classFloatRoot, nan})     // sqrt
		set(first+7, first+9, opcode{immNone, 2, 1, classFloat, nan})         // add, sub, mul
		set(first+10, first+10, opcode{immNone, 2, 1, classFloatDivide, nan}) // div
		set(first+11, first+12, opcode{immNone, 2, 1, classFloat, nan})       // min, max
		set(first+13, first+13, opcode{immNone, 2, 1, classFloat, 0})         // copysign
	}
	set(0xa7, 0xbf, opcode{immNone, 1, 1, classConvert, 0})
	t[0xb6].nan = F32 // f32.demote_f64
	t[0xbb].nan = F64 // f64.promote_f32
	set(0xc0, 0xc4, opcode{immNone, 1, 1, classSimple, 0})
}

// prefixed opcodes behind 0xfc.
const (
	prefixTruncI64   = 4 // the first with a result of 64 bits
	prefixTruncLast  = 7
	prefixMemoryCopy = 10
	prefixMemoryFill = 11
)

var prefixedNames = map[uint32]string{
	8: "memory.init", 9: "data.drop", 12: "table.init", 13: "elem.drop", 14: "table.copy",
	15: "table.grow", 16: "table.size", 17: "table.fill",
}

// refusedName tells what an opcode that is not offered belongs to.
func refusedName(op byte) string {
	switch {
	case op >= 0x06 && op <= 0x0a || op == 0x18 || op == 0x19 || op == 0x1f:
		return "exception handling"
	case op == 0x12 || op == 0x13:
		return "a tail call"
	case op == 0x14 || op == 0x15 || op >= 0xd0 && op <= 0xd6:
		return "typed references"
	case op == 0x25:
		return "table.get"
	case op == 0x26:
		return "table.set"
	case op == 0xfb:
		return "garbage collection"
	case op == 0xfd:
		return "SIMD"
	case op == 0xfe:
		return "threads and atomics"
	}
	return "an unknown instruction"
}
