package build_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/contracts-sdk/build"
	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/contracts-sdk/generate"
)

// copySDK puts the SDK and the examples elsewhere, for the place must not matter.
func copySDK(t *testing.T) string {
	to := filepath.Join(t.TempDir(), "another", "place")
	for _, dir := range []string{"go", "rust", "examples", "parity"} {
		require.NoError(t, os.CopyFS(filepath.Join(to, dir), os.DirFS(filepath.Join("..", dir))))
	}
	for _, file := range []string{"Cargo.toml", "Cargo.lock"} {
		b, err := os.ReadFile(filepath.Join("..", file))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(to, file), b, 0o600))
	}
	return to
}

// The compilers that the checked-in modules were built with. Another gives other
// bytes, and so another module.
const (
	builtWithGo   = "go1.26.8"
	builtWithRust = "rustc 1.63.0"
)

func TestTheCheckedInGoTokenIsReproducible(t *testing.T) {
	if runtime.Version() != builtWithGo {
		t.Skipf("this is %s, token-go.wasm was built with %s", runtime.Version(), builtWithGo)
	}
	for _, dir := range []string{"..", copySDK(t)} {
		b, err := build.Contract(context.Background(), filepath.Join(dir, "examples", "token", "go"), "")
		require.NoError(t, err)
		same(t, examples.TokenGo, b.Code, "token-go.wasm")
	}
}

func TestTheCheckedInRustTokenIsReproducible(t *testing.T) {
	if _, _, err := build.RustCompiler(context.Background()); err != nil {
		t.Skip("needs a Rust compiler with the target wasm32-unknown-unknown:", err)
	}
	if version := rustVersion(t); !strings.HasPrefix(version, builtWithRust) {
		t.Skipf("this is %s, token-rust.wasm was built with %s", version, builtWithRust)
	}
	for _, dir := range []string{"..", copySDK(t)} {
		b, err := build.Contract(context.Background(), filepath.Join(dir, "examples", "token", "rust"), "")
		require.NoError(t, err)
		same(t, examples.TokenRust, b.Code, "token-rust.wasm")
	}
}

func rustVersion(t *testing.T) string {
	rustc, _, err := build.RustCompiler(context.Background())
	require.NoError(t, err)
	out, err := exec.Command(rustc, "--version").Output()
	require.NoError(t, err)
	return string(out)
}

// same compares with the checked-in module. With CONCORDAT_UPDATE=1 it is written
// anew instead.
func same(t *testing.T, want, have []byte, name string) {
	t.Helper()
	if os.Getenv("CONCORDAT_UPDATE") != "" {
		require.NoError(t, os.WriteFile(filepath.Join("..", "examples", "token", name), have, 0o600))
		return
	}
	if string(want) != string(have) {
		t.Fatalf("%s is not what its sources give with this compiler (%d bytes, not %d); build it anew with CONCORDAT_UPDATE=1", name, len(have), len(want))
	}
}

// A crate that was never built has no Cargo.lock; the first build writes it.
func TestANewRustCrateCanBeBuilt(t *testing.T) {
	if _, _, err := build.RustCompiler(context.Background()); err != nil {
		t.Skip("needs a Rust compiler with the target wasm32-unknown-unknown:", err)
	}
	sdk, err := filepath.Abs(filepath.Join("..", "rust"))
	require.NoError(t, err)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"Cargo.toml": "[package]\nname = \"ping\"\nversion = \"0.1.0\"\nedition = \"2021\"\n" +
			"[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n[dependencies]\nconcordat = { path = '" + sdk + "' }\n",
		"src/lib.rs": "use concordat::{Context, Error, Nothing};\nconcordat::contract! { \"ping\" => ping }\n" +
			"fn ping(_: &mut Context, _: Nothing) -> Result<Nothing, Error> { Ok(Nothing) }\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	first, err := build.Contract(context.Background(), dir, "")
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(dir, "Cargo.lock"))
	again, err := build.Contract(context.Background(), dir, "")
	require.NoError(t, err)
	require.Equal(t, first.Code, again.Code)
	require.Less(t, len(first.Code), 200<<10, "the crate has no profile of its own, and the module is large")
}

func TestWhatCannotBeBuilt(t *testing.T) {
	_, err := build.Contract(context.Background(), t.TempDir(), "")
	require.ErrorIs(t, err, build.ErrNoContract)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module m\n\ngo 1.24\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() { undefined() }\n"), 0o600))
	_, err = build.Contract(context.Background(), dir, "")
	var compile *build.CompileError
	require.True(t, errors.As(err, &compile))
	require.Contains(t, compile.Output, "undefined: undefined")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o600))
	_, err = build.Contract(context.Background(), dir, "")
	require.ErrorContains(t, err, "does not export the function call")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "schema.json"), []byte("{}"), 0o600))
	_, err = build.Contract(context.Background(), dir, "")
	require.ErrorContains(t, err, "unusable schema")
	t.Setenv("RUSTC", "/nowhere/rustc")
	_, _, err = build.RustCompiler(context.Background())
	require.ErrorContains(t, err, "libstd-rust-dev-wasm32")
}

