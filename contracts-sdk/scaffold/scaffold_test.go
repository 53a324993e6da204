package scaffold_test

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/contracts-sdk/build"
	"github.com/concordat-ledger/concordat/contracts-sdk/declare"
	"github.com/concordat-ledger/concordat/contracts-sdk/scaffold"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// sources are the files of the SDK that a contract needs, by their names in sdk.zip.
func sources(t *testing.T) map[string]string {
	out := map[string]string{}
	for _, language := range scaffold.Languages {
		root := filepath.Join("..", language)
		require.NoError(t, filepath.WalkDir(root, func(at string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			name, err := filepath.Rel("..", at)
			require.NoError(t, err)
			name = filepath.ToSlash(name)
			isGo := strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") || name == "go/go.mod"
			isRust := strings.HasPrefix(name, "rust/src/") || name == "rust/Cargo.toml"
			if isGo || isRust {
				text, err := os.ReadFile(at)
				require.NoError(t, err)
				out[name] = string(text)
			}
			return nil
		}))
	}
	require.Greater(t, len(out), 15)
	return out
}

func TestTheCopyOfTheSDKIsCurrent(t *testing.T) {
	want := sources(t)
	if os.Getenv("CONCORDAT_UPDATE") != "" {
		var names []string
		for name := range want {
			names = append(names, name)
		}
		slices.Sort(names)
		var out bytes.Buffer
		w := zip.NewWriter(&out)
		for _, name := range names {
			f, err := w.Create(name)
			require.NoError(t, err)
			_, err = io.WriteString(f, want[name])
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		require.NoError(t, os.WriteFile("sdk.zip", out.Bytes(), 0o600))
	}
	z, err := zip.OpenReader("sdk.zip")
	require.NoError(t, err)
	defer func() { require.NoError(t, z.Close()) }()
	have := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		text, err := io.ReadAll(r)
		require.NoError(t, err)
		have[f.Name] = string(text)
	}
	require.True(t, len(want) == len(have), "sdk.zip has other files than the SDK; write it anew with CONCORDAT_UPDATE=1 go test ./contracts-sdk/scaffold")
	for name, text := range want {
		require.True(t, have[name] == text, "%s in sdk.zip is old; write it anew with CONCORDAT_UPDATE=1 go test ./contracts-sdk/scaffold", name)
	}
}

// built makes a contract, runs its tests without any network, and builds it.
func built(t *testing.T, language string, test ...string) *schema.Schema {
	around := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(around, "Cargo.toml"), []byte("[workspace]\nmembers = []\n"), 0o600)) // of somebody else
	dir := filepath.Join(around, "my-iou")
	files, err := scaffold.New(dir, "my-iou", language)
	require.NoError(t, err)
	require.Contains(t, files, "README.md")
	cmd := exec.Command(test[0], test[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=mod", "CARGO_NET_OFFLINE=true")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	b, err := build.Contract(t.Context(), dir, "")
	require.NoError(t, err)
	require.Empty(t, b.Generated, "what is generated was not current")
	s, err := schema.Parse(b.Info.Schema)
	require.NoError(t, err)
	require.Equal(t, "my-iou", s.Contract)
	require.Len(t, s.Methods, 4)
	return s
}

func TestANewContractInGoPassesItsTestsAndCanBeBuilt(t *testing.T) {
	built(t, "go", "go", "test", "./...")
}

func TestANewContractInRustIsTheSameAsInGo(t *testing.T) {
	rustc, cargo, err := build.RustCompiler(t.Context())
	if err != nil {
		t.Skip("needs a Rust compiler with the target wasm32-unknown-unknown:", err)
	}
	t.Setenv("RUSTC", rustc)
	s := built(t, "rust", cargo, "test")
	dir := filepath.Join(t.TempDir(), "my-iou")
	_, err = scaffold.New(dir, "my-iou", "go")
	require.NoError(t, err)
	inGo, _, err := build.Generate(dir)
	require.NoError(t, err)
	other, err := inGo.Schema()
	require.NoError(t, err)
	require.True(t, declare.SameMeaning(s, other))
}

func TestWhatCannotBeStarted(t *testing.T) {
	dir := t.TempDir()
	_, err := scaffold.New(dir, "iou", "go")
	require.ErrorIs(t, err, scaffold.ErrExists)
	_, err = scaffold.New(filepath.Join(dir, "x"), "Iou", "go")
	require.ErrorIs(t, err, scaffold.ErrName)
	_, err = scaffold.New(filepath.Join(dir, "x"), "concordat", "rust")
	require.ErrorIs(t, err, scaffold.ErrBuiltIn)
	for _, name := range []string{"type", "test", "proc-macro"} {
		_, err = scaffold.New(filepath.Join(t.TempDir(), name), name, "rust")
		require.ErrorIs(t, err, scaffold.ErrTaken)
		_, err = scaffold.New(filepath.Join(t.TempDir(), name), name, "go")
		require.NoError(t, err)
	}
	_, err = scaffold.New(filepath.Join(dir, "x"), "iou", "cobol")
	require.ErrorIs(t, err, scaffold.ErrLanguage)
	require.NoDirExists(t, filepath.Join(dir, "x"))
}

// Names of files mean something to Go: what ends in _test is a test, and what ends in
// _linux is for Linux.
func TestNamesThatMeanSomethingInGoCanBeUsed(t *testing.T) {
	for _, name := range []string{"pay-test", "pay-linux", "pay-wasm", "test", "wasip1"} {
		dir := filepath.Join(t.TempDir(), name)
		files, err := scaffold.New(dir, name, "go")
		require.NoError(t, err, name)
		require.Contains(t, files, strings.ReplaceAll(name, "-", "")+".go")
		for system, count := range map[string]string{"GOOS=wasip1 GOARCH=wasm": "2 1", "GOOS=windows GOARCH=amd64": "2 1"} {
			cmd := exec.Command("go", "list", "-f", "{{len .GoFiles}} {{len .TestGoFiles}}", ".")
			cmd.Dir, cmd.Env = dir, append(append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=mod"), strings.Fields(system)...)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, string(out))
			require.Equal(t, count, strings.TrimSpace(string(out)), "%s %s", name, system)
		}
	}
}
