package wasm_test

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/wasm"
	mt "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// Large fills and copies are made in pieces. Their outcome is that of the instruction,
// overlapping in either direction too, and what ends beyond the memory writes nothing.
func TestLargeBulkInstructionsAreWhole(t *testing.T) {
	if testing.Short() {
		t.Skip("hashes much memory, which is slow under the race detector")
	}
	const size = 64 << 16
	for name, c := range map[string]struct {
		to, from, n int32
		fill        bool
		traps       bool
	}{
		"fill, nothing":           {to: 5, n: 0, fill: true},
		"fill, a piece":           {to: 5, n: 1 << 20, fill: true},
		"fill, a byte more":       {to: 5, n: 1<<20 + 1, fill: true},
		"fill to the end":         {to: 3, n: size - 3, fill: true},
		"fill beyond the end":     {to: 4, n: size - 3, fill: true, traps: true},
		"fill far beyond":         {to: -4, n: 1 << 30, fill: true, traps: true},
		"copy down, overlapping":  {to: 1000, from: 1003, n: 5 << 19},
		"copy up, overlapping":    {to: 1003, from: 1000, n: 5 << 19},
		"copy up, a piece apart":  {to: 1 << 20, from: 0, n: 5 << 19},
		"copy to itself":          {to: 7, from: 7, n: 3 << 19},
		"copy apart":              {to: 3 << 19, from: 0, n: 3 << 19},
		"copy apart, down":        {to: 0, from: 3 << 19, n: 3 << 19},
		"copy exactly two pieces": {to: 9, from: 1, n: 2 << 20},
		"copy from beyond":        {to: 0, from: size - (2 << 20) + 1, n: 2 << 20, traps: true},
		"copy to beyond":          {to: size - (2 << 20) + 1, from: 0, n: 2 << 20, traps: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := mt.New()
			b.Pages = 64
			crypto, output, put := b.ABI("crypto"), b.ABI("output"), b.ABI("put")
			// A pattern over all of the memory: 4 bytes from a generator each.
			pattern := mt.Cat(i32(0), mt.Set(0), mt.Op(0x03, 0x40), mt.Get(0), mt.Get(0), i32(1664525), mt.Op(0x6c), i32(12345), mt.Op(0x6a), mt.Memory(0x36, 2, 0),
				mt.Get(0), i32(4), mt.Op(0x6a), mt.Tee(0), i32(size), mt.Op(0x49, 0x0d, 0x00, 0x0b))
			bulk := mt.Cat(i32(c.to), i32(c.from), i32(c.n), mt.Op(0xfc, 10, 0, 0))
			if c.fill {
				bulk = mt.Cat(i32(c.to), i32(0xa5), i32(c.n), mt.Op(0xfc, 11, 0))
			}
			sum := mt.Cat(i32(1), i32(0), i32(size), i32(64), i32(32), mt.CallFunc(crypto), mt.Op(0x1a), i32(64), i32(32), mt.CallFunc(output))
			code := b.Call([]byte{mt.I32}, i32(0), i32(1), i32(0), i32(1), i32(0), i32(0), mt.CallFunc(put), mt.Op(0x1a), pattern, bulk, sum, i32(0)).Bytes()
			o, _ := both(t, code, wasm.Call{}, 2*plenty)
			if c.traps {
				require.Equal(t, wasm.Trapped, o.Status, o.Message)
				require.Equal(t, "out of bounds memory access", o.Message)
				return
			}
			require.Equal(t, wasm.OK, o.Status, o.Message)
			memory := make([]byte, size)
			for i := 0; i < size; i += 4 {
				v := uint32(i)*1664525 + 12345
				memory[i], memory[i+1], memory[i+2], memory[i+3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
			}
			if c.fill {
				copy(memory[c.to:], bytes.Repeat([]byte{0xa5}, int(c.n)))
			} else {
				copy(memory[c.to:c.to+c.n], memory[c.from:c.from+c.n])
			}
			want := sha256.Sum256(memory)
			require.Equal(t, want[:], o.Output)
		})
	}
}
