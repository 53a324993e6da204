package layout

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"slices"
	"strings"
)

// impureImports are packages, with all below them, that give a pure package a
// clock, chance, a world outside, or a second thread of control.
var impureImports = []string{
	"context", "crypto/rand", "io/fs", "io/ioutil", "log", "math/rand", "net", "os", "plugin",
	"runtime", "sync", "syscall", "testing", "unsafe", "golang.org/x/sync", "golang.org/x/sys",
}

// impureNames are functions of packages that are pure otherwise.
var impureNames = map[string][]string{
	"time": {"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker"},
	"maps": {"All", "Keys", "Values"}, // iterate in random order
	"fmt":  {"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
}

// pureLibraries are the only ones from outside that pure packages may import:
// functions of their arguments. Anything else is added here with a thought.
var pureLibraries = []string{
	"github.com/cloudflare/circl/ecc/bls12381",
	"github.com/decred/dcrd/dcrec/secp256k1",
	"github.com/oasisprotocol/curve25519-voi",
	"github.com/transparency-dev/merkle",
	"golang.org/x/crypto",
	"google.golang.org/protobuf",
}

// Pure says whether the purity scan covers a folder.
func Pure(folder string) bool {
	return slices.ContainsFunc(append(slices.Clone(Machines), pureTrees...), func(r string) bool { return within(folder, r) })
}

// Purity scans the non-test files of pure packages. exported opens the compiled
// export data of an import path, as go list -export names it; what cannot be
// typed for want of it is counted in untyped, for then a map or a float may have
// been missed.
func Purity(t *Tree, exported func(path string) (io.ReadCloser, error)) (out []Finding, untyped []string) {
	folders := map[string][]*File{}
	var order []string
	for _, f := range t.Files {
		if Pure(f.Folder()) && !f.Test && !f.Generated && !f.Nested {
			if folders[f.Folder()] == nil {
				order = append(order, f.Folder())
			}
			folders[f.Folder()] = append(folders[f.Folder()], f)
		}
	}
	imports := importer.ForCompiler(t.fset, "gc", exported)
	for _, folder := range order {
		s := scan{tree: t, info: types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}}
		var files []*ast.File
		for _, f := range folders[folder] {
			files = append(files, f.AST)
		}
		conf := types.Config{Importer: imports, Error: func(err error) { untyped = append(untyped, err.Error()) }}
		_, _ = conf.Check(Module+"/"+folder, t.fset, files, &s.info) // each error went to Error
		for _, f := range folders[folder] {
			s.imports(f)
			s.file(f)
		}
		out = append(out, s.out...)
	}
	return out, untyped
}

// scan is the state of scanning one package.
type scan struct {
	tree *Tree
	info types.Info
	out  []Finding
}

func (s *scan) found(p token.Pos, what string) {
	f := Finding{"purity", s.tree.at(p), what}
	if len(s.out) == 0 || s.out[len(s.out)-1] != f { // a + b of floats is one finding, not three
		s.out = append(s.out, f)
	}
}

func (s *scan) imports(f *File) {
	for i, p := range f.Imports() {
		_, own := ours(p)
		library := !own && strings.Contains(strings.Split(p, "/")[0], ".")
		switch {
		case slices.ContainsFunc(impureImports, func(bad string) bool { return within(p, bad) }):
			s.found(f.AST.Imports[i].Pos(), "imports "+p)
		case library && !slices.ContainsFunc(pureLibraries, func(good string) bool { return within(p, good) }):
			s.found(f.AST.Imports[i].Pos(), "imports "+p+", which is not among the pure libraries")
		}
	}
}

func (s *scan) file(f *File) {
	for _, decl := range f.AST.Decls {
		fn, _ := decl.(*ast.FuncDecl)
		sorts := fn != nil && strings.HasPrefix(strings.ToLower(fn.Name.Name), "sorted") && s.sorts(fn)
		ast.Inspect(decl, func(n ast.Node) bool {
			s.node(n, sorts)
			return true
		})
	}
}

func (s *scan) node(n ast.Node, sorts bool) {
	switch n := n.(type) {
	case *ast.GoStmt:
		s.found(n.Pos(), "starts a goroutine")
	case *ast.SelectStmt:
		s.found(n.Pos(), "selects among channels")
	case *ast.ChanType:
		s.found(n.Pos(), "has a channel")
	case *ast.RangeStmt:
		if s.isMap(n.X) && !sorts {
			s.found(n.Pos(), "ranges over a map outside a function that is named sorted… and sorts")
		}
	case *ast.Ident:
		s.use(n, sorts)
	}
	if e, ok := n.(ast.Expr); ok {
		s.typed(e)
	}
}

// sorts says whether a function calls a sort, or deletes, which commutes: the
// name alone is not enough.
func (s *scan) sorts(fn *ast.FuncDecl) (found bool) {
	ast.Inspect(fn, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return !found
		}
		obj := s.info.Uses[id]
		if _, builtin := obj.(*types.Builtin); builtin && id.Name == "delete" {
			found = true
		}
		if obj != nil && obj.Pkg() != nil {
			from := obj.Pkg().Path()
			found = found || from == "sort" || from == "slices" && strings.HasPrefix(obj.Name(), "Sort")
		}
		return !found
	})
	return found
}

func (s *scan) isMap(e ast.Expr) bool {
	of := s.info.Types[e].Type
	if of == nil {
		return false
	}
	_, ok := of.Underlying().(*types.Map)
	return ok
}

// use looks at what a name stands for, so that an alias or a dot import of the
// package hides nothing.
func (s *scan) use(id *ast.Ident, sorts bool) {
	obj := s.info.Uses[id]
	if obj == nil || obj.Pkg() == nil || obj.Parent() != obj.Pkg().Scope() {
		return
	}
	from := obj.Pkg().Path()
	if sorts && from == "maps" {
		return
	}
	if slices.Contains(impureNames[from], obj.Name()) {
		s.found(id.Pos(), fmt.Sprintf("uses %s.%s", from, obj.Name()))
	}
}

func (s *scan) typed(e ast.Expr) {
	of := s.info.Types[e].Type
	if id, ok := e.(*ast.Ident); ok && of == nil {
		if obj := s.info.Uses[id]; obj != nil {
			of = obj.Type()
		}
	}
	if of == nil {
		return
	}
	switch u := of.Underlying().(type) {
	case *types.Basic:
		if u.Info()&(types.IsFloat|types.IsComplex) != 0 {
			s.found(e.Pos(), "computes with "+u.Name())
		}
	case *types.Chan:
		s.found(e.Pos(), "has a channel")
	}
}
