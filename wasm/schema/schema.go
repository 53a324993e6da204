package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Version is the only format so far.
const Version = 1

// Limits of a schema.
const (
	MethodsMax = 256
	FieldsMax  = 64
	TagMax     = 1000
)

// Type is the type of a field.
type Type string

// The types.
const (
	String Type = "string"
	Bytes  Type = "bytes"
	Uint64 Type = "uint64"
	Int64  Type = "int64"
	Bool   Type = "bool"
	Amount Type = "amount" // unsigned, 128 bits
	Party  Type = "party"
)

// words says what a value of a type looks like, for messages.
func (t Type) words() string {
	switch t {
	case String:
		return "a text"
	case Bytes:
		return "bytes: base64 in JSON, 0x… or plain text as name=value"
	case Uint64:
		return "a whole number"
	case Int64:
		return "a whole number, which may be negative"
	case Bool:
		return "true or false"
	case Amount:
		return "a decimal number of up to 128 bits"
	case Party:
		return "a party, such as alice@org0"
	}
	return "nothing known"
}

// Schema describes a contract to people and programs.
type Schema struct {
	Version  int         `json:"version"`
	Contract string      `json:"contract"`
	Doc      string      `json:"doc,omitempty"`
	Methods  []Method    `json:"methods"`
	Events   []Event     `json:"events,omitempty"`
	Errors   []ErrorCode `json:"errors,omitempty"`
}

// Method is one method.
type Method struct {
	Name  string  `json:"name"`
	Query bool    `json:"query,omitempty"` // changes nothing
	Doc   string  `json:"doc,omitempty"`
	In    []Field `json:"in,omitempty"`
	Out   []Field `json:"out,omitempty"`
}

// Field is a field of arguments, outputs and events.
type Field struct {
	Name     string `json:"name"`
	Tag      uint32 `json:"tag"`
	Type     Type   `json:"type"`
	Optional bool   `json:"optional,omitempty"`
	Doc      string `json:"doc,omitempty"`
}

// Event is an event's data.
type Event struct {
	Topic  string  `json:"topic"`
	Doc    string  `json:"doc,omitempty"`
	Fields []Field `json:"fields,omitempty"`
}

// ErrorCode is an error that the contract returns.
type ErrorCode struct {
	Code uint32 `json:"code"`
	Name string `json:"name"`
	Doc  string `json:"doc,omitempty"`
}

// Errors, wrapped by what the functions return.
var (
	ErrSchema        = errors.New("unusable schema")
	ErrUnknownMethod = errors.New("unknown method")
	ErrArguments     = errors.New("unusable arguments")
	ErrBytes         = errors.New("bytes that do not fit the schema")
)

var identifier = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// Parse reads a schema and refuses one that is ambiguous.
func Parse(text []byte) (*Schema, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	var s Schema
	if err := dec.Decode(&s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSchema, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: something follows the object", ErrSchema)
	}
	return &s, s.validate()
}

func (s *Schema) validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrSchema, fmt.Sprintf(format, args...))
	}
	if s.Version != Version {
		return bad("its version is %d, known is %d", s.Version, Version)
	}
	if len(s.Methods) == 0 || len(s.Methods) > MethodsMax || len(s.Events) > MethodsMax || len(s.Errors) > MethodsMax {
		return bad("it has %d methods, not 1 to %d, or too many events or errors", len(s.Methods), MethodsMax)
	}
	names := map[string]bool{}
	once := func(name string) error {
		if !identifier.MatchString(name) {
			return bad("%q is no name; a-z, 0-9 and _ are allowed, the first a letter", name)
		}
		if names[name] {
			return bad("%q stands twice", name)
		}
		names[name] = true
		return nil
	}
	for i := range s.Methods {
		m := &s.Methods[i]
		if err := errors.Join(once(m.Name), checkFields(m.Name, m.In), checkFields(m.Name, m.Out)); err != nil {
			return err
		}
	}
	clear(names)
	for i := range s.Events {
		if err := errors.Join(once(s.Events[i].Topic), checkFields(s.Events[i].Topic, s.Events[i].Fields)); err != nil {
			return err
		}
	}
	codes := map[uint32]bool{}
	for _, e := range s.Errors {
		if codes[e.Code] || e.Code == 0 {
			return bad("error code %d stands twice or is zero", e.Code)
		}
		codes[e.Code] = true
	}
	return nil
}

func checkFields(of string, fields []Field) error {
	names, last := map[string]bool{}, uint32(0)
	if len(fields) > FieldsMax {
		return fmt.Errorf("%w: %s has %d fields, at most %d are allowed", ErrSchema, of, len(fields), FieldsMax)
	}
	for _, f := range fields {
		switch {
		case !identifier.MatchString(f.Name) || names[f.Name]:
			return fmt.Errorf("%w: %s has a field %q, which is no name or stands twice", ErrSchema, of, f.Name)
		case f.Tag <= last || f.Tag > TagMax:
			return fmt.Errorf("%w: field %s of %s has tag %d; tags ascend from 1 to %d", ErrSchema, f.Name, of, f.Tag, TagMax)
		case f.Type.words() == "nothing known":
			return fmt.Errorf("%w: field %s of %s has the unknown type %q", ErrSchema, f.Name, of, f.Type)
		}
		names[f.Name], last = true, f.Tag
	}
	return nil
}

// Method finds a method. The error lists those there are.
func (s *Schema) Method(name string) (*Method, error) {
	names := make([]string, len(s.Methods))
	for i := range s.Methods {
		if s.Methods[i].Name == name {
			return &s.Methods[i], nil
		}
		names[i] = s.Methods[i].Name
	}
	return nil, fmt.Errorf("%w: contract %s has no method %q; it has %s", ErrUnknownMethod, s.Contract, name, strings.Join(names, ", "))
}

// ErrorName is the name and meaning of an error code, empty when unknown.
func (s *Schema) ErrorName(code uint32) (name, doc string) {
	for _, e := range s.Errors {
		if e.Code == code {
			return e.Name, e.Doc
		}
	}
	return "", ""
}
