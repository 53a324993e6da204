package benchmarks

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/memory"
	"github.com/concordat-ledger/concordat/wasm/schema"
	"github.com/concordat-ledger/concordat/wasm/wasmtest"
	asm "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// Bounds of what a call costs, in the machine that the figures of results.md are of.
const (
	transferGoMax   = 10 * time.Microsecond
	transferRustMax = 5 * time.Microsecond
	resetMax        = 3 * time.Microsecond
	trapMax         = 100 * time.Microsecond
)

// TestCallsCost measures what is paid once a call, whatever the contract does: state
// access and reset in a transfer of the token, the reset alone, and a trap.
func TestCallsCost(t *testing.T) {
	if !*flagCost {
		t.Skip("needs -cost and a quiet machine")
	}
	e, err := wasm.New(t.Context(), wasm.Config{})
	require.NoError(t, err)
	defer func() { require.NoError(t, e.Close(t.Context())) }()
	within := func(what string, most time.Duration, one func()) {
		took := perCall(one)
		t.Logf("%-34s %6.2f µs, at most %s", what, took.Seconds()*1e6, most)
		assert.LessOrEqual(t, took, most, what)
	}
	for _, token := range []struct {
		name string
		code []byte
		most time.Duration
	}{{"Go", examples.TokenGo, transferGoMax}, {"Rust", examples.TokenRust, transferRustMax}} {
		m, err := e.Compile(t.Context(), token.code)
		require.NoError(t, err)
		s, call := transfer(t, m)
		within("transfer of the token in "+token.name, token.most, func() { succeed(t, m, call, s) })
		wrong := *call
		wrong.Args = []byte{0xff}
		within("refused arguments in "+token.name, token.most, func() {
			if o := m.Call(&wrong, s, callGas); o.Status != wasm.Failed {
				t.Fatal(o)
			}
		})
		require.NoError(t, m.Close(t.Context()))
	}
	for name, body := range map[string]func(b *asm.Builder) []byte{
		"a trap: unreachable":       func(*asm.Builder) []byte { return asm.Op(0x00) },
		"a trap: outside of memory": func(*asm.Builder) []byte { return asm.Cat(asm.I32Const(-1), asm.Memory(0x28, 2, 0), asm.Op(0x1a)) },
		"a trap: recursion without end": func(b *asm.Builder) []byte {
			before := b.Func(nil, nil, nil)
			return asm.CallFunc(b.Func(nil, nil, nil, asm.CallFunc(before+1))) // itself
		},
	} {
		b := asm.New()
		m, err := e.Compile(t.Context(), b.Call(nil, body(b), asm.I32Const(0)).Bytes())
		require.NoError(t, err, name)
		s := wasmtest.New()
		within(name, trapMax, func() {
			if o := m.Call(&wasm.Call{}, s, callGas); o.Status != wasm.Trapped {
				t.Fatal(o)
			}
		})
		require.NoError(t, m.Close(t.Context()))
	}
	for _, pages := range []int{1, 8, 16} {
		took := resetOf(t, pages)
		t.Logf("reset of %2d written pages           %6.2f µs, at most %s", pages, took.Seconds()*1e6, resetMax)
		assert.LessOrEqual(t, took, resetMax)
	}
}

const callGas = 100_000_000

// transfer is a state in which alice has units, and a transfer of one of them.
func transfer(t *testing.T, m *wasm.Module) (*wasmtest.State, *wasm.Call) {
	t.Helper()
	s, err := schema.Parse(examples.TokenSchema)
	require.NoError(t, err)
	has := wasmtest.New()
	for _, c := range [][]string{{"init", "symbol=EUR"}, {"mint", "to=alice@a", "amount=1000000000"}} {
		args, err := s.ArgsFromPairs(c[0], c[1:])
		require.NoError(t, err)
		require.Equal(t, wasm.OK, has.Call(m, wasm.Call{Method: c[0], Args: args, Caller: "admin@a"}, callGas).Status)
	}
	args, err := s.ArgsFromPairs("transfer", []string{"to=bob@b", "amount=1", "memo=a purpose of thirty characters"})
	require.NoError(t, err)
	return has, &wasm.Call{Method: "transfer", Args: args, Caller: "alice@a", Self: "token"}
}

func succeed(t *testing.T, m *wasm.Module, call *wasm.Call, s *wasmtest.State) {
	if o := m.Call(call, s, callGas); o.Status != wasm.OK {
		t.Fatal(o)
	}
	s.Events = s.Events[:0]
}

// perCall is the median over rounds of the mean time of a call.
func perCall(one func()) time.Duration {
	const rounds, calls = 15, 1_000
	for range calls {
		one()
	}
	var took []time.Duration
	for range rounds {
		begin := time.Now()
		for range calls {
			one()
		}
		took = append(took, time.Since(begin)/calls)
	}
	slices.Sort(took)
	return took[rounds/2]
}

// resetOf measures the reset of a memory as large as a Go contract's after some of its
// pages were written; the writing is not counted, but what it makes the reset look for is.
func resetOf(t *testing.T, pages int) time.Duration {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const wasmPage, size = 64 << 10, 53
	space, err := memory.Reserve(256*wasmPage, false)
	require.NoError(t, err)
	defer space.Free()
	space.Reallocate(size * wasmPage)
	_, err = space.Capture()
	require.NoError(t, err)
	view := space.Reallocate(size * wasmPage)
	var took []time.Duration
	for range 2_000 {
		space.Begin()
		for page := range pages {
			view[page*memory.PageBytes*7]++
		}
		begin := time.Now()
		n, err := space.Reset()
		took = append(took, time.Since(begin))
		require.NoError(t, err)
		require.Equal(t, pages, n)
	}
	slices.Sort(took)
	return took[len(took)/2]
}
