package bindings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/format"
	"go/token"
	"strings"

	"github.com/concordat-ledger/concordat/wasm/schema"
)

// Go writes a package.
func Go(s *schema.Schema, pkg string) ([]byte, error) {
	if !token.IsIdentifier(pkg) {
		return nil, fmt.Errorf("%q is no name of a package in Go; name another", pkg)
	}
	if err := distinct(s); err != nil {
		return nil, err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, goHead, pkg, s.Contract, string(text), strings.Join(strings.Fields(s.Contract), " "))
	for _, e := range s.Errors {
		comment(&b, "Code"+title(e.Name)+" is an error of the contract. "+e.Doc)
		fmt.Fprintf(&b, "const Code%s uint32 = %d\n\n", title(e.Name), e.Code)
	}
	for i := range s.Types {
		goStruct(&b, s, title(s.Types[i].Name), s.Types[i].Doc, s.Types[i].Fields)
	}
	for i := range s.Events {
		goStruct(&b, s, title(s.Events[i].Topic)+"Event", s.Events[i].Doc, s.Events[i].Fields)
	}
	for i := range s.Methods {
		goMethod(&b, s, &s.Methods[i])
	}
	goEvents(&b, s)
	out, err := format.Source(b.Bytes())
	if err != nil {
		return nil, fmt.Errorf("write the client: %w", err)
	}
	return out, nil
}

// distinct refuses a schema of which two things would have one name in Go.
func distinct(s *schema.Schema) error {
	seen := map[string]bool{"Amount": true, "List": true, "Error": true, "Client": true, "Contract": true, "ParseEvent": true}
	methods := map[string]bool{"Ledger": true, "Signer": true, "Deployed": true}
	var names []string
	for _, m := range s.Methods {
		if name := title(m.Name); methods[name] {
			return fmt.Errorf("method %s would be %s in Go, which the client has already; rename it in the contract", m.Name, name)
		}
		methods[title(m.Name)] = true
		names = append(names, title(m.Name)+"In", title(m.Name)+"Out")
	}
	for _, t := range s.Types {
		names = append(names, title(t.Name))
	}
	for _, e := range s.Events {
		names = append(names, title(e.Topic)+"Event")
	}
	for _, e := range s.Errors {
		names = append(names, "Code"+title(e.Name))
	}
	for _, name := range names {
		if seen[name] {
			return fmt.Errorf("two things would be %s in Go; rename one in the contract", name)
		}
		if !token.IsIdentifier(name) {
			return fmt.Errorf("%q is no name in Go; rename it in the contract", name)
		}
		seen[name] = true
	}
	return distinctFields(s)
}

