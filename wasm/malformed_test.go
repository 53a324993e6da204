package wasm_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/module"
	"github.com/concordat-ledger/concordat/wasm/wasmtest"
	mt "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// sameInBoth judges a module in both engines and, if it is accepted, calls it: verdict,
// outcome, gas and writes must be the same, within bounded time.
func sameInBoth(t *testing.T, machine, interpreter *wasm.Engine, code []byte) (accepted bool) {
	t.Helper()
	begun := time.Now()
	a, errA := machine.Compile(context.Background(), code)
	b, errB := interpreter.Compile(context.Background(), code)
	var refused, also *module.Refusal
	if errA != nil || errB != nil {
		if !errors.As(errA, &refused) || !errors.As(errB, &also) || *refused != *also {
			t.Fatalf("machine code: %v\ninterpreter: %v\nmodule %x", errA, errB, code)
		}
		return false
	}
	defer func() {
		require.NoError(t, a.Close(context.Background()))
		require.NoError(t, b.Close(context.Background()))
	}()
	if what := a.Differs(b); what != "" {
		t.Fatalf("%s\nmodule %x", what, code)
	}
	for _, gas := range []uint64{0, 1_000, 300_000} {
		first, second := wasmtest.New(), wasmtest.New()
		x := first.Call(a, wasm.Call{Method: "m"}, gas)
		y := second.Call(b, wasm.Call{Method: "m"}, gas)
		if x.Status == wasm.Halt || y.Status == wasm.Halt {
			t.Fatalf("halts: %v, %v\nmodule %x", x.Err, y.Err, code)
		}
		if x.GasUsed > gas {
			t.Fatalf("%d gas of %d\nmodule %x", x.GasUsed, gas, code)
		}
		require.Equal(t, x, y, "module %x", code)
		require.Equal(t, first, second, "module %x", code)
	}
	require.Less(t, time.Since(begun), 10*time.Second)
	return true
}

// specimen has something of every section, and code with branches, floats, bulk
// instructions, a table and host calls.
func specimen() []byte {
	b := mt.New()
	get, put, output := b.ABI("get"), b.ABI("put"), b.ABI("output")
	g := b.Global(mt.I64, true, mt.I64Const(-5))
	b.Data = mt.DataAt(8, []byte("key value"))
	add := b.Func([]byte{mt.I32, mt.I32}, []byte{mt.I32}, nil, mt.Get(0), mt.Get(1), mt.Op(0x6f), mt.Op(0x41, 0x03, 0x6a))
	b.TableMin = 2
	b.Elements = mt.Cat([]byte{1, 0}, i32(0), []byte{0x0b, 1}, []byte{byte(add)})
	b.Export("_initialize", 0, b.Func(nil, nil, nil, i32(200), i32(7), mt.Memory(0x36, 2, 0)))
	b.Export("warm", 0, b.Func(nil, nil, []byte{mt.F64}, mt.F64Const(1), mt.F64Const(3), mt.Op(0xa3), mt.Set(0), mt.GlobalGet(g), mt.I64Const(3), mt.Op(0x81), mt.GlobalSet(g)))
	b.Call([]byte{mt.I32, mt.F32},
		i32(8), i32(3), i32(64), i32(64), mt.CallFunc(get), mt.Op(0x1a),
		i32(10), mt.Set(0),
		mt.Op(0x03, 0x40), mt.Get(0), i32(1), mt.Op(0x6b), mt.Tee(0), mt.Op(0x0d, 0x00, 0x0b),
		mt.Op(0x02, 0x40, 0x02, 0x40), i32(1), mt.Op(0x0e, 0x01, 0x00, 0x01, 0x0b, 0x0b),
		i32(300), i32(9), i32(40), mt.Op(0xfc, 11, 0), i32(320), i32(300), i32(40), mt.Op(0xfc, 10, 0, 0),
		i32(400), i32(17), i32(5), i32(0), mt.Op(0x11, 0x03, 0x00), mt.Memory(0x36, 2, 0),
		i32(1), mt.Op(0x40, 0x00, 0x1a),
		i32(8), i32(3), i32(12), i32(5), i32(0), i32(0), mt.CallFunc(put), mt.Op(0x1a),
		i32(300), i32(110), mt.CallFunc(output), i32(0))
	return b.Bytes()
}

