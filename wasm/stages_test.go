package wasm_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/module"
)

// The stages of a deployment's compilation, each by itself.
func BenchmarkStagesOfCompilation(b *testing.B) {
	ctx := context.Background()
	for language, code := range map[string][]byte{"go": examples.TokenGo, "rust": examples.TokenRust} {
		rewritten, _, err := module.Instrument(code)
		require.NoError(b, err)
		stage := func(name string, fn func() error) {
			b.Run(language+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					require.NoError(b, fn())
				}
			})
		}
		compiles := func(cfg wazero.RuntimeConfig, what []byte) func() error {
			return func() error {
				rt := wazero.NewRuntimeWithConfig(ctx, cfg)
				m, err := rt.CompileModule(experimental.WithCompilationWorkers(ctx, 1), what)
				if err != nil {
					return err
				}
				_ = m
				return rt.Close(ctx)
			}
		}
		stage("check and rewrite", func() error { _, _, err := module.Instrument(code); return err })
		stage("type-check the original", compiles(wazero.NewRuntimeConfigInterpreter(), code))
		stage("type-check the rewritten", compiles(wazero.NewRuntimeConfigInterpreter(), rewritten))
		stage("machine code", compiles(wazero.NewRuntimeConfigCompiler(), rewritten))
		dir := b.TempDir()
		for _, kind := range []string{"all, judged", "all, accepted"} {
			stage(kind, func() error {
				e, err := wasm.New(ctx, wasm.Config{CacheDir: dir})
				if err != nil {
					return err
				}
				how := e.Compile
				if kind == "all, accepted" {
					how = e.CompileAccepted
				}
				m, err := how(ctx, code)
				if err != nil {
					return err
				}
				if err := m.Close(ctx); err != nil {
					return err
				}
				return e.Close(ctx)
			})
		}
	}
}
