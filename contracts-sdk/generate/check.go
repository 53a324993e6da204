package generate

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"

	"github.com/concordat-ledger/concordat/contracts-sdk/declare"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// What is legal Go, and would make a wrong schema or a file that does not compile, is
// refused here with its line.

const nameForm = "a name has a-z, 0-9 and _, the first a letter, and at most 64 of them"

// checkPackage looks at what holds for the files as a whole.
func (s *sources) checkPackage() error {
	for _, f := range s.files {
		if f.Name.Name != "main" {
			return s.fail(f.Name.Pos(), "the package is %s; a contract is package main", f.Name.Name)
		}
		for _, i := range f.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err == nil && path == SDK && i.Name != nil && i.Name.Name == "." {
				return s.fail(i.Pos(), "the SDK is imported with a dot; write import concordat %q", SDK)
			}
		}
		for _, d := range f.Decls {
			for _, name := range declared(d) {
				s.declared[name.Name] = true
				if why := taken[name.Name]; why != "" {
					return s.fail(name.Pos(), "%s is %s in %s; give this another name", name.Name, why, FileName)
				}
			}
		}
	}
	return nil
}

// taken are names that the written file uses, and what for.
var taken = func() map[string]string {
	out := map[string]string{"concordat": "the SDK"}
	for _, word := range strings.Fields("append bool byte error false int32 int64 len nil string true uint32 uint64") {
		out[word] = "a word of the language"
	}
	return out
}()

// declared are the names that a declaration gives to the package.
func declared(d ast.Decl) (names []*ast.Ident) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			names = append(names, d.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, spec.Name)
			case *ast.ValueSpec:
				names = append(names, spec.Names...)
			}
		}
	}
	return names
}

// free is what behind names makes them none of the package.
func (s *sources) free(names ...string) string {
	for n := 0; ; n++ {
		suffix := strconv.Itoa(n)
		if !slices.ContainsFunc(names, func(name string) bool { return s.declared[name+suffix] }) {
			return suffix
		}
	}
}

// checkDirectives refuses a comment that means nothing: what it was to say would be
// missing from the contract without a word. taken are those that were of use.
func (s *sources) checkDirectives() error {
	for _, f := range s.files {
		for _, group := range f.Comments {
			for _, c := range group.List {
				if !strings.HasPrefix(c.Text, prefix) {
					continue
				}
				if s.ledgerOnly[f] {
					return s.fail(c.Pos(), "this file is built for the ledger alone, and %s for tests too; take the constraint out of the file or of its name", FileName)
				}
				words, _ := directive(&ast.CommentGroup{List: []*ast.Comment{c}}, kinds...)
				if words == nil {
					return s.fail(c.Pos(), "there is no %s; there are %s%s", c.Text, prefix, strings.Join(kinds, ", "+prefix))
				}
				if most := map[string]int{"record": 1, "errors": 1}[words[0]]; len(words) > 2 || most != 0 && len(words) > most {
					return s.fail(c.Pos(), "%s says more than a name; put other words into the comment above it", c.Text)
				}
			}
		}
	}
	return nil
}

// places says where each kind of comment stands.
var places = map[string]string{"contract": "the word package, once", "method": "a function", "query": "a function", "event": "a struct", "record": "a struct", "errors": "a group of constants"}

func (s *sources) checkTaken() error {
	for _, f := range s.files {
		for _, group := range f.Comments {
			for _, c := range group.List {
				rest, ok := strings.CutPrefix(c.Text, prefix)
				if !ok || s.taken[c.Pos()] {
					continue
				}
				return s.fail(c.Pos(), "%s stands above nothing that it can be of, or above another of them; write it directly above %s", c.Text, places[strings.Fields(rest)[0]])
			}
		}
	}
	if len(s.calls) == 0 {
		return s.fail(s.files[0].Name.Pos(), "the contract has no method; write %smethod above a function", prefix)
	}
	return nil
}

// once refuses a name that cannot stand in a schema, or stands there twice. of is what
// kinds of names are alike.
func (s *sources) once(at token.Pos, of, name, cure string) error {
	if !schema.IsName(name) {
		return s.fail(at, "%s %s cannot have that name; %s; %s", of, name, nameForm, cure)
	}
	if first, ok := s.names[of+" "+name]; ok {
		return s.fail(at, "%s %s is there already, from line %d of %s; %s", of, name, first.Line, base(first.Filename), cure)
	}
	s.names[of+" "+name] = s.fset.Position(at)
	return nil
}

// ownMethods are those that a message gets.
func (s *sources) ownMethods(one *structure) []string {
	own := []string{"Fields", directRead, directWrite}
	if one.event != "" && !s.methods[one.spec.Name.Name]["Emit"] {
		own = append(own, "Emit")
	}
	return own
}

// checkMessage looks at a struct before its fields are read.
func (s *sources) checkMessage(one *structure) error {
	name := one.spec.Name.Name
	if one.spec.TypeParams != nil {
		return s.fail(one.spec.Pos(), "%s has type parameters; write a plain struct", name)
	}
	if one.spec.Assign.IsValid() {
		return s.fail(one.spec.Pos(), "%s is an alias, which cannot have methods; write type %s struct { … }", name, name)
	}
	for _, own := range s.ownMethods(one) {
		if own != "Emit" && s.methods[name][own] {
			return s.fail(one.spec.Pos(), "%s has a method %s of its own; remove it, %s has one", name, own, FileName)
		}
		for _, f := range one.fields.Fields.List {
			if i := slices.IndexFunc(f.Names, func(n *ast.Ident) bool { return n.Name == own }); i >= 0 {
				return s.fail(f.Names[i].Pos(), "field %s of %s has the name of a method that %s writes; give it another", own, name, FileName)
			}
		}
	}
	return nil
}

// checkInner looks at a message that a field holds, which is then a type of the schema.
func (s *sources) checkInner(at token.Pos, name string) error {
	if slices.Contains(s.entered, name) {
		return s.fail(at, "%s holds itself, which a schema cannot say; keep such values in records of their own", name)
	}
	if slices.Contains(s.inner, name) {
		return nil
	}
	s.inner = append(s.inner, name)
	short, spec := declare.Snake(name), s.structs[name].spec
	if schema.Type(short).Known() {
		return s.fail(spec.Pos(), "%s would be the type %s in the schema, which is another; give the struct another name", name, short)
	}
	return s.once(spec.Pos(), "type", short, "give the struct another name")
}
