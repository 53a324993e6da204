package corpus

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/concordat-ledger/concordat/wasm"
	asm "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// plenty is gas for what is not about gas.
const plenty = 10_000_000

// argsAt is where the arguments stand when the call is read to address 0: behind
// the tag and the length of their field.
const argsAt = 2

// words are calls with 64-bit little-endian arguments.
func words(name string, values ...uint64) call {
	var args []byte
	for _, v := range values {
		args = binary.LittleEndian.AppendUint64(args, v)
	}
	return call{Call: wasm.Call{Args: args}, name: name, gas: plenty}
}

// reading begins a module's call: the arguments are in memory.
func reading(b *asm.Builder) (read []byte, output uint32) {
	f := b.ABI("call_read")
	return asm.Cat(asm.I32Const(0), asm.I32Const(256), asm.CallFunc(f), asm.Op(0x1a)), b.ABI("output")
}

// argument loads the i-th argument. An i32 is what is left of 64 bits: some code
// of an engine looks at the rest of the register.
func argument(kind byte, i int) []byte {
	if kind == asm.I32 {
		return asm.Cat(asm.I32Const(argsAt+8*int32(i)), load(asm.I64, 0), asm.I64Const(rest), asm.Op(0x84, 0xa7))
	}
	return asm.Cat(asm.I32Const(argsAt+8*int32(i)), load(kind, 0))
}

// rest is in the upper half of every i32.
const rest = -0x2152411100000000

// short loads the i-th argument with the sign of its lower half.
func short(i int) []byte {
	return asm.Cat(asm.I32Const(argsAt+8*int32(i)), asm.Memory(0x2e, 0, 0))
}

var names = map[byte]string{asm.I32: "i32", asm.I64: "i64", asm.F32: "f32", asm.F64: "f64"}

// numeric has a module for every numeric instruction, called with all pairs of
// numbers at which arithmetic turns, NaNs of all sorts among them.
func numeric() []entry {
	var out []entry
	for _, kind := range kinds {
		for _, o := range operations[kind] {
			out = append(out, numericEntry(kind, o, "", argument))
			if bytes.IndexByte(o.takes, asm.I32) >= 0 {
				out = append(out, numericEntry(kind, o, "-short", func(_ byte, i int) []byte { return short(i) }))
			}
		}
	}
	return out
}

// pairsOf numbers are taken for pairs; those behind are the ends of conversions.
const pairsOf = 18

func numericEntry(kind byte, o operation, suffix string, operand func(kind byte, i int) []byte) entry {
	b := asm.New()
	b.MaxPages = 1
	read, output := reading(b)
	body := asm.Cat(read, asm.I32Const(128))
	name := fmt.Sprintf("numeric/%x", o.code)
	for i, takes := range o.takes {
		body = append(body, operand(takes, i)...)
		name += "-" + names[takes]
	}
	body = asm.Cat(body, o.code, store(kind, 0), asm.I32Const(128), asm.I32Const(8), asm.CallFunc(output), asm.I32Const(0))
	b.Call(nil, body)
	en := entry{name: name + "-" + names[kind] + suffix, code: b.Bytes(), fold: true, blind: true}
	xs := edges(o.takes[0])
	if len(o.takes) == 1 {
		for _, x := range xs {
			en.calls = append(en.calls, words("", x))
		}
		return en
	}
	xs = xs[:min(len(xs), pairsOf)]
	for _, x := range xs {
		for _, y := range xs {
			en.calls = append(en.calls, words("", x, y))
		}
	}
	return en
}

// edges are the bits of the numbers of a kind at which arithmetic turns.
func edges(kind byte) []uint64 {
	var out []uint64
	switch kind {
	case asm.I32:
		for _, v := range edges32 {
			out = append(out, uint64(uint32(v)))
		}
	case asm.I64:
		for _, v := range edges64 {
			out = append(out, uint64(v))
		}
	case asm.F32:
		for _, v := range bits32 {
			out = append(out, uint64(v))
		}
	default:
		out = append(out, bits64...)
	}
	return out
}

// accesses has a module for every load and store, called at the ends of memory,
// with small and with huge offsets.
func accesses() []entry {
	var out []entry
	for _, kind := range kinds {
		for _, of := range []map[byte][]access{loads, stores} {
			for _, m := range of[kind] {
				for _, offset := range []uint32{0, 3, 65_536, 1<<32 - 1} {
					out = append(out, accessEntry(kind, m, offset))
				}
			}
		}
	}
	return out
}

func accessEntry(kind byte, m access, offset uint32) entry {
	b := asm.New()
	b.MaxPages = 1
	pattern := make([]byte, 64)
	for i := range pattern {
		pattern[i] = byte(0x70 + 5*i) // both signs
	}
	b.Data = asm.DataAt(65_472, pattern)
	read, output := reading(b)
	at := argument(asm.I32, 0)
	code := asm.Memory(m.op, 0, offset)
	body := read
	if m.op < 0x36 {
		body = asm.Cat(body, asm.I32Const(128), at, code, store(kind, 0))
	} else {
		body = asm.Cat(body, at, argument(kind, 1), code)
	}
	b.Call(nil, body, asm.I32Const(128), asm.I32Const(8), asm.CallFunc(output), asm.I32Const(0))
	en := entry{name: fmt.Sprintf("memory/%02x+%d", m.op, offset), code: b.Bytes(), fold: true}
	for _, address := range []uint64{0, 1, 300, 65_521, 65_527, 65_528, 65_531, 65_532, 65_533, 65_535, 65_536, 1 << 31, 1<<32 - 8, 1<<32 - 1} {
		en.calls = append(en.calls, words("", address, 0xfff00123456789ab))
	}
	return en
}
