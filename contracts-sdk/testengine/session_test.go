package testengine

import (
	"io"
	"math"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/module"
	"github.com/concordat-ledger/concordat/wasm/schema"
	asm "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

func i32(v int32) []byte { return asm.I32Const(v) }

// asker calls "other", or itself as "asker" when its method is "o", then writes for
// everybody and puts out the statuses of the two.
func asker(ready bool) []byte {
	b := asm.New()
	read, invoke, put, output := b.ABI("call_read"), b.ABI("invoke"), b.ABI("put"), b.ABI("output")
	b.Data = asm.DataAt(0, []byte("otherasker\x00\x00\x0a\x01i"))
	call := func(name int32) []byte {
		return asm.Cat(i32(900), i32(name), i32(5), i32(12), i32(3), asm.I64Const(math.MaxInt64), asm.CallFunc(invoke), asm.Memory(0x36, 2, 0))
	}
	b.Call(nil,
		i32(1000), i32(500), asm.CallFunc(read), asm.Op(0x1a),
		i32(1002), asm.Memory(0x2d, 0, 0), i32('a'), asm.Op(0x46, 0x04, 0x40), call(0), asm.Op(0x0b),
		i32(1002), asm.Memory(0x2d, 0, 0), i32('o'), asm.Op(0x46, 0x04, 0x40), call(5), asm.Op(0x0b),
		i32(904), i32(0), i32(1), i32(0), i32(1), i32(0), i32(0), asm.CallFunc(put), asm.Memory(0x36, 2, 0),
		i32(900), i32(8|math.MinInt32), asm.CallFunc(output), i32(0)) // declassified
	if ready {
		b.Export(module.ExportReentrant, 3, b.Global(asm.I32, false, i32(1)))
	}
	return b.Bytes()
}

// serve runs a call in the engine, whose questions are answered by other.
func serve(t *testing.T, code []byte, c call, other func(asked answer) answer) answer {
	kitIn, engineOut := io.Pipe()
	engineIn, kitOut := io.Pipe()
	s, err := schema.Parse(protocol)
	require.NoError(t, err)
	kit := &stream{in: kitIn, out: kitOut, schema: s}
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(t.Context(), code, engineIn, engineOut, func(Measured) error { return nil })
	}()
	require.NoError(t, kit.write("call", c))
	var a answer
	for {
		a = answer{}
		require.NoError(t, kit.read("answer", &a))
		if a.Status != asks {
			break
		}
		require.NoError(t, kit.write("answer", other(a)))
	}
	require.NoError(t, kitOut.Close())
	require.NoError(t, <-ended)
	return a
}

// What a called contract has read counts for its caller, as on a ledger.
func TestWhatOthersReadCounts(t *testing.T) {
	for name, one := range map[string]struct {
		read []read
		want []byte // of the call, and of the write for everybody
	}{
		"nothing":             {nil, []byte{0, 0, 0, 0, 0, 0, 0, 0}},
		"a private record":    {[]read{{ledger.Audience{"alice@a"}}}, []byte{0, 0, 0, 0, 4, 0, 0, 0}},
		"two private records": {[]read{{ledger.Audience{"alice@a"}}, {ledger.Audience{"bob@b", "org:a"}}}, []byte{0, 0, 0, 0, 4, 0, 0, 0}},
	} {
		a := serve(t, asker(false), call{Method: "a", Caller: "alice@a", Self: "asker"}, func(asked answer) answer {
			require.Equal(t, "other", asked.Contract)
			return answer{Read: one.read}
		})
		require.EqualValues(t, wasm.OK, a.Status, a.Message)
		require.Equal(t, one.want, a.Output, name)
	}
}

// The engine itself says whether a contract may be entered again: only a module that
// declares it.
func TestTheModuleSaysWhetherItIsEnteredAgain(t *testing.T) {
	for ready, want := range map[bool]byte{true: 0, false: 1} {
		a := serve(t, asker(ready), call{Method: "o", Caller: "alice@a", Self: "asker"}, func(asked answer) answer {
			t.Error("the test kit is asked for the contract itself")
			return answer{}
		})
		require.EqualValues(t, wasm.OK, a.Status, a.Message)
		require.Equal(t, []byte{want, 0, 0, 0, 0, 0, 0, 0}, a.Output)
		require.Len(t, a.Changes, map[bool]int{true: 2, false: 1}[ready])
	}
}

// One list of readers stands for all audiences: it covers whom each of them does.
func TestReadersOfSeveralRecords(t *testing.T) {
	random := rand.New(rand.NewSource(3))
	names := []ledger.Party{"org:a", "org:b", "1@a", "2@a", "1@b", "contract:x", "x"}
	few := 0
	for range 2000 {
		var readers wasm.Readers
		var all []ledger.Audience
		for range 1 + random.Intn(4) {
			var a ledger.Audience
			for range 1 + random.Intn(4) {
				a = append(a, names[random.Intn(len(names))])
			}
			all = append(all, ledger.NewAudience(a...))
			readers = both(readers, a)
		}
		for _, entry := range names {
			want := true
			for _, a := range all {
				want = want && covered(a, entry)
			}
			require.Equal(t, want, covered(readers.Entries, entry), "%s of %v: %v", entry, all, readers)
			if want {
				few++
			}
		}
	}
	require.Greater(t, few, 1000)
}
