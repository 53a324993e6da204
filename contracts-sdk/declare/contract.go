package declare

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/concordat-ledger/concordat/wasm/schema"
)

// NothingName is the message without fields, in all SDKs.
const NothingName = "Nothing"

// Contract is what one contract declares.
type Contract struct {
	Name     string
	Doc      string
	Methods  []Method
	Messages []Message
	Events   []Event
	Errors   []schema.ErrorCode
}

// Method names the messages that it takes and gives as the sources do.
type Method struct {
	Name    string
	Query   bool
	In, Out string
	Doc     string
}

// Message is a structure by its name in the sources. The types of its fields are
// those of a schema, or names of messages in the sources.
type Message struct {
	Name   string
	Doc    string
	Fields []schema.Field
}

// Event is a topic and the message that is told.
type Event struct {
	Topic   string
	Message string
	Doc     string
}

// Schema is the contract's schema. The error is a sentence.
func (c *Contract) Schema() (*schema.Schema, error) {
	b := builder{from: c, types: map[schema.Type]string{}, out: &schema.Schema{Version: schema.Version, Contract: contractName(c.Name), Doc: c.Doc}}
	for _, m := range c.Methods {
		in, err := b.fields(m.In)
		if err != nil {
			return nil, err
		}
		out, err := b.fields(m.Out)
		if err != nil {
			return nil, err
		}
		b.out.Methods = append(b.out.Methods, schema.Method{Name: m.Name, Query: m.Query, Doc: m.Doc, In: in, Out: out})
	}
	for _, e := range c.Events {
		fields, err := b.fields(e.Message)
		if err != nil {
			return nil, err
		}
		b.out.Events = append(b.out.Events, schema.Event{Topic: e.Topic, Doc: e.Doc, Fields: fields})
	}
	b.out.Errors = slices.Clone(c.Errors)
	slices.SortStableFunc(b.out.Events, func(x, y schema.Event) int { return cmp.Compare(x.Topic, y.Topic) })
	slices.SortStableFunc(b.out.Errors, func(x, y schema.ErrorCode) int { return cmp.Compare(x.Code, y.Code) })
	text, err := Marshal(b.out)
	if err != nil {
		return nil, err
	}
	return schema.Parse(text)
}

// Marshal is the text of a schema, as it goes into a module.
func Marshal(s *schema.Schema) ([]byte, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	return text, nil
}

// builder makes a schema of declarations.
type builder struct {
	from    *Contract
	out     *schema.Schema
	entered []string               // messages whose fields are looked at right now
	types   map[schema.Type]string // messages by the types that they became
}

// fields are those of a message, with names of messages replaced by types of the
// schema, which are added where they are missing.
func (b *builder) fields(message string) ([]schema.Field, error) {
	if message == NothingName {
		return nil, nil
	}
	i := slices.IndexFunc(b.from.Messages, func(m Message) bool { return m.Name == message })
	if i < 0 {
		return nil, fmt.Errorf("%s is used, and not declared as a message", message)
	}
	if slices.Contains(b.entered, message) {
		return nil, fmt.Errorf("%s holds itself, which a schema cannot say; keep such values in records of their own", message)
	}
	b.entered = append(b.entered, message)
	fields := slices.Clone(b.from.Messages[i].Fields)
	slices.SortStableFunc(fields, func(x, y schema.Field) int { return cmp.Compare(x.Tag, y.Tag) })
	for k := range fields {
		if fields[k].Type.Known() {
			continue
		}
		name, err := b.structure(string(fields[k].Type))
		if err != nil {
			return nil, err
		}
		fields[k].Type = name
	}
	b.entered = b.entered[:len(b.entered)-1]
	return fields, nil
}

// structure adds a message as a type of the schema, behind those that it uses.
func (b *builder) structure(message string) (schema.Type, error) {
	name := schema.Type(Snake(message))
	if name.Known() {
		return "", fmt.Errorf("%s would be the type %s in the schema, which is another; give it another name", message, name)
	}
	if first, ok := b.types[name]; ok && first != message {
		return "", fmt.Errorf("%s and %s would both be the type %s in the schema; give one another name", first, message, name)
	}
	fields, err := b.fields(message)
	if err != nil || b.out.Struct(name) != nil {
		return name, err
	}
	b.types[name] = message
	doc := ""
	for _, m := range b.from.Messages {
		if m.Name == message {
			doc = m.Doc
		}
	}
	b.out.Types = append(b.out.Types, schema.Struct{Name: string(name), Doc: doc, Fields: fields})
	return name, nil
}

// SameMeaning tells whether two schemas say the same but for comments and order.
func SameMeaning(a, b *schema.Schema) bool {
	x, err := Marshal(bare(a))
	if err != nil {
		return false
	}
	y, err := Marshal(bare(b))
	return err == nil && string(x) == string(y)
}

// bare is a schema without comments, in alphabetical order.
func bare(s *schema.Schema) *schema.Schema {
	out := &schema.Schema{Version: s.Version, Contract: s.Contract}
	fields := func(list []schema.Field) []schema.Field {
		list = slices.Clone(list)
		for i := range list {
			list[i].Doc = ""
		}
		return list
	}
	for _, m := range s.Methods {
		out.Methods = append(out.Methods, schema.Method{Name: m.Name, Query: m.Query, In: fields(m.In), Out: fields(m.Out)})
	}
	for _, t := range s.Types {
		out.Types = append(out.Types, schema.Struct{Name: t.Name, Fields: fields(t.Fields)})
	}
	for _, e := range s.Events {
		out.Events = append(out.Events, schema.Event{Topic: e.Topic, Fields: fields(e.Fields)})
	}
	for _, e := range s.Errors {
		out.Errors = append(out.Errors, schema.ErrorCode{Code: e.Code, Name: e.Name})
	}
	slices.SortFunc(out.Methods, func(x, y schema.Method) int { return cmp.Compare(x.Name, y.Name) })
	slices.SortFunc(out.Types, func(x, y schema.Struct) int { return cmp.Compare(x.Name, y.Name) })
	slices.SortFunc(out.Events, func(x, y schema.Event) int { return cmp.Compare(x.Topic, y.Topic) })
	slices.SortFunc(out.Errors, func(x, y schema.ErrorCode) int { return cmp.Compare(x.Code, y.Code) })
	return out
}
