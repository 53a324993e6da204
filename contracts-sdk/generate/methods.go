package generate

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"

	"github.com/concordat-ledger/concordat/contracts-sdk/declare"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// declaration takes up a method, an event or a record.
func (s *sources) declaration(f *ast.File, d ast.Decl) error {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return s.function(f, d)
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			t, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			words, at := directive(t.Doc, "event", "record")
			if words == nil {
				continue
			}
			s.taken[at] = true
			one, ok := s.structs[t.Name.Name]
			if !ok {
				return s.fail(at, "%s is no struct; write type %s struct { … }", t.Name.Name, t.Name.Name)
			}
			if words[0] == "event" {
				one.event = declare.Snake(t.Name.Name)
				if len(words) > 1 {
					one.event = words[1]
				}
				if err := s.once(t.Pos(), "event", one.event, "write "+prefix+"event NAME"); err != nil {
					return err
				}
				s.out.Events = append(s.out.Events, declare.Event{Topic: one.event, Message: t.Name.Name, Doc: one.doc})
			}
			if err := s.message(t.Name.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *sources) function(f *ast.File, d *ast.FuncDecl) error {
	words, at := directive(d.Doc, "method", "query")
	if words == nil {
		return nil
	}
	s.taken[at] = true
	name := declare.Snake(d.Name.Name)
	if len(words) > 1 {
		name = words[1]
	}
	shape := s.fail(d.Pos(), "method %s has another form; write func %s(c *concordat.Context, in *%sIn) (*%sOut, error), with concordat.Nothing where there is nothing",
		d.Name.Name, d.Name.Name, title(d.Name.Name), title(d.Name.Name))
	params, results := list(d.Type.Params), list(d.Type.Results)
	if len(params) != 2 || len(results) != 2 || d.Type.TypeParams != nil {
		return shape
	}
	if last, ok := results[1].(*ast.Ident); !ok || last.Name != "error" {
		return shape
	}
	if star, ok := params[0].(*ast.StarExpr); !ok {
		return shape
	} else if sdk, ok := isSDK(f, star.X); !ok || sdk != "Context" {
		return shape
	}
	in, okIn := s.messageName(f, params[1])
	out, okOut := s.messageName(f, results[0])
	if !okIn || !okOut {
		return s.noMessage(shape, d.Name.Name, map[bool]ast.Expr{true: results[0], false: params[1]}[okIn])
	}
	for _, message := range []string{in, out} {
		if message != declare.NothingName {
			if err := s.message(message); err != nil {
				return err
			}
		}
	}
	if err := s.once(d.Pos(), "method", name, "write "+prefix+words[0]+" NAME"); err != nil {
		return err
	}
	function := d.Name.Name
	if d.Recv != nil {
		on := receiver(d)
		if one := s.structs[on]; one == nil || one.spec.TypeParams != nil {
			return s.fail(d.Pos(), "method %s is on %s; write a plain function, or a method of a struct without type parameters", function, exprText(d.Recv.List[0].Type))
		}
		if function = on + "{}." + function; strings.HasPrefix(types.ExprString(d.Recv.List[0].Type), "*") {
			function = "(&" + on + "{})." + d.Name.Name
		}
	}
	query := words[0] == "query"
	s.calls = append(s.calls, call{name, function, in, out, query})
	s.out.Methods = append(s.out.Methods, declare.Method{Name: name, Query: query, In: in, Out: out, Doc: declare.Sentence(d.Doc.Text(), d.Name.Name)})
	return nil
}

func title(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// noMessage says what is wrong with a type that a method takes or gives.
func (s *sources) noMessage(shape error, method string, x ast.Expr) error {
	star, ok := x.(*ast.StarExpr)
	if !ok {
		return shape
	}
	if name, ok := star.X.(*ast.Ident); ok && plain[name.Name] == "" {
		return s.fail(x.Pos(), "method %s uses %s, which is no struct of this package; write type %s struct { … }, not a name for another type", method, name.Name, name.Name)
	}
	return shape
}

// list is one type for each parameter.
func list(fields *ast.FieldList) []ast.Expr {
	var out []ast.Expr
	if fields == nil {
		return nil
	}
	for _, f := range fields.List {
		for range max(1, len(f.Names)) {
			out = append(out, f.Type)
		}
	}
	return out
}

// messageName is the struct that a pointer points to.
func (s *sources) messageName(f *ast.File, x ast.Expr) (string, bool) {
	star, ok := x.(*ast.StarExpr)
	if !ok {
		return "", false
	}
	return s.structName(f, star.X)
}

func (s *sources) structName(f *ast.File, x ast.Expr) (string, bool) {
	if name, ok := isSDK(f, x); ok {
		return name, name == declare.NothingName
	}
	name, ok := x.(*ast.Ident)
	if !ok {
		return "", false
	}
	if s.structs[name.Name] != nil {
		return name.Name, true
	}
	for _, file := range s.files { // an alias, perhaps in another file
		if other, ok := s.others[name.Name]; ok {
			if sdk, ok := isSDK(file, other); ok {
				return sdk, sdk == declare.NothingName
			}
		}
	}
	return "", false
}

// constants takes up the codes of errors.
func (s *sources) constants() error {
	info := types.Info{Defs: map[*ast.Ident]types.Object{}}
	// Only constants are looked at, and they need no imports: what else is wrong
	// with the sources the compiler says.
	conf := types.Config{Importer: nowhere{}, Error: func(error) {}}
	_, _ = conf.Check("contract", s.fset, s.files, &info)
	for _, f := range s.files {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			words, at := directive(g.Doc, "errors")
			if words == nil {
				continue
			}
			s.taken[at] = true
			if g.Tok != token.CONST {
				return s.fail(at, "the codes of errors are constants; write const ( errName = 1 … )")
			}
			for _, spec := range g.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					if err := s.codes(v, info.Defs); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

func (s *sources) codes(v *ast.ValueSpec, known map[*ast.Ident]types.Object) error {
	for _, name := range v.Names {
		if name.Name == "_" {
			continue
		}
		c, ok := known[name].(*types.Const)
		if !ok {
			return s.fail(name.Pos(), "the value of %s is not known; write a number", name.Name)
		}
		code, exact := constant.Uint64Val(constant.ToInt(c.Val()))
		if !exact || code == 0 || code > 0xffff_fff0 {
			return s.fail(name.Pos(), "%s is no code of an error; write a number from 1, as iota + 1 gives", name.Name)
		}
		doc := declare.Sentence(v.Doc.Text(), name.Name)
		if doc == "" {
			doc = declare.Sentence(v.Comment.Text(), name.Name)
		}
		short := name.Name
		for _, p := range []string{"Err", "err", "Code", "code"} {
			if rest, ok := strings.CutPrefix(short, p); ok && rest != "" {
				short = rest
				break
			}
		}
		if err := s.once(name.Pos(), "error", declare.Snake(short), "give the constant another name"); err != nil {
			return err
		}
		if first, ok := s.names["code "+c.Val().ExactString()]; ok {
			return s.fail(name.Pos(), "%s has the code %d, which stands in line %d of %s too; give it another", name.Name, code, first.Line, base(first.Filename))
		}
		s.names["code "+c.Val().ExactString()] = s.fset.Position(name.Pos())
		s.out.Errors = append(s.out.Errors, schema.ErrorCode{Code: uint32(code), Name: declare.Snake(short), Doc: doc})
	}
	return nil
}

// nowhere imports packages without anything in them.
type nowhere struct{}

// Import implements types.Importer.
func (nowhere) Import(path string) (*types.Package, error) {
	p := types.NewPackage(path, "")
	p.MarkComplete()
	return p, nil
}