// The file with generated code is written when the sources have changed, and left
// alone when it is current.
func TestWhatIsDeclaredIsGenerated(t *testing.T) {
	dir := t.TempDir()
	sdk, err := filepath.Abs(filepath.Join("..", "go"))
	require.NoError(t, err)
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("go.mod", "module echo\n\ngo 1.24\n\nrequire "+generate.SDK+" v0.0.0\n\nreplace "+generate.SDK+" => "+sdk+"\n")
	source := "//concordat:contract echo\npackage main\n\nimport concordat \"" + generate.SDK + "\"\n\ntype text struct{ Lines []string }\n\n" +
		"// echo gives back.\n//\n//concordat:query\nfunc echo(_ *concordat.Context, in *text) (*text, error) { return in, nil }\n\nfunc main() {}\n"
	write("main.go", source)
	first, err := build.Contract(context.Background(), dir, "")
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, generate.FileName), first.Generated)
	require.JSONEq(t, `{"version":1,"contract":"echo","methods":[{"name":"echo","query":true,"doc":"Gives back.",
		"in":[{"name":"lines","tag":1,"type":"string","repeated":true}],"out":[{"name":"lines","tag":1,"type":"string","repeated":true}]}]}`, string(first.Info.Schema))
	again, err := build.Contract(context.Background(), dir, "")
	require.NoError(t, err)
	require.Empty(t, again.Generated)
	require.Equal(t, first.Code, again.Code)
	write("schema.json", `{"version":1,"contract":"echo","methods":[{"name":"other"}]}`)
	_, err = build.Contract(context.Background(), dir, "")
	require.ErrorContains(t, err, "says otherwise than the sources declare; remove it")
	other, err := build.Contract(context.Background(), dir, filepath.Join(dir, "schema.json"))
	require.NoError(t, err)
	require.Contains(t, string(other.Info.Schema), "other")
	write("main.go", source+"\ntype bad struct{ A float64 }\n\n//concordat:method\nfunc worse(_ *concordat.Context, in *bad) (*bad, error) { return in, nil }\n")
	_, err = build.Contract(context.Background(), dir, "")
	require.ErrorContains(t, err, "main.go:15: field A has the type float64")
}

// Who interrupts the tests is told so, and nothing goes on running.
func TestInterruptedTestsEnd(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what runs is looked for in /proc")
	}
	dir, pid := t.TempDir(), filepath.Join(t.TempDir(), "pid")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module forever\n\ngo 1.24\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "forever_test.go"), []byte(`package forever

import ("os"; "strconv"; "testing")

func Test(t *testing.T) {
	if err := os.WriteFile(os.Getenv("PIDFILE")+".new", []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil { t.Fatal(err) }
	if err := os.Rename(os.Getenv("PIDFILE")+".new", os.Getenv("PIDFILE")); err != nil { t.Fatal(err) }
	select {}
}
`), 0o600))
	t.Setenv("PIDFILE", pid)
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(pid); err == nil {
				interrupt()
			}
			runtime.Gosched()
		}
	}()
	_, err := build.Test(ctx, dir, &build.Built{Language: "go"}, "", io.Discard)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "the tests were interrupted")
	text, err := os.ReadFile(pid)
	require.NoError(t, err)
	number, err := strconv.Atoi(string(text))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		state, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(number), "stat"))
		return err != nil || strings.Contains(string(state), ") Z ") // nobody may have waited for it yet
	}, 10*time.Second, 10*time.Millisecond, "the test goes on")
}

// Contracts keep a copy of the SDK, which stays as it is when this program goes on, and a
// written file outlives its declarations.
func TestWhatIsLeftOfOlderTimesIsNamed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a folder, with spaces")
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("go.mod", "module echo\n\ngo 1.24\n\nrequire "+generate.SDK+" v0.0.0\n\nreplace "+generate.SDK+" => ./sdk\n")
	write("sdk/go.mod", "module "+generate.SDK+"\n\ngo 1.24\n")
	write("sdk/old.go", "package concordat\n\ntype Context struct{}\n\ntype Nothing struct{}\n")
	write("main.go", "package main\n\nimport concordat \""+generate.SDK+"\"\n\n//concordat:method\nfunc do(_ *concordat.Context, in *concordat.Nothing) (*concordat.Nothing, error) { return in, nil }\n\nfunc main() {}\n")
	_, err := build.Contract(context.Background(), dir, "")
	require.ErrorContains(t, err, "the SDK that the contract is built with is older than this program; replace it")
	var compile *build.CompileError
	require.ErrorAs(t, err, &compile)
	write("main.go", "package main\n\nfunc main() {}\n")
	_, err = build.Contract(context.Background(), dir, "")
	require.ErrorContains(t, err, "concordat_gen.go is of declarations that are no longer in the sources; delete it")
	require.NoError(t, os.Remove(filepath.Join(dir, generate.FileName)))
	_, err = build.Contract(context.Background(), dir, "")
	require.ErrorContains(t, err, "does not export the function call")
}
