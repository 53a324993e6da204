package wasm_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/wasmtest"
	asm "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// Whichever byte of the compiled code changes on the disk: it is compiled again.
func TestDamagedCompiledCodeIsCompiledAgain(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	use := func() {
		e, err := wasm.New(ctx, wasm.Config{CacheDir: dir})
		require.NoError(t, err)
		m, err := e.Compile(ctx, examples.TokenRust)
		require.NoError(t, err)
		require.NoError(t, m.Close(ctx))
		require.NoError(t, e.Close(ctx))
	}
	use()
	var files []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	}))
	require.Len(t, files, 2, "compiled code and its checksum")
	var code string
	for _, f := range files {
		if !strings.HasSuffix(f, ".crc32c") {
			code = f
		}
	}
	good, err := os.ReadFile(code)
	require.NoError(t, err)
	for _, at := range []int{0, 9, 20, 40, 200, len(good) / 2, len(good) - 1} {
		bad := append([]byte(nil), good...)
		bad[at] ^= 0x41
		require.NoError(t, os.WriteFile(code, bad, 0o600))
		use()
		now, err := os.ReadFile(code)
		require.NoError(t, err)
		require.Equal(t, good, now, "byte %d", at)
	}
	require.NoError(t, os.Truncate(code, int64(len(good)/3)))
	use()
	require.NoError(t, os.WriteFile(code+".crc32c", []byte("nonsense"), 0o600))
	use()
	now, err := os.ReadFile(code)
	require.NoError(t, err)
	require.Equal(t, good, now)
}

// Engines that share a folder, each with other modules first, run the same code: a number
// of a type that one of them gave is not taken for another's.
func TestEnginesMayShareAFolder(t *testing.T) {
	dir := t.TempDir()
	other := asm.New()
	other.Func([]byte{asm.I64, asm.F64}, []byte{asm.F32}, nil, asm.F32Const(1))
	other.Func([]byte{asm.F32}, []byte{asm.I64}, nil, asm.I64Const(1))
	for round, list := range [][][]byte{{examples.TokenRust, specimen()}, {other.Call(nil, i32(0)).Bytes(), specimen(), examples.TokenRust}, {specimen()}} {
		e := engine(t, wasm.Config{CacheDir: dir})
		for _, code := range list {
			m := compile(t, e, code)
			o := wasmtest.New().Call(m, wasm.Call{Method: "info"}, plenty)
			require.NotEqual(t, wasm.Halt, o.Status, "round %d: %v", round, o.Err)
			require.Equal(t, wasmtest.New().Call(compile(t, engine(t, wasm.Config{Interpreter: true}), code), wasm.Call{Method: "info"}, plenty), o)
		}
	}
}
