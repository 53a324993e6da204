// Package integration_test holds the shape of the repository: each rule of the
// layout is a detector of package layout, run on the tree, and run on a small
// tree that breaks it.
package integration_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/integration/layout"
)

// waivers name what is allowed to break a rule, and why. One that waives
// nothing fails the test, so that the list only holds what is true.
var waivers = []waiver{
	{"purity: ledger/verify/verify.go", `imports sync`,
		"remembers which certificates were verified; whether one is found there changes no verdict"},
	{"purity: ledger/signature/signature.go", `imports sync`,
		"the cache of expanded public keys is shared by verifying goroutines; it changes the cost of an answer, never the answer"},
	{"purity: ledger/state/tree/cache.go", `imports sync`,
		"bounds which pages stay in memory, for readers and the writer at once; a page that is loaded again has the same hash"},
	{"purity: ledger/state/tree/node.go", `imports sync/atomic`,
		"children come and go with their page while others read; what they are never changes"},
	{"purity: ledger/state/tree/parallel.go", `imports sync`,
		"the two halves of a subtree are updated at once; neither knows of the other, and the result is put together in order"},
	{"purity: ledger/state/reference/reference.go", "ranges over a map",
		"the slow twin takes a map and sorts its leaves by hash before it looks at them; only tests import it"},
}

// waiver excuses findings whose text begins with finding and contains what.
type waiver struct{ finding, what, reason string }

const root = ".."

var detectors = map[string]func(*layout.Tree) []layout.Finding{
	"direction": layout.Direction,
	"doors":     layout.Doors,
	"sizes":     layout.Sizes,
	"folders":   layout.TopLevel,
	"comments":  layout.Documented,
	"escapes":   layout.Escapes,
}

func TestTreeKeepsItsShape(t *testing.T) {
	tree, err := layout.Load(root)
	require.NoError(t, err)
	require.NotEmpty(t, tree.Files)
	used := make([]bool, len(waivers))
	for name, detect := range detectors {
		t.Run(name, func(t *testing.T) { report(t, detect(tree), used) })
	}
	t.Run("purity", func(t *testing.T) {
		found, untyped := layout.Purity(tree, open(exports(t, tree)))
		for _, line := range untyped {
			t.Errorf("not scanned fully, it does not type-check: %s", line)
		}
		report(t, found, used)
	})
	for i, w := range waivers {
		if !used[i] && !t.Failed() {
			t.Errorf("waiver %q excuses nothing any more: remove it", w.finding+": "+w.what)
		}
	}
}

// report fails the test with each finding that no waiver excuses.
func report(t *testing.T, found []layout.Finding, used []bool) {
	t.Helper()
	for _, f := range found {
		i := slices.IndexFunc(waivers, func(w waiver) bool {
			return strings.HasPrefix(f.String(), w.finding) && strings.Contains(f.What, w.what)
		})
		if i < 0 {
			t.Error(f)
			continue
		}
		used[i] = true
	}
}

func TestFilesStaySmall(t *testing.T) {
	tree, err := layout.Load(root)
	require.NoError(t, err)
	m := layout.Measure(tree)
	t.Logf("%d hand-written files outside tests: median %d bytes, p90 %d, largest %d (aims: %d, %d, limit %d)",
		m.Files, m.Median, m.P90, m.Largest, layout.FileBytesMedian, layout.FileBytesP90, layout.FileBytesMax)
	require.LessOrEqual(t, m.Median, layout.FileBytesMedian)
	require.LessOrEqual(t, m.P90, layout.FileBytesP90)
}

func TestClientsStayLight(t *testing.T) {
	for pkg := range layout.Light {
		if _, err := os.Stat(filepath.Join(root, pkg)); errors.Is(err, os.ErrNotExist) {
			continue
		}
		var deps []string
		for _, p := range goList(t, "-deps", "./"+pkg) {
			deps = append(deps, p.ImportPath)
		}
		require.Contains(t, deps, layout.Module+"/"+pkg)
		require.Empty(t, layout.Closure(pkg, deps))
	}
}

