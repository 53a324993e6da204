package wasm_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/wasmtest"
	mt "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

func BenchmarkCall(b *testing.B) {
	small := mt.New()
	get, put := small.ABI("get"), small.ABI("put")
	small.Data = mt.DataAt(0, []byte("k"))
	small.Call(nil, i32(0), i32(1), i32(16), i32(8), mt.CallFunc(get), mt.Op(0x1a),
		i32(16), i32(16), mt.Memory(0x28, 2, 0), i32(1), mt.Op(0x6a), mt.Memory(0x36, 2, 0),
		i32(0), i32(1), i32(16), i32(8), i32(0), i32(0), mt.CallFunc(put))
	e, err := wasm.New(b.Context(), wasm.Config{})
	require.NoError(b, err)
	for name, code := range map[string][]byte{"counter": small.Bytes(), "go-goroutines": buildGo(b, goGuest)} {
		b.Run(name, func(b *testing.B) {
			m := compile(b, e, code)
			s := wasmtest.New()
			call := wasm.Call{Method: "transfer", Self: "token"}
			var used uint64
			for b.Loop() {
				o := m.Call(&call, s, plenty)
				if o.Status != wasm.OK {
					b.Fatal(o)
				}
				used = o.GasUsed
			}
			b.ReportMetric(float64(used), "gas/op")
		})
	}
}

func BenchmarkCompileGo(b *testing.B) {
	code := buildGo(b, goGuest)
	e, err := wasm.New(b.Context(), wasm.Config{})
	require.NoError(b, err)
	for b.Loop() {
		m, err := e.Compile(b.Context(), code)
		if err != nil {
			b.Fatal(err)
		}
		if err := m.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
