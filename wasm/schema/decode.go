package schema

import (
	"encoding/json"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// JSONBytesMax bounds what bytes are shown as: two bytes can stand for an object
// whose every field has its default.
const JSONBytesMax = 4 << 20

// object appends canonical bytes as a JSON object with every field in the order of
// the schema. What is left out has its default, or is null when it is an object,
// unless it is optional.
func (s *Schema) object(out []byte, fields []Field, b []byte) ([]byte, error) {
	values, err := split(fields, b)
	if err != nil {
		return nil, err
	}
	out = append(out, '{')
	first := true
	for i := range fields {
		if values[i] == nil && fields[i].Optional {
			continue
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(append(append(out, '"'), fields[i].Name...), '"', ':')
		if out, err = s.field(out, &fields[i], values[i]); err != nil {
			return nil, err
		}
		if len(out) > JSONBytesMax {
			return nil, fmt.Errorf("%w: they are more than %d bytes as JSON", ErrBytes, JSONBytesMax)
		}
	}
	return append(out, '}'), nil
}

// split finds the values of fields: none for a field that is left out, and more
// than one only for a repeated one.
func split(fields []Field, b []byte) ([][]scalar, error) {
	values := make([][]scalar, len(fields))
	last, again := protowire.Number(0), false
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		i := slices.IndexFunc(fields, func(f Field) bool { return int64(f.Tag) == int64(number) })
		if n < 0 || n != protowire.SizeTag(number) || i < 0 || fields[i].wire() != kind || number < last || number == last && !again {
			return nil, fmt.Errorf("%w: field %d is unknown, out of order, or of another type", ErrBytes, number)
		}
		f := &fields[i]
		last, again, b = number, f.Repeated && !f.packed(), b[n:]
		v, n := protowire.ConsumeVarint(b)
		if n < 0 || n != protowire.SizeVarint(v) || v == 0 && !again {
			return nil, fmt.Errorf("%w: field %s is cut off, not in its shortest form, or its default", ErrBytes, f.Name)
		}
		b = b[n:]
		one := scalar{number: v}
		if kind == protowire.BytesType {
			if v > uint64(len(b)) {
				return nil, fmt.Errorf("%w: field %s is cut off", ErrBytes, f.Name)
			}
			one.raw, b = b[:v], b[v:]
		}
		if !f.packed() {
			values[i] = append(values[i], one)
			continue
		}
		for rest := one.raw; len(rest) > 0; {
			v, n := protowire.ConsumeVarint(rest)
			if n < 0 || n != protowire.SizeVarint(v) {
				return nil, fmt.Errorf("%w: field %s is cut off or not in its shortest form", ErrBytes, f.Name)
			}
			values[i], rest = append(values[i], scalar{number: v}), rest[n:]
		}
	}
	return values, nil
}

// field appends the JSON of one field.
func (s *Schema) field(out []byte, f *Field, values []scalar) ([]byte, error) {
	if !f.Repeated {
		if len(values) > 0 {
			return s.value(out, f, values[0])
		}
		if s.Struct(f.Type) != nil {
			return append(out, "null"...), nil
		}
		return s.value(out, f, scalar{})
	}
	out = append(out, '[')
	for i, v := range values {
		if i > 0 {
			out = append(out, ',')
		}
		var err error
		if out, err = s.value(out, f, v); err != nil {
			return nil, err
		}
		if len(out) > JSONBytesMax {
			return nil, fmt.Errorf("%w: they are more than %d bytes as JSON", ErrBytes, JSONBytesMax)
		}
	}
	return append(out, ']'), nil
}

func (s *Schema) value(out []byte, f *Field, v scalar) ([]byte, error) {
	if t := s.Struct(f.Type); t != nil {
		return s.object(out, t.Fields, v.raw)
	}
	shown, err := f.value(v)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(shown)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBytes, err)
	}
	return append(out, text...), nil
}
