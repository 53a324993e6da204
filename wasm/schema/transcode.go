package schema

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
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
	return m.encode(sortedNames(given), func(b []byte, f *Field) ([]byte, error) { return f.appendJSON(b, given[f.Name]) })
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
	return m.encode(sortedNames(given), func(b []byte, f *Field) ([]byte, error) { return f.appendText(b, given[f.Name]) })
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
func (m *Method) Usage() string {
	if len(m.In) == 0 {
		return m.Name + " takes no arguments"
	}
	parts := make([]string, len(m.In))
	for i, f := range m.In {
		parts[i] = f.Name + " (" + f.Type.words() + ")"
		if f.Optional {
			parts[i] = "optionally " + parts[i]
		}
	}
	return m.Name + " takes " + strings.Join(parts, ", ")
}

func (m *Method) encode(given []string, appendField func([]byte, *Field) ([]byte, error)) ([]byte, error) {
	for _, name := range given {
		if !slices.ContainsFunc(m.In, func(f Field) bool { return f.Name == name }) {
			return nil, fmt.Errorf("%w: %s has no argument %q; %s", ErrArguments, m.Name, shorten(name), m.Usage())
		}
	}
	var b []byte
	for i := range m.In {
		f := &m.In[i]
		if !slices.Contains(given, f.Name) {
			if f.Optional {
				continue
			}
			were := "nothing"
			if len(given) > 0 {
				were = strings.Join(given, ", ")
			}
			return nil, fmt.Errorf("%w: %s needs %s (%s); given were: %s", ErrArguments, m.Name, f.Name, f.Type.words(), were)
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
	return decode(m.In, args)
}

// OutputJSON shows what a method returned.
func (s *Schema) OutputJSON(method string, output []byte) ([]byte, error) {
	m, err := s.Method(method)
	if err != nil {
		return nil, err
	}
	return decode(m.Out, output)
}

// EventJSON shows an event's data.
func (s *Schema) EventJSON(topic string, data []byte) ([]byte, error) {
	for i := range s.Events {
		if s.Events[i].Topic == topic {
			return decode(s.Events[i].Fields, data)
		}
	}
	return nil, fmt.Errorf("%w: contract %s has no event %q", ErrBytes, s.Contract, topic)
}

// decode reads canonical bytes into a JSON object with every field in the order
// of the schema; what is left out has its default, unless it is optional.
func decode(fields []Field, b []byte) ([]byte, error) {
	type found struct {
		number uint64
		raw    []byte
		given  bool
	}
	values := make([]found, len(fields))
	last := protowire.Number(0)
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		i := slices.IndexFunc(fields, func(f Field) bool { return int64(f.Tag) == int64(number) })
		if n < 0 || n != protowire.SizeTag(number) || number <= last || i < 0 || fields[i].Type.wire() != kind {
			return nil, fmt.Errorf("%w: field %d is unknown, out of order, or of another type", ErrBytes, number)
		}
		last, b = number, b[n:]
		v, n := protowire.ConsumeVarint(b)
		if n < 0 || n != protowire.SizeVarint(v) || v == 0 {
			return nil, fmt.Errorf("%w: field %s is cut off, not in its shortest form, or its default", ErrBytes, fields[i].Name)
		}
		b = b[n:]
		values[i] = found{number: v, given: true}
		if kind == protowire.BytesType {
			if v > uint64(len(b)) {
				return nil, fmt.Errorf("%w: field %s is cut off", ErrBytes, fields[i].Name)
			}
			values[i].raw, b = b[:v], b[v:]
		}
	}
	out := []byte{'{'}
	for i := range fields {
		if !values[i].given && fields[i].Optional {
			continue
		}
		v, err := fields[i].value(values[i].number, values[i].raw)
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBytes, err)
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), fields[i].Name...), '"', ':')
		out = append(out, text...)
	}
	return append(out, '}'), nil
}
