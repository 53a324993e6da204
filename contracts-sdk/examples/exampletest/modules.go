package exampletest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/concordat-ledger/concordat/contracts-sdk/build"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/module"
)

// Languages in which each example is written; their folders have these names.
var Languages = []string{"go", "rust"}

// built modules by their folder, for the tests of one package share them.
var built sync.Map

// code is an example's module. Of one that is checked in, as DIR/NAME-LANGUAGE.wasm,
// it is that; others are built. nil: the language's compiler is missing.
func code(t testing.TB, dir, language string) []byte {
	t.Helper()
	file := filepath.Join(dir, filepath.Base(absolute(t, dir))+"-"+language+".wasm")
	if b, err := os.ReadFile(filepath.Clean(file)); err == nil {
		return b
	}
	folder := filepath.Join(dir, language)
	if b, ok := built.Load(folder); ok {
		return b.([]byte)
	}
	b, err := build.Contract(context.Background(), folder, "")
	var missing *build.ToolchainError
	if errors.As(err, &missing) {
		return nil
	}
	worked(t, err, folder)
	built.Store(folder, b.Code)
	return b.Code
}

func absolute(t testing.TB, dir string) string {
	abs, err := filepath.Abs(dir)
	worked(t, err)
	return abs
}

// schemaOf is the schema that a module carries.
func schemaOf(t testing.TB, code []byte) []byte {
	info, err := module.Check(code)
	worked(t, err)
	return info.Schema
}

// engine starts an engine that ends with the test.
func engine(t testing.TB, cfg wasm.Config) *wasm.Engine {
	e, err := wasm.New(context.Background(), cfg)
	worked(t, err)
	t.Cleanup(func() { worked(t, e.Close(context.Background())) })
	return e
}

// compile makes a module callable until the test ends.
func compile(t testing.TB, e *wasm.Engine, code []byte) *wasm.Module {
	m, err := e.Compile(context.Background(), code)
	worked(t, err)
	t.Cleanup(func() { worked(t, m.Close(context.Background())) })
	return m
}
