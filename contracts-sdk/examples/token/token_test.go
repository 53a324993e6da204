package token_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/schema"
	"github.com/concordat-ledger/concordat/wasm/wasmtest"
)

var update = flag.Bool("update", false, "write vectors.txt anew")

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

// hexOf is the hexadecimal form, with a dash for nothing.
func hexOf(b []byte) string {
	if len(b) == 0 {
		return "-"
	}
	return hex.EncodeToString(b)
}

// vectors translates behaviour.txt by the schema; the lines of state come from
// running the calls.
func vectors(t testing.TB, m *wasm.Module) string {
	text, err := os.ReadFile("behaviour.txt")
	require.NoError(t, err)
	s := tokenSchema(t)
	var out strings.Builder
	state := wasmtest.New()
	flush := func() {
		for _, k := range slices.Sorted(maps.Keys(state.Values)) {
			fmt.Fprintf(&out, "state %x %x\n", k, state.Values[k])
		}
		state = wasmtest.New()
	}
	method := ""
	for _, line := range strings.Split(string(text), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		fields := strings.Fields(rest)
		switch word {
		case "case":
			flush()
			fmt.Fprintln(&out, line)
		case "call", "raw":
			method = fields[1]
			var args []byte
			if word == "raw" {
				args, _ = hex.DecodeString(strings.TrimPrefix(fields[2], "-"))
			} else {
				args, err = s.ArgsFromPairs(method, fields[2:])
				require.NoError(t, err, line)
			}
			fmt.Fprintf(&out, "call %s %s %s\n", fields[0], method, hexOf(args))
			state.Call(m, wasm.Call{Method: method, Args: args, Caller: fields[0], Self: "token"}, gas)
		case "ok":
			fmt.Fprintf(&out, "ok %s\n", hexOf(byFields(t, s, method, fields)))
		case "event":
			fmt.Fprintf(&out, "event %s %s\n", fields[0], hexOf(byEvent(t, s, fields)))
		case "fail":
			fmt.Fprintln(&out, line)
		}
	}
	flush()
	return out.String()
}

// encode writes name=value pairs by a list of fields, through a schema with one
// method that takes them.
func encode(t testing.TB, fields []schema.Field, pairs []string) []byte {
	fields = slices.Clone(fields)
	for i := range fields {
		fields[i].Optional = true
	}
	s := schema.Schema{Version: 1, Methods: []schema.Method{{Name: "m", In: fields}}}
	b, err := s.ArgsFromPairs("m", pairs)
	require.NoError(t, err)
	return b
}

func byFields(t testing.TB, s *schema.Schema, method string, pairs []string) []byte {
	m, err := s.Method(method)
	require.NoError(t, err)
	return encode(t, m.Out, pairs)
}

func byEvent(t testing.TB, s *schema.Schema, fields []string) []byte {
	i := slices.IndexFunc(s.Events, func(e schema.Event) bool { return e.Topic == fields[0] })
	require.GreaterOrEqual(t, i, 0, fields[0])
	return encode(t, s.Events[i].Fields, fields[1:])
}

func TestVectorsAreCurrent(t *testing.T) {
	want := vectors(t, modules(t, wasm.Config{})["go"])
	if *update {
		require.NoError(t, os.WriteFile("vectors.txt", []byte(want), 0o600))
	}
	have, err := os.ReadFile("vectors.txt")
	require.NoError(t, err)
	require.Equal(t, want, string(have), "vectors.txt is not made from behaviour.txt; run with -update")
}

// Both modules do what the vectors say, to the byte, in machine code and in the
// interpreter.
func TestBothTokensBehaveAlike(t *testing.T) {
	text, err := os.ReadFile("vectors.txt")
	require.NoError(t, err)
	for name, cfg := range map[string]wasm.Config{"compiled": {Verify: true}, "interpreted": {Interpreter: true, Verify: true}} {
		for language, m := range modules(t, cfg) {
			t.Run(name+" "+language, func(t *testing.T) { replay(t, m, string(text)) })
		}
	}
}

func replay(t *testing.T, m *wasm.Module, text string) {
	state := wasmtest.New()
	want := map[string][]byte{}
	var o wasm.Outcome
	events, seen, title := 0, 0, ""
	settled := func() { require.Equal(t, events, seen, "%s: more events than told", title) }
	finish := func() {
		settled()
		require.Equal(t, len(want), len(state.Values), title)
		for k, v := range want {
			require.True(t, bytes.Equal(v, state.Values[k]), "%s: state %x", title, k)
		}
		state, want = wasmtest.New(), map[string][]byte{}
		events, seen = 0, 0
	}
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		f := strings.SplitN(rest, " ", 3)
		switch word {
		case "case":
			finish()
			title = rest
		case "call":
			settled()
			o = state.Call(m, wasm.Call{Method: f[1], Args: unhex(t, f[2]), Caller: f[0], Self: "token", Height: 7, Time: 9}, gas)
			events = len(state.Events)
			title = title + " / " + f[1]
		case "ok":
			require.Equal(t, wasm.OK, o.Status, "%s: %s %v", title, o.Message, o.Err)
			require.Equal(t, hexOf(unhex(t, f[0])), hexOf(o.Output), title)
		case "fail":
			code, message, _ := strings.Cut(rest, " ")
			require.Equal(t, wasm.Failed, o.Status, "%s: %s %v", title, o.Message, o.Err)
			require.Equal(t, code, strconv.FormatUint(uint64(o.Code), 10), title)
			require.Equal(t, message, o.Message)
		case "event":
			require.Less(t, seen, events, "%s: no such event", title)
			require.Equal(t, f[0], state.Events[seen].Topic, title)
			require.Equal(t, f[1], hexOf(state.Events[seen].Data), title)
			seen++
		case "state":
			want[string(unhex(t, f[0]))] = unhex(t, f[1])
		}
	}
	finish()
}

func unhex(t *testing.T, s string) []byte {
	b, err := hex.DecodeString(strings.TrimPrefix(s, "-"))
	require.NoError(t, err)
	return b
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
