package generate

import (
	"bytes"
	"fmt"

	"github.com/concordat-ledger/concordat/contracts-sdk/declare"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// A message of single fields gets, beside Fields, one function that reads it and one
// that writes it. They are called by name, so the compiler knows that nothing keeps the
// message, and it lives on the stack: in WebAssembly an object of the heap costs as much
// as four fields.

// Methods of such a message.
const (
	directRead  = "concordatRead"
	directWrite = "concordatAppend"
)

// line is the code for a field of this type.
func (k kind) line(name string, tag uint32) line {
	l := line{tag: tag, text: k.code(name, tag)}
	if k.repeated || k.message {
		return l
	}
	below := map[schema.Type]string{schema.Party: "string"}[k.of]
	if k.convert != "" {
		below = k.convert
	}
	at, field := "&m."+name, "m."+name
	if below != "" {
		field = "*(*" + below + ")(" + at + ")"
	}
	wire, reader, writer, value := uint32(2), title(string(k.of)), title(string(k.of)), field
	switch k.of {
	case schema.Uint64, schema.Int64, schema.Uint32, schema.Int32:
		wire, writer, value = 0, "Uint64", "uint64("+field+")"
	case schema.Bool:
		wire = 0
	case schema.String, schema.Party:
		reader, writer = "Text", "Text"
	case schema.Amount, schema.Hash:
		value = at
	}
	key := tag<<3 | wire
	l.read = fmt.Sprintf("if r.Key == %d {\n%s = r.%s()\n}", key, field, reader)
	l.write = fmt.Sprintf("b = concordat.Append%s(b, %d, %s)", writer, key, value)
	return l
}

// direct tells whether a message is of single fields.
func (s *sources) direct(message string) bool {
	if message == declare.NothingName {
		return true
	}
	for _, l := range s.structs[message].code {
		if l.read == "" {
			return false
		}
	}
	return !s.methods[message][directRead] && !s.methods[message][directWrite]
}

// writeDirect writes the two methods of a message.
func (s *sources) writeDirect(b *bytes.Buffer, message string) {
	r, code := "r", s.structs[message].code
	if len(code) == 0 {
		r = "_"
	}
	fmt.Fprintf(b, "\nfunc (m *%s) %s(%s *concordat.Reader) {\n", message, directRead, r)
	for _, l := range code {
		b.WriteString(l.read + "\n")
	}
	fmt.Fprintf(b, "}\n\nfunc (m *%s) %s(b []byte) []byte {\n", message, directWrite)
	for _, l := range code {
		b.WriteString(l.write + "\n")
	}
	b.WriteString("return b\n}\n")
}

// writeCall writes how a method is called by name. Its own names have a number, so that
// they hide none of the package.
func (s *sources) writeCall(b *bytes.Buffer, c call) {
	b.WriteString(".Direct(func(c0 *concordat.Context, args0 []byte) ([]byte, bool, error) {\n")
	in := c.in
	if c.in == declare.NothingName {
		in = "concordat." + c.in
		b.WriteString("if len(args0) != 0 {\nreturn nil, false, nil\n}\n")
	}
	fmt.Fprintf(b, "var in0 %s\n", in)
	if c.in != declare.NothingName {
		fmt.Fprintf(b, "var r0 concordat.Reader\nr0.Read(args0)\nin0.%s(&r0)\nif !r0.Whole() {\nreturn nil, false, nil\n}\n", directRead)
	}
	if c.out == declare.NothingName {
		fmt.Fprintf(b, "_, err0 := %s(c0, &in0)\nreturn nil, true, err0\n})", c.function)
		return
	}
	fmt.Fprintf(b, "out0, err0 := %s(c0, &in0)\nif err0 != nil || out0 == nil {\nreturn nil, true, err0\n}\n", c.function)
	fmt.Fprintf(b, "return out0.%s(concordat.Room()), true, nil\n})", directWrite)
}
