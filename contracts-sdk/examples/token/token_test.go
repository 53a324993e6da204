package token_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	_ "github.com/concordat-ledger/concordat/contracts-sdk/examples/exampletest" // -update is for all packages here
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/schema"
	"github.com/concordat-ledger/concordat/wasm/wasmtest"
)

const gas = 50_000_000

func modules(t testing.TB, cfg wasm.Config) map[string]*wasm.Module {
	e, err := wasm.New(context.Background(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close(context.Background())) })
	out := map[string]*wasm.Module{}
	for name, code := range map[string][]byte{"go": examples.TokenGo, "rust": examples.TokenRust} {
		m, err := e.Compile(context.Background(), code)
		require.NoError(t, err, name)
		t.Cleanup(func() { require.NoError(t, m.Close(context.Background())) })
		out[name] = m
	}
	return out
}

func tokenSchema(t testing.TB) *schema.Schema {
	s, err := schema.Parse(examples.TokenSchema)
	require.NoError(t, err)
	return s
}

func BenchmarkTransfer(b *testing.B) {
	s := tokenSchema(b)
	for name, m := range modules(b, wasm.Config{}) {
		b.Run(name, func(b *testing.B) {
			state := wasmtest.New()
			for _, c := range [][]string{{"init", "symbol=EUR"}, {"mint", "to=alice@a", "amount=1000000000"}} {
				args, err := s.ArgsFromPairs(c[0], c[1:])
				require.NoError(b, err)
				require.Equal(b, wasm.OK, state.Call(m, wasm.Call{Method: c[0], Args: args, Caller: "admin@a"}, gas).Status)
			}
			args, err := s.ArgsFromPairs("transfer", []string{"to=bob@b", "amount=1", "memo=a purpose of thirty characters"})
			require.NoError(b, err)
			call := wasm.Call{Method: "transfer", Args: args, Caller: "alice@a", Self: "token"}
			var used uint64
			for b.Loop() {
				o := m.Call(&call, state, gas)
				if o.Status != wasm.OK {
					b.Fatal(o)
				}
				used = o.GasUsed
				state.Events = state.Events[:0]
			}
			b.ReportMetric(float64(used), "gas/op")
		})
	}
}
