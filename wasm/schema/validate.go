package schema

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/concordat-ledger/concordat/ledger"
)

var identifier = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// IsName tells whether a method, a field, a type or an event may have that name.
func IsName(name string) bool { return identifier.MatchString(name) }

// names are those that stand in one list of a schema.
type names map[string]bool

func (n names) once(name string) error {
	if !IsName(name) {
		return refused("%q is no name; a-z, 0-9 and _ are allowed, the first a letter", name)
	}
	if n[name] {
		return refused("%q stands twice", name)
	}
	n[name] = true
	return nil
}

func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrSchema, fmt.Sprintf(format, args...))
}

func (s *Schema) validate() error {
	if s.Version != Version {
		return refused("its version is %d, known is %d", s.Version, Version)
	}
	if len(s.Methods) == 0 || len(s.Methods) > MethodsMax || len(s.Events) > MethodsMax || len(s.Errors) > MethodsMax || len(s.Types) > TypesMax {
		return refused("it has %d methods, not 1 to %d, or too many types, events or errors", len(s.Methods), MethodsMax)
	}
	if s.Contract != "" && !ledger.ValidContractName(s.Contract) {
		return refused("it calls the contract %q; a-z, 0-9 and - are allowed, the first a letter, 32 at most", s.Contract)
	}
	types, err := s.validateTypes()
	if err != nil {
		return err
	}
	methods, topics := names{}, names{}
	for i := range s.Methods {
		m := &s.Methods[i]
		if err := errors.Join(methods.once(m.Name), checkFields(m.Name, m.In, types), checkFields(m.Name, m.Out, types)); err != nil {
			return err
		}
	}
	for i := range s.Events {
		e := &s.Events[i]
		if err := errors.Join(topics.once(e.Topic), checkFields(e.Topic, e.Fields, types)); err != nil {
			return err
		}
	}
	codes, errs := map[uint32]bool{}, names{}
	for _, e := range s.Errors {
		if err := errs.once(e.Name); err != nil {
			return err
		}
		if codes[e.Code] || e.Code == 0 {
			return refused("error code %d stands twice or is zero", e.Code)
		}
		codes[e.Code] = true
	}
	return nil
}

// validateTypes lets a type refer only to those before it, so that none holds
// itself and whatever walks over one comes to an end.
func (s *Schema) validateTypes() (names, error) {
	types := names{}
	for i := range s.Types {
		t := &s.Types[i]
		if Type(t.Name).Known() {
			return nil, refused("the type %q has the name of a built-in one", t.Name)
		}
		if err := errors.Join(checkFields(t.Name, t.Fields, types), types.once(t.Name)); err != nil {
			return nil, err
		}
	}
	return types, nil
}

func checkFields(of string, fields []Field, types names) error {
	known, last := names{}, uint32(0)
	if len(fields) > FieldsMax {
		return refused("%s has %d fields, at most %d are allowed", of, len(fields), FieldsMax)
	}
	for _, f := range fields {
		switch {
		case known.once(f.Name) != nil:
			return refused("%s has a field %q, which is no name or stands twice", of, f.Name)
		case f.Tag <= last || f.Tag > TagMax:
			return refused("field %s of %s has tag %d; tags ascend from 1 to %d", f.Name, of, f.Tag, TagMax)
		case !f.Type.Known() && !types[string(f.Type)]:
			return refused("field %s of %s has the unknown type %q; a type stands in the list of types before those that use it", f.Name, of, f.Type)
		}
		last = f.Tag
	}
	return nil
}
