// Package assemble writes small WebAssembly modules for tests.
package assemble

import (
	"encoding/binary"
	"math"

	"github.com/concordat-ledger/concordat/wasm/module"
)

// Builder collects a module's parts. New gives one that the checker accepts once
// a function is exported as call.
type Builder struct {
	Pages, MaxPages uint32 // MaxPages 0: none declared
	NoMemory        bool
	NoMarker        bool
	TableMin        uint32 // 0: no table
	Elements        []byte // section content
	Data            []byte // section content
	Start           int    // function index of a start section, -1 for none
	Raw             []byte // appended behind all sections
	MemoryFlags     byte   // added to the limits' flags

	types   [][2][]byte
	imports [][]byte
	funcs   []uint32
	bodies  [][]byte
	globals [][]byte
	exports [][]byte
}

// Value types.
const (
	I32 = module.I32
	I64 = module.I64
	F32 = module.F32
	F64 = module.F64
)

// New is a builder with one page of memory.
func New() *Builder { return &Builder{Pages: 1, Start: -1} }

func u(v uint64) []byte { return binary.AppendUvarint(nil, v) }

func name(s string) []byte { return append(u(uint64(len(s))), s...) }

func (b *Builder) typeIndex(params, results []byte) uint32 {
	for i, t := range b.types {
		if string(t[0]) == string(params) && string(t[1]) == string(results) {
			return uint32(i) // #nosec G115 -- test modules are small
		}
	}
	b.types = append(b.types, [2][]byte{params, results})
	return uint32(len(b.types) - 1) // #nosec G115 -- test modules are small
}

// Import adds an imported function; all imports come before the first Func.
func (b *Builder) Import(from, function string, params, results []byte) uint32 {
	e := append(name(from), name(function)...)
	e = append(append(e, 0), u(uint64(b.typeIndex(params, results)))...)
	b.imports = append(b.imports, e)
	return uint32(len(b.imports) - 1) // #nosec G115 -- test modules are small
}

// ABI imports one of the interface's functions with its true signature.
func (b *Builder) ABI(function string) uint32 {
	for _, o := range module.Offers() {
		if o.Name == function {
			return b.Import(o.Module, function, o.Params, o.Results)
		}
	}
	panic("no such function: " + function)
}

// Func adds a function. Its body is written without the last end.
func (b *Builder) Func(params, results, locals []byte, body ...[]byte) uint32 {
	code := u(uint64(len(locals)))
	for _, l := range locals {
		code = append(code, 1, l)
	}
	code = append(append(code, Cat(body...)...), 0x0b)
	b.funcs = append(b.funcs, b.typeIndex(params, results))
	b.bodies = append(b.bodies, code)
	return uint32(len(b.imports) + len(b.funcs) - 1) // #nosec G115 -- test modules are small
}

// Call adds a function and exports it as the interface's call.
func (b *Builder) Call(locals []byte, body ...[]byte) *Builder {
	b.Export(module.ExportCall, 0, b.Func(nil, []byte{I32}, locals, body...))
	return b
}

// Global adds a global with a constant expression and returns its index.
func (b *Builder) Global(kind byte, mutable bool, init []byte) uint32 {
	m := byte(0)
	if mutable {
		m = 1
	}
	b.globals = append(b.globals, append(append([]byte{kind, m}, init...), 0x0b))
	return uint32(len(b.globals) - 1) // #nosec G115 -- test modules are small
}

// Export adds an export; kind 0 is a function, 2 the memory, 3 a global.
func (b *Builder) Export(as string, kind byte, index uint32) {
	b.exports = append(b.exports, append(append(name(as), kind), u(uint64(index))...))
}

func vector(list [][]byte) []byte { return append(u(uint64(len(list))), Cat(list...)...) }