// distinctFields refuses a message of which two fields would have one name in Go.
func distinctFields(s *schema.Schema) error {
	of := func(message string, fields []schema.Field) error {
		seen := map[string]string{}
		for i := range fields {
			name := title(fields[i].Name)
			if first, ok := seen[name]; ok {
				return fmt.Errorf("fields %s and %s of %s would both be %s in Go; rename one in the contract", first, fields[i].Name, message, name)
			}
			seen[name] = fields[i].Name
		}
		return nil
	}
	var errs []error
	for _, t := range s.Types {
		errs = append(errs, of(t.Name, t.Fields))
	}
	for _, e := range s.Events {
		errs = append(errs, of(e.Topic, e.Fields))
	}
	for _, m := range s.Methods {
		errs = append(errs, of(m.Name, m.In), of(m.Name, m.Out))
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// title is a name as Go exports it.
func title(name string) string {
	var out strings.Builder
	for _, part := range strings.Split(name, "_") {
		if part != "" {
			out.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return out.String()
}

func comment(b *bytes.Buffer, text string) {
	fmt.Fprintf(b, "// %s\n", strings.Join(strings.Fields(text), " "))
}

func goStruct(b *bytes.Buffer, s *schema.Schema, name, doc string, fields []schema.Field) {
	comment(b, name+" is of the contract. "+doc)
	fmt.Fprintf(b, "type %s struct {\n", name)
	for i := range fields {
		f := &fields[i]
		if f.Doc != "" {
			comment(b, f.Doc)
		}
		kind, quoted := goType(s, f)
		tag := f.Name
		if f.Optional {
			tag += ",omitempty"
		}
		if quoted {
			tag += ",string"
		}
		fmt.Fprintf(b, "%s %s `json:%q`\n", title(f.Name), kind, tag)
	}
	b.WriteString("}\n\n")
}

// goType is a field's type, and whether its number is a string in JSON.
func goType(s *schema.Schema, f *schema.Field) (kind string, quoted bool) {
	kind = map[schema.Type]string{schema.String: "string", schema.Party: "string", schema.Bytes: "[]byte", schema.Bool: "bool", schema.Amount: "Amount", schema.Hash: "string",
		schema.Uint64: "uint64", schema.Int64: "int64", schema.Uint32: "uint32", schema.Int32: "int32"}[f.Type]
	number := strings.Contains(kind, "int")
	switch {
	case kind == "" && f.Optional && !f.Repeated:
		return "*" + title(string(f.Type)), false
	case kind == "":
		kind = title(string(f.Type))
	case number && f.Repeated:
		kind = "json.Number"
	}
	if f.Repeated {
		return "List[" + kind + "]", false
	}
	return kind, number
}

func goMethod(b *bytes.Buffer, s *schema.Schema, m *schema.Method) {
	name := title(m.Name)
	param, in := "", "struct{}{}"
	if len(m.In) > 0 {
		goStruct(b, s, name+"In", "What "+m.Name+" takes.", m.In)
		param, in = ", in "+name+"In", "in"
	}
	out := "struct{}"
	if len(m.Out) > 0 {
		out = name + "Out"
		goStruct(b, s, out, "What "+m.Name+" gives.", m.Out)
	}
	comment(b, name+" calls the method "+m.Name+". "+m.Doc)
	if m.Query {
		fmt.Fprintf(b, "func (c *Client) %s(ctx context.Context%s) (*%s, error) {\nout := new(%s)\nreturn out, c.query(ctx, %q, %s, out)\n}\n\n", name, param, out, out, m.Name, in)
		return
	}
	fmt.Fprintf(b, "func (c *Client) %s(ctx context.Context%s) (*%s, *client.Submitted, error) {\nout := new(%s)\ndone, err := c.submit(ctx, %q, %s, out)\nreturn out, done, err\n}\n\n", name, param, out, out, m.Name, in)
}

func goEvents(b *bytes.Buffer, s *schema.Schema) {
	if len(s.Events) == 0 {
		b.WriteString("// ParseEvent refuses everything: the contract has no events.\nfunc ParseEvent(topic string, _ []byte) (any, error) {\nreturn nil, fmt.Errorf(\"the contract has no event %q\", topic)\n}\n")
		return
	}
	b.WriteString("// ParseEvent reads an event of the contract: a pointer to one of the types whose names end in Event.\nfunc ParseEvent(topic string, data []byte) (any, error) {\nvar out any\nswitch topic {\n")
	for _, e := range s.Events {
		fmt.Fprintf(b, "case %q:\nout = new(%sEvent)\n", e.Topic, title(e.Topic))
	}
	b.WriteString("default:\nreturn nil, fmt.Errorf(\"the contract has no event %q\", topic)\n}\ntext, err := description.EventJSON(topic, data)\nif err != nil {\nreturn nil, err\n}\nreturn out, json.Unmarshal(text, out)\n}\n")
}

const goHead = `// Code generated by concordat contract bindings. DO NOT EDIT.

// Package %[1]s is a client of the contract %[4]s.
package %[1]s

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// Contract is the name that the contract gives itself; it may be deployed under another.
const Contract = %[2]q

const schemaText = %[3]q

var description = func() *schema.Schema {
	s, err := schema.Parse([]byte(schemaText))
	if err != nil {
		panic(err)
	}
	return s
}()

// Amount is a decimal number of up to 128 bits.
type Amount string

// List is a slice that is [] in JSON when it is nil.
type List[T any] []T

// MarshalJSON implements json.Marshaler.
func (l List[T]) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("[]"), nil
	}
	return json.Marshal([]T(l))
}

// Error is what the contract refused a call with.
type Error struct {
	Status  string
	Code    uint32 // one of those named Code…
	Message string
}

// Error is the contract's sentence.
func (e *Error) Error() string { return e.Message }

// Client calls the contract.
type Client struct {
	Ledger   *client.Client
	Signer   client.Signer
	Deployed string // the name under which the contract is deployed; empty: Contract
}

func (c *Client) name() string {
	if c.Deployed == "" {
		return Contract
	}
	return c.Deployed
}

func encode(method string, in any) ([]byte, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	return description.ArgsFromJSON(method, text)
}

func decode(method string, output []byte, out any) error {
	text, err := description.OutputJSON(method, output)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, out)
}

// submit waits for a verified receipt. It is returned with an *Error, too.
func (c *Client) submit(ctx context.Context, method string, in, out any) (*client.Submitted, error) {
	args, err := encode(method, in)
	if err != nil {
		return nil, err
	}
	done, err := c.Ledger.Submit(ctx, c.Signer.Sign(c.Ledger.LedgerID(), client.Call{Contract: c.name(), Method: method, Args: args}))
	if err != nil {
		return nil, err
	}
	if r := done.Receipt.Result; r.Status != ledger.StatusOK {
		return done, &Error{Status: r.Status.String(), Code: r.Code, Message: r.Message}
	}
	return done, decode(method, done.Receipt.Result.Output, out)
}

// query asks without a transaction: one replica's word.
func (c *Client) query(ctx context.Context, method string, in, out any) error {
	args, err := encode(method, in)
	if err != nil {
		return err
	}
	reply, err := c.Ledger.Query(ctx, &ledgerpb.QueryRequest{Contract: c.name(), Method: method, Args: args, Party: string(c.Signer.Party)})
	if err != nil {
		return err
	}
	if reply.GetStatus() != ledger.StatusOK.String() {
		return &Error{Status: reply.GetStatus(), Message: reply.GetMessage()}
	}
	return decode(method, reply.GetOutput(), out)
}

`
