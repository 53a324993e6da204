package generate

import (
	"go/ast"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/concordat-ledger/concordat/contracts-sdk/declare"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// line is the code for one field: in Fields, and in the two functions beside it.
type line struct {
	tag               uint32
	text, read, write string
}

// offered are the types that a field can have, for messages of errors.
const offered = "bool, uint64, int64, uint32, int32, string, []byte, [32]byte, concordat.Amount, concordat.Party, a struct, or a slice of these"

// kind is the type of a field as it was written.
type kind struct {
	of       schema.Type // or the name of a message
	repeated bool
	message  bool
	convert  string // the plain type below a defined one
}

// message makes a struct a message, with those that it holds.
func (s *sources) message(name string) error {
	one := s.structs[name]
	if slices.Contains(s.order, name) {
		return nil
	}
	if err := s.checkMessage(one); err != nil {
		return err
	}
	s.entered = append(s.entered, name)
	defer func() { s.entered = s.entered[:len(s.entered)-1] }()
	s.order = append(s.order, name)
	m := declare.Message{Name: name, Doc: one.doc}
	last := uint32(0)
	for _, f := range one.fields.Fields.List {
		if len(f.Names) == 0 {
			return s.fail(f.Pos(), "%s is embedded in %s; give it a name", exprText(f.Type), name)
		}
		for _, field := range f.Names {
			d, skip, err := s.field(one, f, field, last+1)
			if err != nil {
				return err
			}
			if skip {
				continue
			}
			if slices.ContainsFunc(m.Fields, func(o schema.Field) bool { return o.Tag == d.Tag }) {
				return s.fail(field.Pos(), "field %s of %s has the tag %d, which another has; write another number", field.Name, name, d.Tag)
			}
			if err := s.once(field.Pos(), "field of "+name, d.Name, "say another with `concordat:\"name=…\"`"); err != nil {
				return err
			}
			if len(m.Fields) == schema.FieldsMax {
				return s.fail(field.Pos(), "%s has more than %d fields; put some of them into a struct of their own", name, schema.FieldsMax)
			}
			last = d.Tag
			m.Fields = append(m.Fields, d)
		}
	}
	slices.SortFunc(one.code, func(a, b line) int { return int(a.tag) - int(b.tag) })
	s.out.Messages = append(s.out.Messages, m)
	return nil
}

// field reads one field. position is its tag unless it says another.
func (s *sources) field(one *structure, f *ast.Field, name *ast.Ident, position uint32) (schema.Field, bool, error) {
	d := schema.Field{Name: declare.Snake(name.Name), Tag: position, Doc: declare.Sentence(f.Doc.Text(), name.Name)}
	if d.Doc == "" {
		d.Doc = declare.Sentence(f.Comment.Text(), name.Name)
	}
	if f.Tag != nil {
		text, err := strconv.Unquote(f.Tag.Value)
		if err != nil {
			return d, false, s.fail(f.Tag.Pos(), "the tag of %s is no string", name.Name)
		}
		ours, ok := reflect.StructTag(text).Lookup("concordat")
		if !ok && strings.Contains(text, "concordat:") {
			return d, false, s.fail(f.Tag.Pos(), "the tag of %s cannot be read; write it as `concordat:\"3,optional\"`", name.Name)
		}
		for _, word := range strings.Split(ours, ",") {
			number, err := strconv.ParseUint(word, 10, 32)
			switch {
			case word == "-":
				return d, true, nil
			case word == "optional":
				d.Optional = true
			case strings.HasPrefix(word, "name="):
				d.Name = strings.TrimPrefix(word, "name=")
			case err == nil && number >= 1 && number <= schema.TagMax:
				d.Tag = uint32(number)
			case word != "":
				return d, false, s.fail(f.Tag.Pos(), "the tag of %s says %q; write a number from 1 to %d, optional, name=…, or -", name.Name, word, schema.TagMax)
			}
		}
	}
	if name.Name == "_" {
		return d, true, nil
	}
	k, ok := s.kind(one.file, f.Type)
	if !ok {
		return d, false, s.fail(f.Type.Pos(), "field %s has the type %s, which has no byte form; write %s", name.Name, exprText(f.Type), offered)
	}
	d.Type, d.Repeated = k.of, k.repeated
	if k.message {
		if err := s.checkInner(f.Type.Pos(), string(k.of)); err != nil {
			return d, false, err
		}
		if err := s.message(string(k.of)); err != nil {
			return d, false, err
		}
	}
	one.code = append(one.code, k.line(name.Name, d.Tag))
	return d, false, nil
}

// plain are the types of Go that a schema has.
var plain = map[string]schema.Type{"bool": schema.Bool, "uint64": schema.Uint64, "int64": schema.Int64, "uint32": schema.Uint32, "int32": schema.Int32, "string": schema.String}

func (s *sources) kind(f *ast.File, x ast.Expr) (kind, bool) {
	if name, ok := isSDK(f, x); ok {
		of, ok := map[string]schema.Type{"Amount": schema.Amount, "Party": schema.Party}[name]
		return kind{of: of}, ok
	}
	switch x := x.(type) {
	case *ast.Ident:
		return s.named(x.Name)
	case *ast.ArrayType:
		elem, isName := x.Elt.(*ast.Ident)
		isByte := isName && (elem.Name == "byte" || elem.Name == "uint8")
		if size, ok := x.Len.(*ast.BasicLit); ok && isByte && size.Value == "32" {
			return kind{of: schema.Hash}, true
		}
		if x.Len != nil {
			return kind{}, false
		}
		if isByte {
			return kind{of: schema.Bytes}, true
		}
		k, ok := s.kind(f, x.Elt)
		if k.repeated || k.convert != "" && k.of == schema.Bool {
			return kind{}, false
		}
		k.repeated = true
		return k, ok
	}
	return kind{}, false
}

// named is a type by a name of this package or of the language.
func (s *sources) named(name string) (kind, bool) {
	if s.structs[name] != nil {
		return kind{of: schema.Type(name), message: true}, true
	}
	if below, ok := s.others[name]; ok {
		if basic, ok := below.(*ast.Ident); ok {
			of, ok := plain[basic.Name]
			return kind{of: of, convert: basic.Name}, ok
		}
		return kind{}, false
	}
	of, ok := plain[name]
	return kind{of: of}, ok
}

// code reads and writes a field.
func (k kind) code(name string, tag uint32) string {
	at := strconv.FormatUint(uint64(tag), 10) + ", "
	if k.repeated {
		at += "&m." + name + ")"
		switch {
		case k.message:
			return "concordat.Messages(f, " + at
		case k.of == schema.String || k.of == schema.Party:
			return "concordat.Texts(f, " + at
		case k.of == schema.Bytes:
			return "f.BytesList(" + at
		case k.of == schema.Amount || k.of == schema.Bool:
			return "f." + title(string(k.of)) + "s(" + at
		case k.of == schema.Hash:
			return "f.Hashes(" + at
		}
		return "concordat.Numbers(f, " + at
	}
	if k.message {
		return "f.Message(" + at + "&m." + name + ")"
	}
	if k.convert != "" {
		return "f." + title(string(k.of)) + "(" + at + "(*" + k.convert + ")(&m." + name + "))"
	}
	return "f." + title(string(k.of)) + "(" + at + "&m." + name + ")"
}
