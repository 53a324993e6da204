package module_test

import (
	"context"
	"encoding/binary"
	"math/bits"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"

	"github.com/concordat-ledger/concordat/wasm/module"
	asm "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// What wazero 1.12.0 gets wrong on arm64, and the rewriting therefore avoids. Each
// case counts its wrong answers, as written and rewritten. That the first are there
// on arm64 keeps the cases honest: when an engine is mended they fail, and the
// rewriting may go once every member of a ledger runs that engine.

// The result of rem is kept in a register that may be spilled half-way: it takes
// many living values to see it.
func TestRemainderWhenRegistersAreScarce(t *testing.T) {
	const living = 40
	b := asm.New()
	b.NoMarker = true
	locals := make([]byte, living)
	var body []byte
	for i := range locals {
		locals[i] = asm.I64
		body = asm.Cat(body, asm.I32Const(int32(8*i)), asm.Memory(0x29, 3, 0), asm.Set(uint32(i)))
	}
	for i := range uint32(living) { // local i = local i rem local i+7, while all others are needed below
		body = asm.Cat(body, asm.Get(i), asm.Get((i+7)%living), asm.I64Const(1), asm.Op(0x84, 0x82), asm.Set(i))
	}
	for i := range uint32(living) {
		body = asm.Cat(body, asm.I32Const(int32(8*i)), asm.Get(i), asm.Memory(0x37, 3, 0))
	}
	b.Export("run", 0, b.Func(nil, nil, locals, body))
	var in, want [living]uint64
	for i := range in {
		in[i] = bits.RotateLeft64(0x9e3779b97f4a7c15*uint64(i+1), i)
	}
	want = in
	for i := range want {
		want[i] %= want[(i+7)%living] | 1
	}
	asWritten, rewritten := wrong(t, b.Bytes(), in[:], want[:])
	t.Logf("%s: %d of %d remainders wrong as written, %d rewritten", runtime.GOARCH, asWritten, living, rewritten)
	require.Zero(t, rewritten)
	require.Equal(t, runtime.GOARCH == "arm64", asWritten > 0)
}

// popcnt of 32 bits counts all 64 of a register, and a load of 8 or 16 bits with
// their sign fills all 64.
func TestPopulationCountOfASignedLoad(t *testing.T) {
	const numbers = 40
	b := asm.New()
	b.NoMarker = true
	var body []byte
	for i := range int32(numbers) {
		body = asm.Cat(body, asm.I32Const(8*i), asm.I32Const(8*i), asm.Memory(byte(0x2c+i%2*2), 0, 0), asm.Op(0x69, 0xad), asm.Memory(0x37, 3, 0))
	}
	b.Export("run", 0, b.Func(nil, nil, nil, body))
	var in, want [numbers]uint64
	for i := range in {
		in[i] = 0x9e3779b97f4a7c15*uint64(i+1) | 0x8080
		want[i] = uint64(bits.OnesCount32(uint32(int32(int8(in[i])))))
		if i%2 == 1 {
			want[i] = uint64(bits.OnesCount32(uint32(int32(int16(in[i])))))
		}
	}
	asWritten, rewritten := wrong(t, b.Bytes(), in[:], want[:])
	t.Logf("%s: %d of %d counts wrong as written, %d rewritten", runtime.GOARCH, asWritten, numbers, rewritten)
	require.Zero(t, rewritten)
	require.Equal(t, runtime.GOARCH == "arm64", asWritten > 0)
}

// A branch on a comparison of x & y with zero tests the bits alone: no order of
// unsigned numbers on arm64, and on both processors not the order of 0 and x & y.
func TestBranchOnBitsComparedWithZero(t *testing.T) {
	b := asm.New()
	b.NoMarker = true
	var body []byte
	var in, want []uint64
	zero := uint32(2) // a local that is never set: also a zero
	for _, bits := range []uint64{0, 1, 1 << 31, 0xffffffff} {
		for order := range 8 { // lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u
			for form := range 4 {
				at := asm.I32Const(int32(8 * len(in)))
				and := asm.Cat(asm.Get(0), asm.Get(1), asm.Op(0x71))
				compare := asm.Op(byte(0x48 + order))
				one, other := and, asm.I32Const(0)
				if form%2 == 1 {
					other = asm.Get(zero)
				}
				if form >= 2 {
					one, other = other, one
				}
				body = asm.Cat(body, at, asm.Memory(0x28, 2, 0), asm.Set(0), at, asm.Memory(0x28, 2, 4), asm.Set(1),
					at, one, other, compare, asm.Op(0x04, asm.I64), asm.I64Const(1), asm.Op(0x05), asm.I64Const(0), asm.Op(0x0b), asm.Memory(0x37, 3, 0))
				in = append(in, bits|0xffffffff<<32)
				x, y := uint32(bits), uint32(0)
				if form >= 2 {
					x, y = y, x
				}
				holds := []bool{int32(x) < int32(y), x < y, int32(x) > int32(y), x > y, int32(x) <= int32(y), x <= y, int32(x) >= int32(y), x >= y}[order]
				want = append(want, map[bool]uint64{true: 1}[holds])
			}
		}
	}
	b.Export("run", 0, b.Func(nil, nil, []byte{asm.I32, asm.I32, asm.I32}, body))
	asWritten, rewritten := wrong(t, b.Bytes(), in, want)
	t.Logf("%s: %d of %d branches wrong as written, %d rewritten", runtime.GOARCH, asWritten, len(in), rewritten)
	require.Zero(t, rewritten)
	require.Positive(t, asWritten)
}

// wrong runs a module on numbers at the start of its memory, in machine code, and
// counts those that are not as wanted.
func wrong(t *testing.T, code []byte, in, want []uint64) (asWritten, rewritten int) {
	t.Helper()
	count := func(instrument func([]byte) ([]byte, error)) (n int) {
		ctx := context.Background()
		out, err := instrument(code)
		require.NoError(t, err)
		rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
		defer func() { require.NoError(t, rt.Close(ctx)) }()
		m, err := rt.InstantiateWithConfig(ctx, out, wazero.NewModuleConfig().WithStartFunctions())
		require.NoError(t, err)
		refuel(m)
		for i, v := range in {
			m.Memory().WriteUint64Le(uint32(8*i), v)
		}
		_, err = m.ExportedFunction("run").Call(ctx)
		require.NoError(t, err)
		for i, v := range want {
			have, _ := m.Memory().Read(uint32(8*i), 8)
			if binary.LittleEndian.Uint64(have) != v {
				n++
			}
		}
		return n
	}
	return count(module.InstrumentAsWritten), count(module.InstrumentAny)
}
