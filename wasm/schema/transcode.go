package schema

import (
	"fmt"
	"slices"
	"strings"
)

// ArgsFromJSON encodes a method's arguments from a JSON object.
func (s *Schema) ArgsFromJSON(method string, object []byte) ([]byte, error) {
	m, err := s.Method(method)
	if err != nil {
		return nil, err
	}
	given, err := readObject(object)
	if err != nil {
		return nil, fmt.Errorf("%w: %s takes a JSON object: %w", ErrArguments, method, err)
	}
	return encode(nil, m.Name, m.In, sortedNames(given), func(b []byte, f *Field) ([]byte, error) { return s.appendJSON(b, f, given[f.Name]) })
}

// ArgsFromPairs encodes a method's arguments from name=value pairs.
func (s *Schema) ArgsFromPairs(method string, pairs []string) ([]byte, error) {
	m, err := s.Method(method)
	if err != nil {
		return nil, err
	}
	given := map[string]string{}
	for _, p := range pairs {
		name, value, ok := strings.Cut(p, "=")
		if _, twice := given[name]; !ok || twice {
			return nil, fmt.Errorf("%w: %q is not name=value, or given twice; %s", ErrArguments, shorten(p), m.Usage())
		}
		given[name] = value
	}
	return encode(nil, m.Name, m.In, sortedNames(given), func(b []byte, f *Field) ([]byte, error) { return s.appendText(b, f, given[f.Name]) })
}

func sortedNames[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Usage lists a method's fields.
func (m *Method) Usage() string { return usage(m.Name, m.In) }

func usage(of string, fields []Field) string {
	if len(fields) == 0 {
		return of + " takes no arguments"
	}
	parts := make([]string, len(fields))
	for i := range fields {
		f := &fields[i]
		parts[i] = f.Name + " (" + f.Words() + ")"
		if f.Optional {
			parts[i] = "optionally " + parts[i]
		}
	}
	return of + " takes " + strings.Join(parts, ", ")
}

// encode appends fields in their order. given are the names that values were given
// for.
func encode(b []byte, of string, fields []Field, given []string, appendField func([]byte, *Field) ([]byte, error)) ([]byte, error) {
	for _, name := range given {
		if !slices.ContainsFunc(fields, func(f Field) bool { return f.Name == name }) {
			return nil, fmt.Errorf("%w: %s has no argument %q; %s", ErrArguments, of, shorten(name), usage(of, fields))
		}
	}
	for i := range fields {
		f := &fields[i]
		if !slices.Contains(given, f.Name) {
			if f.Optional {
				continue
			}
			were := "nothing"
			if len(given) > 0 {
				were = strings.Join(given, ", ")
			}
			return nil, fmt.Errorf("%w: %s needs %s (%s); given were: %s", ErrArguments, of, f.Name, f.Words(), were)
		}
		var err error
		if b, err = appendField(b, f); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// ArgsJSON shows a method's arguments.
func (s *Schema) ArgsJSON(method string, args []byte) ([]byte, error) {
	m, err := s.Method(method)
	if err != nil {
		return nil, err
	}
	return s.object(nil, m.In, args)
}

// OutputJSON shows what a method returned.
func (s *Schema) OutputJSON(method string, output []byte) ([]byte, error) {
	m, err := s.Method(method)
	if err != nil {
		return nil, err
	}
	return s.object(nil, m.Out, output)
}

// EventJSON shows an event's data.
func (s *Schema) EventJSON(topic string, data []byte) ([]byte, error) {
	for i := range s.Events {
		if s.Events[i].Topic == topic {
			return s.object(nil, s.Events[i].Fields, data)
		}
	}
	return nil, fmt.Errorf("%w: contract %s has no event %q", ErrBytes, s.Contract, topic)
}
