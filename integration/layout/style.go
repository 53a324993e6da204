package layout

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strconv"
)

// Sizes finds files and functions that are too long. Generated code is not read
// by people and does not count.
func Sizes(t *Tree) []Finding {
	var out []Finding
	for _, f := range t.Files {
		if f.Generated {
			continue
		}
		if n := len(f.Source); n > FileBytesMax {
			out = append(out, Finding{"size", f.Path, fmt.Sprintf("has %d bytes; the limit is %d", n, FileBytesMax)})
		}
		for _, decl := range f.AST.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok {
				if n := t.lines(fn); n > FunctionLinesMax {
					out = append(out, Finding{"function", t.at(fn.Pos()),
						fmt.Sprintf("%s has %d lines; the limit is %d", fn.Name.Name, n, FunctionLinesMax)})
				}
			}
		}
	}
	return out
}

func (t *Tree) lines(n ast.Node) int {
	return t.fset.Position(n.End()).Line - t.fset.Position(n.Pos()).Line + 1
}

// Figures are the sizes of hand-written files outside tests, in bytes.
type Figures struct{ Files, Median, P90, Largest int }

// Measure reports the figures of the tree.
func Measure(t *Tree) Figures {
	var sizes []int
	for _, f := range t.Files {
		if !f.Generated && !f.Test {
			sizes = append(sizes, len(f.Source))
		}
	}
	if len(sizes) == 0 {
		return Figures{}
	}
	slices.Sort(sizes)
	n := len(sizes)
	return Figures{Files: n, Median: sizes[n/2], P90: sizes[n*9/10], Largest: sizes[n-1]}
}

// TopLevel finds folders that the layout does not know.
func TopLevel(t *Tree) []Finding {
	var out []Finding
	for _, name := range t.Folders {
		if !slices.Contains(Folders, name) {
			out = append(out, Finding{"folder", name, "is not a room of the house"})
		}
	}
	return out
}

// Documented finds packages without a package comment.
func Documented(t *Tree) []Finding {
	spoken := map[string]bool{}
	var order []string
	for _, f := range t.Files {
		if f.Test {
			continue
		}
		if _, seen := spoken[f.Folder()]; !seen {
			order = append(order, f.Folder())
			spoken[f.Folder()] = false
		}
		if f.AST.Doc.Text() != "" {
			spoken[f.Folder()] = true
		}
	}
	var out []Finding
	for _, folder := range order {
		if !spoken[folder] {
			out = append(out, Finding{"doc", folder, "package " + path.Base(folder) + " has no doc comment"})
		}
	}
	return out
}

// Escapes finds recover and unsafe outside their one place each.
func Escapes(t *Tree) []Finding {
	var out []Finding
	for _, f := range t.Files {
		if f.Generated || f.Nested {
			continue // a contract's SDK must pass pointers to its host
		}
		for _, spec := range f.AST.Imports {
			if p, _ := strconv.Unquote(spec.Path.Value); p == "unsafe" && !matches(f.Folder(), unsafes) {
				out = append(out, Finding{"unsafe", t.at(spec.Pos()), "imports unsafe, which is kept in " + named(unsafes)})
			}
		}
		if !f.Test && !matches(f.Folder(), recovers) {
			out = append(out, t.recoveries(f)...)
		}
	}
	return out
}

func (t *Tree) recoveries(f *File) (out []Finding) {
	ast.Inspect(f.AST, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 0 {
			return true
		}
		if id, ok := ast.Unparen(call.Fun).(*ast.Ident); ok && id.Name == "recover" {
			out = append(out, Finding{"recover", t.at(call.Pos()), "recovers from a panic, which is kept in " + named(recovers)})
		}
		return true
	})
	return out
}