// A module that is cut off anywhere, or of which any byte is another, is refused alike
// or does the same in both engines, without a panic.
func TestMalformedModulesAreJudgedAlike(t *testing.T) {
	machine, interpreter := engine(t, wasm.Config{}), engine(t, wasm.Config{Interpreter: true})
	code := specimen()
	require.True(t, sameInBoth(t, machine, interpreter, code), "the specimen itself")
	whole := 0
	for n := range code {
		if sameInBoth(t, machine, interpreter, code[:n]) {
			whole++
		}
	}
	require.Equal(t, 1, whole, "only the cut before the last section leaves a module")
	accepted := 0
	for at := range code {
		for _, flip := range []byte{0x01, 0x40, 0x80, 0xff} {
			bad := append([]byte(nil), code...)
			bad[at] ^= flip
			if sameInBoth(t, machine, interpreter, bad) {
				accepted++
			}
		}
	}
	t.Logf("%d bytes, %d changed modules of %d are accepted", len(code), accepted, 4*len(code))
	require.Positive(t, accepted)
}

// Whatever the checker accepts is valid after the rewriting, and means the same in both
// engines, to the last unit of gas.
func FuzzBothEngines(f *testing.F) {
	f.Add(specimen())
	f.Add(mt.Hostile())
	f.Add(mt.New().Call(nil, i32(0)).Bytes())
	for _, code := range loops() {
		f.Add(code)
	}
	ctx := context.Background()
	machine, err := wasm.New(ctx, wasm.Config{})
	require.NoError(f, err)
	interpreter, err := wasm.New(ctx, wasm.Config{Interpreter: true})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, code []byte) {
		if len(code) > 64<<10 {
			return
		}
		sameInBoth(t, machine, interpreter, code)
	})
}

// FuzzBodies puts the fuzzer's bytes where a function's code is, so that more of them
// are valid.
func FuzzBodies(f *testing.F) {
	f.Add([]byte{0x41, 0x00})
	f.Add(mt.Cat(mt.Get(0), i32(3), mt.Op(0x70), mt.Tee(1), mt.Op(0x04, 0x7f), mt.Get(1), mt.Op(0x05), i32(4), mt.Op(0x0b)))
	f.Add(mt.Cat(mt.Op(0x03, 0x40), mt.Get(0), mt.Op(0x45, 0x0d, 0x00, 0x0b), mt.Get(2), mt.Get(2), mt.Op(0x7f, 0x1a), mt.Get(3), mt.Op(0x9f), mt.Set(3), i32(0)))
	f.Add(mt.Cat(i32(0), i32(1), i32(70000), mt.Op(0xfc, 11, 0), i32(1), mt.Op(0x40, 0), mt.Op(0x0f)))
	f.Add(mt.Cat(mt.Op(0x02, 0x7f), i32(1), mt.Get(0), mt.Op(0x0d, 0x00, 0x1a), mt.CallFunc(2), mt.Op(0x0b)))
	f.Add(mt.Cat(mt.Op(0x02, 0x40, 0x02, 0x40, 0x02, 0x40), mt.Get(0), mt.Op(0x0e, 0x02, 0x00, 0x01, 0x02, 0x0b, 0x0b, 0x0b), mt.Get(4), mt.Get(3), mt.Op(0xb6, 0x92), mt.Set(4), mt.Get(0)))
	ctx := context.Background()
	machine, err := wasm.New(ctx, wasm.Config{})
	require.NoError(f, err)
	interpreter, err := wasm.New(ctx, wasm.Config{Interpreter: true})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > 4<<10 {
			return
		}
		b := mt.New()
		put, output := b.ABI("put"), b.ABI("output")
		b.TableMin = 3
		b.Elements = mt.Cat([]byte{1, 0}, i32(0), []byte{0x0b, 1, 2})
		b.Call([]byte{mt.I32, mt.I32, mt.I64, mt.F64, mt.F32}, body)
		_, _ = put, output
		sameInBoth(t, machine, interpreter, b.Bytes())
	})
}
