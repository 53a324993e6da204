package schema

import (
	"bytes"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// appendText appends a field whose value is given as text. Lists and objects are
// given as JSON.
func (s *Schema) appendText(b []byte, f *Field, text string) ([]byte, error) {
	if f.Repeated || s.Struct(f.Type) != nil {
		if !json.Valid([]byte(text)) {
			return nil, fmt.Errorf("%w: %s is %q, which is not %s", ErrArguments, f.Name, shorten(text), f.Words())
		}
		return s.appendJSON(b, f, []byte(text))
	}
	v, err := f.parse(text)
	if err != nil {
		return nil, err
	}
	return f.append(b, v), nil
}

// appendJSON appends a field whose value is given as JSON.
func (s *Schema) appendJSON(b []byte, f *Field, raw json.RawMessage) ([]byte, error) {
	if !f.Repeated {
		v, err := s.element(f, raw)
		if err != nil {
			return nil, err
		}
		return f.append(b, v), nil
	}
	var list []json.RawMessage
	if first := bytes.TrimSpace(raw); len(first) == 0 || first[0] != '[' || json.Unmarshal(raw, &list) != nil {
		return nil, fmt.Errorf("%w: %s is %s, which is not %s", ErrArguments, f.Name, shorten(string(raw)), f.Words())
	}
	var packed []byte
	for i := range list {
		v, err := s.element(f, list[i])
		switch {
		case err != nil:
			return nil, err
		case f.packed():
			packed = protowire.AppendVarint(packed, v.number)
		default:
			b = protowire.AppendBytes(f.appendTag(b), v.raw)
		}
	}
	if f.packed() {
		return f.append(b, scalar{raw: packed}), nil
	}
	return b, nil
}

// element reads one value, whether it stands alone or in a list.
func (s *Schema) element(f *Field, raw json.RawMessage) (scalar, error) {
	t := s.Struct(f.Type)
	if t == nil {
		return f.parseJSON(raw)
	}
	given, err := readObject(raw)
	if err != nil {
		return scalar{}, fmt.Errorf("%w: %s takes a JSON object: %w", ErrArguments, f.Name, err)
	}
	inner, err := encode(nil, f.Name, t.Fields, sortedNames(given), func(b []byte, one *Field) ([]byte, error) {
		return s.appendJSON(b, one, given[one.Name])
	})
	return scalar{raw: inner}, err
}

// append appends a field of one value; a default is left out.
func (f *Field) append(b []byte, v scalar) []byte {
	if f.wire() == protowire.VarintType {
		if v.number == 0 {
			return b
		}
		return protowire.AppendVarint(f.appendTag(b), v.number)
	}
	var zero [hashBytes]byte
	if len(v.raw) == 0 || f.Type == Hash && bytes.Equal(v.raw, zero[:]) && !f.Repeated {
		return b
	}
	return protowire.AppendBytes(f.appendTag(b), v.raw)
}

func (f *Field) appendTag(b []byte) []byte {
	return protowire.AppendTag(b, protowire.Number(f.Tag), f.wire()) // #nosec G115 -- at most TagMax
}
