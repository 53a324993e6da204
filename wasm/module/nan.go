package module

// aheadMax is how many instructions are looked at for what takes an operand.
const aheadMax = 24

// takenByArithmetic tells whether the operand on top goes straight into an instruction to
// which one NaN is as good as another: arithmetic, whose own result is made canonical where it
// is a NaN, a comparison, or a conversion to an integer, which traps. Then it need not be made
// canonical itself. What is asked is only what comes in a straight line; the bytes are known to
// validate, or the result is not used.
func (w *walker) takenByArithmetic() bool {
	r := &reader{b: w.r.b, pos: w.r.pos}
	above := 0 // operands on top of it
	for range aheadMax {
		op := r.byte()
		o := opcodes[op]
		switch o.imm {
		case immNone:
		case immIndex:
			r.unsigned32()
		case immMemory:
			r.unsigned32()
			r.unsigned32()
		case immI32:
			r.signed(32)
		case immI64:
			r.signed(64)
		case immBytes4:
			r.bytes(4)
		case immBytes8:
			r.bytes(8)
		default:
			return false
		}
		if r.fail != nil || op <= opReturn {
			return false
		}
		if int(o.pop) > above {
			return o.nan != 0 || op >= firstFloatOrder && op <= lastFloatOrder || truncates(op)
		}
		above += int(o.push) - int(o.pop)
	}
	return false
}

// Comparisons of floats.
const (
	firstFloatOrder = 0x5b
	lastFloatOrder  = 0x66
)

// truncates tells conversions of floats to integers, which trap on a NaN.
func truncates(op byte) bool { return op >= 0xa8 && op <= 0xab || op >= 0xae && op <= 0xb1 }
