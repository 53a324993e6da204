package exampletest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/concordat-ledger/concordat/contracts-sdk/build"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/module"
)

// Languages in which each example is written; their folders have these names.
var Languages = []string{"go", "rust"}

// place is where the sources of a module stand, and how it runs.
type place struct {
	dir, language string
	interpreted   bool
}

// The tests of a process share engines and modules, which cost more than the calls.
// They are used by one test at a time, and end with the process.
var (
	engines  = map[bool]*wasm.Engine{} // by whether they interpret
	built    = map[place][]byte{}
	compiled = map[place]*wasm.Module{}
)

// code is an example's module. Of one that is checked in, as DIR/NAME-LANGUAGE.wasm,
// it is that; others are built. nil: the language's compiler is missing.
func code(t testing.TB, dir, language string) []byte {
	t.Helper()
	at := place{dir: dir, language: language}
	if _, ok := built[at]; ok {
		return built[at]
	}
	if path := checkedIn(t, dir, language); path != "" {
		b, err := os.ReadFile(filepath.Clean(path))
		worked(t, err)
		built[at] = b
		return b
	}
	b, err := build.Contract(context.Background(), filepath.Join(dir, language), "")
	var missing *build.ToolchainError
	if errors.As(err, &missing) {
		return nil
	}
	worked(t, err, dir)
	built[at] = b.Code
	return b.Code
}

// checkedIn is the module that stands beside an example's sources; empty: none does.
func checkedIn(t testing.TB, dir, language string) string {
	abs, err := filepath.Abs(dir)
	worked(t, err)
	path := filepath.Join(dir, filepath.Base(abs)+"-"+language+".wasm")
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// schemaOf is the schema that a module carries.
func schemaOf(t testing.TB, code []byte) []byte {
	info, err := module.Check(code)
	worked(t, err)
	return info.Schema
}

// compile makes an example's module callable.
func compile(t testing.TB, dir, language string, interpreted bool) *wasm.Module {
	at := place{dir, language, interpreted}
	if m := compiled[at]; m != nil {
		return m
	}
	if engines[interpreted] == nil {
		e, err := wasm.New(context.Background(), wasm.Config{Interpreter: interpreted, Verify: true})
		worked(t, err)
		engines[interpreted] = e
	}
	judge := engines[interpreted].Compile
	if interpreted { // the other engine has judged it
		judge = engines[interpreted].CompileAccepted
	}
	m, err := judge(context.Background(), code(t, dir, language))
	worked(t, err, dir)
	compiled[at] = m
	return m
}

// other makes a module callable that the one under test calls. It is the one in Go,
// which everyone can build, unless both are checked in: then the small one in Rust.
func other(t testing.TB, dir string, interpreted bool) *wasm.Module {
	if checkedIn(t, dir, "rust") != "" {
		return compile(t, dir, "rust", interpreted)
	}
	return compile(t, dir, "go", interpreted)
}
