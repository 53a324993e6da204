package layout

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Module is the import path of the repository's root.
const Module = "github.com/concordat-ledger/concordat"

// Finding is one broken rule at one place.
type Finding struct {
	Rule  string // closed set: direction, closure, door, purity, size, function, folder, doc, recover, unsafe
	Where string // path below the root, with a line where there is one
	What  string // one sentence
}

func (f Finding) String() string { return f.Rule + ": " + f.Where + ": " + f.What }

// File is one Go file. Everything in it is read-only after Parse.
type File struct {
	Path      string // below the root, with slashes
	Source    []byte
	AST       *ast.File
	Test      bool // ends in _test.go
	Generated bool // says so in the way go/ast recognises
	Nested    bool // belongs to another module inside the tree
}

// Folder is the file's directory below the root; "." is the root itself.
func (f *File) Folder() string { return path.Dir(f.Path) }

// Imports are the import paths of the file, in source order.
func (f *File) Imports() []string {
	var out []string
	for _, spec := range f.AST.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// Tree is the source that the detectors judge.
type Tree struct {
	Files   []*File  // sorted by path
	Folders []string // names at the top level, sorted
	fset    *token.FileSet
}

// at gives a position as path:line.
func (t *Tree) at(p token.Pos) string {
	pos := t.fset.Position(p)
	return fmt.Sprintf("%s:%d", pos.Filename, pos.Line)
}

// Load parses the repository below root. Folders that hold no source of ours
// (testdata, target, hidden ones but for .ci) are not entered.
func Load(root string) (*Tree, error) {
	sources := map[string][]byte{}
	modules := []string{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if skipped(rel) {
				return filepath.SkipDir
			}
			return nil
		}
		if path.Base(rel) == "go.mod" && rel != "go.mod" {
			modules = append(modules, path.Dir(rel))
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		sources[rel], err = os.ReadFile(p) // #nosec G304 -- found by walking the repository
		return err
	})
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var folders []string
	for _, e := range entries {
		if e.IsDir() {
			folders = append(folders, e.Name())
		}
	}
	return Parse(sources, modules, folders)
}

func skipped(rel string) bool {
	base := path.Base(rel)
	hidden := strings.HasPrefix(base, ".") && rel != "." && rel != ".ci"
	return hidden || base == "testdata" || base == "target" || base == "node_modules"
}

// Parse builds a tree from sources by path. modules are the folders of nested
// Go modules. A file that does not parse is an error: nothing can be said of it.
func Parse(sources map[string][]byte, modules, folders []string) (*Tree, error) {
	t := &Tree{fset: token.NewFileSet(), Folders: slices.Sorted(slices.Values(folders))}
	for name, src := range sources {
		parsed, err := parser.ParseFile(t.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("layout: %w", err)
		}
		f := &File{Path: name, Source: src, AST: parsed,
			Test: strings.HasSuffix(name, "_test.go"), Generated: ast.IsGenerated(parsed)}
		f.Nested = slices.ContainsFunc(modules, func(m string) bool { return within(f.Folder(), m) })
		t.Files = append(t.Files, f)
	}
	slices.SortFunc(t.Files, func(a, b *File) int { return cmp.Compare(a.Path, b.Path) })
	return t, nil
}

// within says whether folder is root or below it.
func within(folder, root string) bool {
	return folder == root || strings.HasPrefix(folder, root+"/")
}

// ours gives the folder of a package of this module, "." for the root package.
func ours(importPath string) (folder string, ok bool) {
	if importPath == Module {
		return ".", true
	}
	return strings.CutPrefix(importPath, Module+"/")
}
