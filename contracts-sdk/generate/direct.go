package generate

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/concordat-ledger/concordat/contracts-sdk/declare"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// A message gets, beside Fields, one function that reads it and one that writes it. They
// are called by name, so the compiler knows that nothing keeps the message, and it lives
// on the stack: in WebAssembly an object of the heap costs as much as four fields. Fields
// goes through them too, and names the fields one by one for what is left: samples, and
// to say what is wrong with bytes that are no message.

// Methods of a message.
const (
	directRead  = "concordatRead"
	directWrite = "concordatAppend"
)

// line is the code for a field.
func (k kind) line(name string, tag uint32) line {
	l := line{tag: tag, text: k.code(name, tag)}
	if k.repeated {
		l.read, l.write = k.listCode("m."+name, tag)
	} else {
		l.read, l.write = k.singleCode("m."+name, tag)
	}
	return l
}

// Kinds of bytes behind a field's tag.
const (
	wireNumber = 0
	wireBytes  = 2
)

func isNumber(t schema.Type) bool {
	return t == schema.Uint64 || t == schema.Int64 || t == schema.Uint32 || t == schema.Int32
}

func (k kind) singleCode(field string, tag uint32) (read, write string) {
	key := tag<<3 | wireBytes
	if k.message {
		read = fmt.Sprintf("{\nvar r1 concordat.Reader\nif r.Key == %d {\nr1.Read(r.Bytes())\n}\n%s.%s(&r1)\nr.Within(&r1)\n}", key, field, directRead)
		write = fmt.Sprintf("{\nstart := len(b)\nb = concordat.End(%s.%s(concordat.Begin(b, %d)), start, %d, false)\n}", field, directWrite, key, key)
		return read, write
	}
	name, zero, value := title(string(k.of)), "0", field
	switch below := k.below(); {
	case k.of == schema.Bytes:
		zero = "nil"
	case k.of == schema.Amount || k.of == schema.Hash:
		zero, value = map[schema.Type]string{schema.Amount: "concordat.Amount{}", schema.Hash: "[32]byte{}"}[k.of], "&"+field
	case k.of == schema.String || k.of == schema.Party:
		name, zero = "Text", `""`
		fallthrough
	default:
		if value = field; below != "" {
			value = "*(*" + below + ")(&" + field + ")"
		}
	}
	to, writer := strings.TrimPrefix(value, "&"), name
	if k.of == schema.Bool {
		key, zero = tag<<3|wireNumber, "false"
	}
	if isNumber(k.of) {
		key, writer, value = tag<<3|wireNumber, "Uint64", "uint64("+value+")"
	}
	read = fmt.Sprintf("if r.Key == %d {\n%s = r.%s()\n} else {\n%s = %s\n}", key, to, name, field, zero)
	return read, fmt.Sprintf("b = concordat.Append%s(b, %d, %s)", writer, key, value)
}

// below is the plain type of a field whose type has a name.
func (k kind) below() string {
	if k.of == schema.Party {
		return "string"
	}
	return k.convert
}

func (k kind) listCode(field string, tag uint32) (read, write string) {
	key := tag<<3 | wireBytes
	last := field + "[len(" + field + ")-1]"
	each := "{\n%[1]s = nil\nfor r.Key == %[2]d {\n%[1]s = concordat.Longer(%[1]s)\n%[3]s\n}\n}"
	all := "for i := range %s {\n%s\n}"
	one := field + "[i]"
	switch {
	case k.message:
		read = fmt.Sprintf("var r1 concordat.Reader\nr1.Read(r.Element())\n%s.%s(&r1)\nr.Within(&r1)", last, directRead)
		write = fmt.Sprintf("start := len(b)\nb = concordat.End(%s.%s(concordat.Begin(b, %d)), start, %d, true)", one, directWrite, key, key)
	case k.of == schema.String || k.of == schema.Party:
		below := k.below()
		if below == "" {
			below = "string"
		}
		read = fmt.Sprintf("*(*%s)(&%s) = r.TextElement()", below, last)
		write = fmt.Sprintf("b = concordat.AppendElement(b, %d, %s)", key, one)
	case k.of == schema.Bytes:
		read = last + " = r.Element()"
		write = fmt.Sprintf("b = concordat.AppendElement(b, %d, %s)", key, one)
	case k.of == schema.Amount:
		read = last + " = r.AmountElement()"
		write = fmt.Sprintf("b = concordat.AppendAmountElement(b, %d, &%s)", key, one)
	case k.of == schema.Hash:
		read = last + " = r.HashElement()"
		write = fmt.Sprintf("b = concordat.AppendElement(b, %d, %s[:])", key, one)
	case k.of == schema.Bool:
		read = "if r.Key == %d {\n%s = concordat.ReadBools(r)\n} else {\n%s = nil\n}"
		return fmt.Sprintf(read, key, field, field), fmt.Sprintf("b = concordat.AppendBools(b, %d, %s)", key, field)
	default:
		read = fmt.Sprintf("if r.Key == %[1]d {\n%[2]s = concordat.ReadNumbers(r, %[2]s)\n} else {\n%[2]s = nil\n}", key, field)
		return read, fmt.Sprintf("b = concordat.AppendNumbers(b, %d, %s)", key, field)
	}
	return fmt.Sprintf(each, field, key, read), fmt.Sprintf(all, field, write)
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

// writeCall writes how a method is called by name. Its own names, marked with #, get a
// number, so that they hide none of the package.
func (s *sources) writeCall(b *bytes.Buffer, c call) {
	text := ".Direct(func(c# *concordat.Context, args# []byte) ([]byte, bool, error) {\n"
	if c.in == declare.NothingName {
		text += "if len(args#) != 0 {\nreturn nil, false, nil\n}\nvar in# concordat." + c.in + "\n"
	} else {
		text += "var in# " + c.in + "\nvar r# concordat.Reader\nr#.Read(args#)\nin#." + directRead + "(&r#)\nif !r#.Whole() {\nreturn nil, false, nil\n}\n"
	}
	if c.out == declare.NothingName {
		text += "_, err# := " + c.function + "(c#, &in#)\nreturn nil, true, err#\n})"
	} else {
		text += "out#, err# := " + c.function + "(c#, &in#)\nif err# != nil || out# == nil {\nreturn nil, true, err#\n}\nreturn out#." + directWrite + "(concordat.Room()), true, nil\n})"
	}
	b.WriteString(strings.ReplaceAll(text, "#", s.free("c", "args", "in", "r", "out", "err")))
}
