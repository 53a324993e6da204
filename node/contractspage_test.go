package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/contracts-sdk/build"
	"github.com/concordat-ledger/concordat/contracts-sdk/declare"
	"github.com/concordat-ledger/concordat/contracts-sdk/scaffold"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// codeBlocks are the blocks of the guide for contract authors in a language.
func codeBlocks(t *testing.T, language string) []string {
	text, err := os.ReadFile("../docs/contracts.md")
	require.NoError(t, err)
	var blocks []string
	for _, block := range strings.Split(string(text), "\n```"+language+"\n")[1:] {
		code, _, ok := strings.Cut(block, "\n```")
		require.True(t, ok)
		blocks = append(blocks, code+"\n")
	}
	return blocks
}

// builtFrom builds a contract of one source in a folder as contract new makes it.
func builtFrom(t *testing.T, language, file, source string) *schema.Schema {
	dir := filepath.Join(t.TempDir(), "till")
	_, err := scaffold.New(dir, "till", language)
	require.NoError(t, err)
	for _, tests := range []string{"till_test.go", "tests"} { // of the contract that stands there no more
		require.NoError(t, os.RemoveAll(filepath.Join(dir, tests)))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.FromSlash(file)), []byte(source), 0o600))
	b, err := build.Contract(t.Context(), dir, "")
	require.NoError(t, err)
	s, err := schema.Parse(b.Info.Schema)
	require.NoError(t, err)
	return s
}

// What authors copy from the guide can be built, and is the same in both languages.
func TestTheGuidesContractsCanBeBuilt(t *testing.T) {
	if testing.Short() {
		t.Skip("compilers of two languages")
	}
	inGo := codeBlocks(t, "go")
	require.Len(t, inGo, 2)
	till := builtFrom(t, "go", "till.go", inGo[0])
	require.Equal(t, "deposit", till.Methods[0].Name)
	calls := builtFrom(t, "go", "till.go", strings.Replace(inGo[0], "func main() {}", inGo[1]+"\nfunc main() {}", 1))
	_, err := calls.Method("pay_out")
	require.NoError(t, err)

	if _, _, err := build.RustCompiler(t.Context()); err != nil {
		t.Log("Rust is not built:", err)
		return
	}
	inRust := codeBlocks(t, "rust")
	require.Len(t, inRust, 1)
	require.True(t, declare.SameMeaning(till, builtFrom(t, "rust", "src/lib.rs", inRust[0])))
}
