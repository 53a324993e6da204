package generate

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/concordat-ledger/concordat/contracts-sdk/declare"
	"github.com/concordat-ledger/concordat/ledger"
)

// Package is a contract's package as it was read.
type Package struct {
	Contract *declare.Contract
	text     []byte
}

// Text is what FileName must hold.
func (p *Package) Text() []byte { return p.text }

// Read reads the sources in a folder; nil when nothing in them is declared.
func Read(dir string) (*Package, error) {
	s := &sources{fset: token.NewFileSet(), structs: map[string]*structure{}, others: map[string]ast.Expr{}, methods: map[string]map[string]bool{},
		names: map[string]token.Position{}, taken: map[token.Pos]bool{}, declared: map[string]bool{}, ledgerOnly: map[*ast.File]bool{}}
	if err := s.parse(dir); err != nil {
		return nil, err
	}
	if !s.declares() {
		return nil, nil
	}
	if err := s.collect(dir); err != nil {
		return nil, err
	}
	if _, err := s.out.Schema(); err != nil {
		return nil, err
	}
	text, err := s.write()
	return &Package{Contract: s.out, text: text}, err
}

// sources are the files of a package and what was found in them.
type sources struct {
	fset       *token.FileSet
	files      []*ast.File
	structs    map[string]*structure      // by name
	others     map[string]ast.Expr        // other types by name, with what they stand for
	methods    map[string]map[string]bool // names of methods by receiver
	order      []string                   // names of messages, as they were found to be needed
	entered    []string                   // messages whose fields are read right now
	inner      []string                   // messages that are fields of others
	names      map[string]token.Position  // names of the schema by their kind, and where they are from
	declared   map[string]bool            // names of the package
	ledgerOnly map[*ast.File]bool         // files that are not built for tests
	taken      map[token.Pos]bool         // comments for us that were of use

	out   *declare.Contract
	calls []call
}

// structure is a declared struct, and its fields once they are needed.
type structure struct {
	spec   *ast.TypeSpec
	fields *ast.StructType
	file   *ast.File
	doc    string
	event  string // topic
	code   []line
}

// call is how a method is registered.
type call struct {
	name, function string
	in, out        string // messages
	query          bool
}

func (s *sources) fail(at token.Pos, format string, args ...any) error {
	p := s.fset.Position(at)
	return &Error{fmt.Sprintf("%s:%d", base(p.Filename), p.Line), fmt.Sprintf(format, args...)}
}

func base(file string) string { return filepath.Base(file) }

// parse reads the files that are built for a ledger.
func (s *sources) parse(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read the sources: %w", err)
	}
	target := build.Default
	target.GOOS, target.GOARCH, target.CgoEnabled = "wasip1", "wasm", false
	tests := target
	tests.GOOS, tests.GOARCH = "linux", "amd64"
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || name == FileName {
			continue
		}
		if built, err := target.MatchFile(dir, name); err != nil || !built {
			continue // the compiler says what is wrong with it
		}
		f, err := parser.ParseFile(s.fset, filepath.Join(dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return &Error{name, "it is not Go: " + err.Error()}
		}
		if built, err := tests.MatchFile(dir, name); err == nil && !built {
			s.ledgerOnly[f] = true
		}
		s.files = append(s.files, f)
	}
	return nil
}

// declares tells whether any comment of the sources is for us.
func (s *sources) declares() bool {
	for _, f := range s.files {
		for _, group := range f.Comments {
			for _, c := range group.List {
				if strings.HasPrefix(c.Text, prefix) {
					return true
				}
			}
		}
	}
	return false
}

const prefix = "//concordat:"

// directive finds a comment such as //concordat:method NAME; words is nil when
// there is none.
func directive(doc *ast.CommentGroup, kinds ...string) (words []string, at token.Pos) {
	if doc == nil {
		return nil, token.NoPos
	}
	for _, c := range doc.List {
		rest, ok := strings.CutPrefix(c.Text, prefix)
		if !ok {
			continue
		}
		words = strings.Fields(rest)
		for _, kind := range kinds {
			if len(words) > 0 && words[0] == kind {
				return words, c.Pos()
			}
		}
	}
	return nil, token.NoPos
}

// kinds are the directives there are.
var kinds = []string{"contract", "method", "query", "event", "record", "errors"}

// collect goes over all declarations.
func (s *sources) collect(dir string) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("find the folder: %w", err)
	}
	s.out = &declare.Contract{Name: filepath.Base(abs)}
	if err := s.checkDirectives(); err != nil {
		return err
	}
	if err := s.checkPackage(); err != nil {
		return err
	}
	contracts := 0
	for _, f := range s.files {
		if words, at := directive(f.Doc, "contract"); words != nil {
			if contracts++; contracts > 1 {
				return s.fail(at, "another file has %scontract already; remove one of them", prefix)
			}
			s.taken[at] = true
			if len(words) > 1 {
				if !ledger.ValidContractName(words[1]) {
					return s.fail(at, "%q is no name of a contract; a-z, 0-9 and - are allowed, the first a letter, 32 at most", words[1])
				}
				s.out.Name = words[1]
			}
			s.out.Doc = declare.Sentence(strings.TrimPrefix(f.Doc.Text(), "Package main is "), "")
		}
		s.types(f)
	}
	for _, f := range s.files {
		for _, d := range f.Decls {
			if err := s.declaration(f, d); err != nil {
				return err
			}
		}
	}
	if err := s.constants(); err != nil {
		return err
	}
	return s.checkTaken()
}

// types notes the types of a file and the methods that they have.
func (s *sources) types(f *ast.File) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if name := receiver(d); name != "" {
				if s.methods[name] == nil {
					s.methods[name] = map[string]bool{}
				}
				s.methods[name][d.Name.Name] = true
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				t, ok := spec.(*ast.TypeSpec)
				if !ok {
					continue
				}
				if t.Doc == nil {
					t.Doc = d.Doc
				}
				if fields, ok := t.Type.(*ast.StructType); ok {
					s.structs[t.Name.Name] = &structure{spec: t, fields: fields, file: f, doc: declare.Sentence(t.Doc.Text(), t.Name.Name)}
				} else {
					s.others[t.Name.Name] = t.Type
				}
			}
		}
	}
}

// receiver is the type that a function is a method of.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) != 1 {
		return ""
	}
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if name, ok := t.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

// isSDK tells whether x is a name of the SDK, such as concordat.Amount.
func isSDK(f *ast.File, x ast.Expr) (name string, ok bool) {
	sel, ok := x.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	from, ok := sel.X.(*ast.Ident)
	if !ok {
		return "", false
	}
	for _, i := range f.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err != nil || path != SDK {
			continue
		}
		if i.Name == nil && from.Name == "concordat" || i.Name != nil && from.Name == i.Name.Name {
			return sel.Sel.Name, true
		}
	}
	return "", false
}
