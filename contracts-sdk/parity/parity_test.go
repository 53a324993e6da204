package parity_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/contracts-sdk/build"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/wasmtest"
)

func names(t *testing.T, encoded []byte) string {
	a, err := ledger.ParseAudience(encoded)
	require.NoError(t, err)
	if len(a) == 0 {
		return "all"
	}
	var list []string
	for _, p := range a {
		list = append(list, string(p))
	}
	return strings.Join(list, ",")
}

// modules are the contracts of both languages, built now.
func modules(t *testing.T) map[string]*wasm.Module {
	e, err := wasm.New(context.Background(), wasm.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close(context.Background())) })
	out := map[string]*wasm.Module{}
	for _, language := range []string{"go", "rust"} {
		if _, _, err := build.RustCompiler(t.Context()); language == "rust" && err != nil {
			t.Log("only Go:", err)
			continue
		}
		built, err := build.Contract(t.Context(), language, "")
		require.NoError(t, err)
		m, err := e.Compile(context.Background(), built.Code)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, m.Close(context.Background())) })
		out[language] = m
	}
	return out
}

// The built modules do what parity.txt says; the tests in go/ and rust/ do it natively.
func TestScriptsInTheEngine(t *testing.T) {
	text, err := os.ReadFile("parity.txt")
	require.NoError(t, err)
	for language, m := range modules(t) {
		t.Run(language, func(t *testing.T) { replay(t, m, string(text)) })
		t.Run(language+" calls", func(t *testing.T) { calls(t, m) })
		t.Run(language+" verifies", func(t *testing.T) { verifies(t, m) })
	}
}

func replay(t *testing.T, m *wasm.Module, text string) {
	var s *wasmtest.State
	ended, title := "", ""
	for _, line := range strings.Split(text, "\n") {
		word, rest, _ := strings.Cut(line, " ")
		have := strings.TrimSpace(ended)
		switch word {
		case "", "#":
			continue
		case "case":
			s, title = wasmtest.New(), rest
			s.Others = map[string]*wasm.Module{"parity": m}
			continue
		case "do":
			ended = run(t, s, m, rest)
			continue
		case "records":
			have = "records"
			for _, k := range slices.Sorted(maps.Keys(s.Values)) {
				have += " " + k + "=" + names(t, s.Audiences[k])
			}
		case "events":
			have = "events"
			for _, e := range s.Events {
				have += " " + names(t, e.Audience)
			}
		}
		require.Equal(t, line, have, title)
	}
}

func run(t *testing.T, s *wasmtest.State, m *wasm.Module, script string) string {
	field := func(b []byte) []byte { return append(binary.AppendUvarint([]byte{1<<3 | 2}, uint64(len(b))), b...) }
	o := s.Call(m, wasm.Call{Method: "do", Args: field([]byte(script)), Caller: "alice@a", Organisation: "a", Self: "parity"}, 100_000_000)
	switch o.Status {
	case wasm.OK:
		if len(o.Output) == 0 {
			return "ok"
		}
		_, n := binary.Uvarint(o.Output[1:])
		require.Equal(t, field(o.Output[1+n:]), o.Output)
		return "ok " + string(o.Output[1+n:])
	case wasm.Failed:
		return fmt.Sprintf("fail %d %s", o.Code, o.Message)
	}
	require.Equal(t, wasm.Trapped, o.Status, "%v %s", o.Err, o.Message)
	return "trap"
}