// Each archive is a tree with exactly the findings of its file "want".
func TestDetectorsFindWhatTheyAreFor(t *testing.T) {
	archives, err := filepath.Glob("layout/testdata/*.txtar")
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, path := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			tree, want := archive(t, path)
			found, _ := layout.Purity(tree, open(exports(t, tree)))
			for _, detect := range detectors {
				found = append(found, detect(tree)...)
			}
			var got []string
			for _, f := range found {
				seen[f.Rule] = true
				got = append(got, f.String())
			}
			slices.Sort(got)
			require.Equal(t, want, strings.Join(got, "\n"))
		})
	}
	for _, rule := range []string{"direction", "door", "purity", "size", "function", "folder", "doc", "recover", "unsafe"} {
		require.True(t, seen[rule], "no archive breaks the rule %q", rule)
	}
}

func TestClosureFindsAHiddenServer(t *testing.T) {
	deps := []string{"fmt", layout.Module + "/bus", "github.com/nats-io/nats-server/v2/server", layout.Module + "/actors/storage"}
	require.Len(t, layout.Closure("bus/client", deps), 2)
	require.Empty(t, layout.Closure("bus/client", deps[:2]))
}

// archive parses a txtar file as a tree. {{N}} in a source stands for N lines
// of filler, so that a file can be too long without being stored.
func archive(t *testing.T, path string) (*layout.Tree, string) {
	t.Helper()
	ar, err := txtar.ParseFile(path)
	require.NoError(t, err)
	sources, folders, want := map[string][]byte{}, []string{}, ""
	for _, f := range ar.Files {
		if f.Name == "want" {
			want = strings.TrimSpace(string(f.Data))
			continue
		}
		top, _, _ := strings.Cut(f.Name, "/")
		folders = append(folders, top)
		sources[f.Name] = fill(f.Data)
	}
	tree, err := layout.Parse(sources, nil, slices.Compact(slices.Sorted(slices.Values(folders))))
	require.NoError(t, err)
	return tree, want
}

func fill(data []byte) []byte {
	for _, n := range []int{70, 2000} {
		data = bytes.ReplaceAll(data, fmt.Appendf(nil, "{{%d}}", n), bytes.Repeat([]byte("// filler line\n"), n))
	}
	return data
}

// listed is what go list is asked for.
type listed struct{ ImportPath, Export string }

// goList runs go list. -e: a package that does not compile right now is told by
// the compiler, not by this test.
func goList(t *testing.T, args ...string) []listed {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-e", "-json=ImportPath,Export"}, args...)...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// exportFiles are kept between tests: one go list for each set of packages.
var exportFiles sync.Map // imports joined → map[string]string

// exports compiles what the pure packages of a tree import, and says where the
// export data of each is.
func exports(t *testing.T, tree *layout.Tree) map[string]string {
	t.Helper()
	var imports []string
	for _, f := range tree.Files {
		if layout.Pure(f.Folder()) && !f.Test && !f.Generated && !f.Nested {
			imports = append(imports, f.Imports()...)
		}
	}
	slices.Sort(imports)
	imports = slices.DeleteFunc(slices.Compact(imports), func(p string) bool { return p == "unsafe" })
	if len(imports) == 0 {
		return nil
	}
	key := strings.Join(imports, " ")
	if have, ok := exportFiles.Load(key); ok {
		return have.(map[string]string)
	}
	files := map[string]string{}
	for _, p := range goList(t, append([]string{"-export", "-deps"}, imports...)...) {
		files[p.ImportPath] = p.Export
	}
	exportFiles.Store(key, files)
	return files
}

func open(files map[string]string) func(string) (io.ReadCloser, error) {
	return func(path string) (io.ReadCloser, error) {
		if files[path] == "" {
			return nil, fmt.Errorf("no export data for %s", path)
		}
		return os.Open(files[path])
	}
}