// Bytes is the module.
func (b *Builder) Bytes() []byte {
	out := []byte("\x00asm\x01\x00\x00\x00")
	section := func(id byte, content []byte) {
		out = append(append(append(out, id), u(uint64(len(content)))...), content...)
	}
	exports := b.exports
	if !b.NoMarker {
		marker := b.Global(I32, false, I32Const(1))
		exports = append(exports, append(append(name(module.ExportMarker), 3), u(uint64(marker))...))
	}
	if !b.NoMemory {
		exports = append(exports, append(name(module.ExportMemory), 2, 0))
	}
	var types, funcs [][]byte
	for _, t := range b.types {
		types = append(types, Cat([]byte{0x60}, u(uint64(len(t[0]))), t[0], u(uint64(len(t[1]))), t[1]))
	}
	for _, f := range b.funcs {
		funcs = append(funcs, u(uint64(f)))
	}
	section(1, vector(types))
	section(2, vector(b.imports))
	section(3, vector(funcs))
	if b.TableMin > 0 {
		section(4, append([]byte{1, 0x70, 0}, u(uint64(b.TableMin))...))
	}
	if !b.NoMemory {
		if b.MaxPages > 0 {
			section(5, Cat([]byte{1, 1 | b.MemoryFlags}, u(uint64(b.Pages)), u(uint64(b.MaxPages))))
		} else {
			section(5, Cat([]byte{1, b.MemoryFlags}, u(uint64(b.Pages))))
		}
	}
	section(6, vector(b.globals))
	section(7, vector(exports))
	if b.Start >= 0 {
		section(8, u(uint64(b.Start)))
	}
	if b.Elements != nil {
		section(9, b.Elements)
	}
	var bodies [][]byte
	for _, c := range b.bodies {
		bodies = append(bodies, append(u(uint64(len(c))), c...))
	}
	section(10, vector(bodies))
	if b.Data != nil {
		section(11, b.Data)
	}
	return append(out, b.Raw...)
}

// Cat joins pieces of code.
func Cat(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// Op is instructions without immediates.
func Op(codes ...byte) []byte { return codes }

func signed(v int64) []byte {
	var b []byte
	for {
		low := byte(v & 0x7f)
		v >>= 7
		if v == 0 && low&0x40 == 0 || v == -1 && low&0x40 != 0 {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}

// I32Const and the others are constants.
func I32Const(v int32) []byte { return append([]byte{0x41}, signed(int64(v))...) }

// I64Const is i64.const.
func I64Const(v int64) []byte { return append([]byte{0x42}, signed(v)...) }

// F32Const is f32.const.
func F32Const(v float32) []byte {
	return binary.LittleEndian.AppendUint32([]byte{0x43}, math.Float32bits(v))
}

// F64Const is f64.const.
func F64Const(v float64) []byte {
	return binary.LittleEndian.AppendUint64([]byte{0x44}, math.Float64bits(v))
}

// Get, Set and Tee work on locals.
func Get(local uint32) []byte { return append([]byte{0x20}, u(uint64(local))...) }

// Set is local.set.
func Set(local uint32) []byte { return append([]byte{0x21}, u(uint64(local))...) }

// Tee is local.tee.
func Tee(local uint32) []byte { return append([]byte{0x22}, u(uint64(local))...) }

// GlobalGet is global.get.
func GlobalGet(g uint32) []byte { return append([]byte{0x23}, u(uint64(g))...) }

// GlobalSet is global.set.
func GlobalSet(g uint32) []byte { return append([]byte{0x24}, u(uint64(g))...) }

// CallFunc is call.
func CallFunc(f uint32) []byte { return append([]byte{0x10}, u(uint64(f))...) }

// Memory is a load or store with alignment and offset.
func Memory(op byte, align, offset uint32) []byte {
	return Cat([]byte{op}, u(uint64(align)), u(uint64(offset)))
}

// DataAt is a data section with one active segment.
func DataAt(offset int32, content []byte) []byte {
	return Cat([]byte{1, 0}, I32Const(offset), []byte{0x0b}, u(uint64(len(content))), content)
}
