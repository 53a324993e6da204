package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Version is the only format so far.
const Version = 1

// Limits of a schema.
const (
	MethodsMax = 256
	TypesMax   = 64
	FieldsMax  = 64
	TagMax     = 1000
)

// Type is the type of a field: one of those below, or the name of one of the
// schema's own.
type Type string

// The types.
const (
	String Type = "string"
	Bytes  Type = "bytes"
	Uint64 Type = "uint64"
	Int64  Type = "int64"
	Uint32 Type = "uint32"
	Int32  Type = "int32"
	Bool   Type = "bool"
	Amount Type = "amount" // unsigned, 128 bits
	Party  Type = "party"
	Hash   Type = "hash" // 32 bytes
)

// Known tells whether a type is one of the above.
func (t Type) Known() bool { return t.words() != "" }

// words says what a value of a type looks like, for messages.
func (t Type) words() string {
	switch t {
	case String:
		return "a text"
	case Bytes:
		return "bytes: base64 in JSON, 0x… or plain text as name=value"
	case Uint64:
		return "a whole number of up to 64 bits"
	case Int64:
		return "a whole number of up to 64 bits, which may be negative"
	case Uint32:
		return "a whole number of up to 32 bits"
	case Int32:
		return "a whole number of up to 32 bits, which may be negative"
	case Bool:
		return "true or false"
	case Amount:
		return "a decimal number of up to 128 bits"
	case Party:
		return "a party, such as alice@org0"
	case Hash:
		return "a hash of 64 hexadecimal digits"
	}
	return ""
}

// Words says what a value of a field looks like.
func (f *Field) Words() string {
	words := f.Type.words()
	switch {
	case words == "" && f.Repeated:
		return "a JSON list of objects " + string(f.Type)
	case words == "":
		return "a JSON object " + string(f.Type)
	case f.Repeated:
		return "a JSON list, each " + words
	}
	return words
}

// Schema describes a contract to people and programs.
type Schema struct {
	Version  int         `json:"version"`
	Contract string      `json:"contract"`
	Doc      string      `json:"doc,omitempty"`
	Methods  []Method    `json:"methods"`
	Types    []Struct    `json:"types,omitempty"` // each refers to those before it
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
	Repeated bool   `json:"repeated,omitempty"`
	Optional bool   `json:"optional,omitempty"`
	Doc      string `json:"doc,omitempty"`
}

// Struct is a type of the contract's own, for fields that hold fields.
type Struct struct {
	Name   string  `json:"name"`
	Doc    string  `json:"doc,omitempty"`
	Fields []Field `json:"fields,omitempty"`
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

// Struct finds a type of the contract's own; nil when there is none.
func (s *Schema) Struct(t Type) *Struct {
	for i := range s.Types {
		if s.Types[i].Name == string(t) {
			return &s.Types[i]
		}
	}
	return nil
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
