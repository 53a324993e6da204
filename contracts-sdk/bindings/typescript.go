package bindings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/concordat-ledger/concordat/wasm/schema"
)

// TypeScript writes a module without dependencies.
func TypeScript(s *schema.Schema) ([]byte, error) {
	if err := tsDistinct(s); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, tsHead, quoted(s.Contract))
	for i := range s.Types {
		tsInterface(&b, title(s.Types[i].Name), s.Types[i].Doc, s.Types[i].Fields)
	}
	for i := range s.Events {
		tsInterface(&b, title(s.Events[i].Topic)+"Event", s.Events[i].Doc, s.Events[i].Fields)
	}
	for _, m := range s.Methods {
		tsInterface(&b, title(m.Name)+"In", "What "+m.Name+" takes.", m.In)
		tsInterface(&b, title(m.Name)+"Out", "What "+m.Name+" gives.", m.Out)
	}
	if len(s.Errors) > 0 {
		b.WriteString("/** The codes of the contract's errors. */\nexport const errors = {\n")
		for _, e := range s.Errors {
			tsDoc(&b, "  ", e.Doc)
			fmt.Fprintf(&b, "  %s: %d,\n", property(e.Name), e.Code)
		}
		b.WriteString("} as const;\n\n")
	}
	for _, m := range s.Methods {
		tsDoc(&b, "", m.Doc)
		name, in := lower(m.Name), "input: "+title(m.Name)+"In"
		if len(m.In) == 0 {
			in += " = {}"
		}
		if m.Query {
			fmt.Fprintf(&b, "export function %s(ask: Ask, %s, deployed: string = contract): Promise<%sOut> {\n  return query(ask, deployed, %q, input);\n}\n\n", name, in, title(m.Name), m.Name)
			continue
		}
		fmt.Fprintf(&b, "export function %s(%s, deployed: string = contract): string[] {\n  return invoke(deployed, %q, input);\n}\n\n", name, in, m.Name)
	}
	return append(bytes.TrimRight(b.Bytes(), "\n"), '\n'), nil
}

// quoted is a text as JavaScript and TypeScript write it, which is as in JSON.
func quoted(text string) string {
	out, err := json.Marshal(text)
	if err != nil { // a string always has a form in JSON
		panic(err)
	}
	return string(out)
}

// property is a name as a member of an object. Names of errors may be anything.
func property(name string) string {
	if schema.IsName(name) {
		return name
	}
	return quoted(name)
}

// tsTypes are names of the module's own types, and of those of the language that it
// uses.
var tsTypes = []string{"Whole", "Amount", "Party", "Base64", "Hash", "Ask", "Refused", "Promise", "Error", "JSON", "Out"}

// tsDistinct refuses a schema of which two things would have one name in TypeScript,
// where two interfaces of one name are joined without a word.
func tsDistinct(s *schema.Schema) error {
	types, functions, errors := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, name := range tsTypes {
		types[name] = true
	}
	once := func(seen map[string]bool, name string) error {
		if seen[name] {
			return fmt.Errorf("two things would be %s in TypeScript; rename one in the contract", name)
		}
		seen[name] = true
		return nil
	}
	for _, t := range s.Types {
		if err := once(types, title(t.Name)); err != nil {
			return err
		}
	}
	for _, e := range s.Events {
		if err := once(types, title(e.Topic)+"Event"); err != nil {
			return err
		}
	}
	for _, e := range s.Errors {
		if err := once(errors, e.Name); err != nil {
			return err
		}
	}
	for _, m := range s.Methods {
		for _, err := range []error{once(types, title(m.Name)+"In"), once(types, title(m.Name)+"Out"), once(functions, lower(m.Name))} {
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// tsWords cannot be names of functions.
var tsWords = map[string]bool{"delete": true, "new": true, "function": true, "return": true, "default": true, "export": true, "import": true, "class": true,
	"in": true, "var": true, "void": true, "with": true, "if": true, "for": true, "do": true, "while": true, "switch": true, "case": true, "try": true, "throw": true,
	"typeof": true, "this": true, "super": true, "null": true, "true": true, "false": true, "enum": true, "extends": true, "const": true, "let": true, "static": true, "yield": true, "await": true,
	"break": true, "continue": true, "debugger": true, "else": true, "finally": true, "instanceof": true, "catch": true, "interface": true, "package": true, "private": true,
	"protected": true, "public": true, "implements": true, "arguments": true, "eval": true, "query": true, "invoke": true, "contract": true, "errors": true,
	"undefined": true, "globalThis": true, "exports": true, "require": true}

// lower is a name as functions have it.
func lower(name string) string {
	t := title(name)
	if t = strings.ToLower(t[:1]) + t[1:]; tsWords[t] {
		return t + "_"
	}
	return t
}

func tsDoc(b *bytes.Buffer, indent, doc string) {
	if doc != "" {
		fmt.Fprintf(b, "%s/** %s */\n", indent, strings.ReplaceAll(strings.Join(strings.Fields(doc), " "), "*/", "* /"))
	}
}

func tsInterface(b *bytes.Buffer, name, doc string, fields []schema.Field) {
	tsDoc(b, "", doc)
	fmt.Fprintf(b, "export interface %s {\n", name)
	for i := range fields {
		f := &fields[i]
		tsDoc(b, "  ", f.Doc)
		mark := ""
		if f.Optional {
			mark = "?"
		}
		fmt.Fprintf(b, "  %s%s: %s;\n", f.Name, mark, tsType(f))
	}
	b.WriteString("}\n\n")
}

func tsType(f *schema.Field) string {
	kind := title(string(f.Type))
	switch f.Type {
	case schema.Bool:
		kind = "boolean"
	case schema.String:
		kind = "string"
	case schema.Uint32, schema.Int32, schema.Uint64, schema.Int64:
		kind = "Whole"
	case schema.Bytes:
		kind = "Base64"
	}
	if f.Repeated {
		return kind + "[]"
	}
	return kind
}

const tsHead = `// Code generated by concordat contract bindings. DO NOT EDIT.

/** The name that the contract gives itself; it may be deployed under another. */
export const contract = %s;

/** A whole number in decimal digits: more than 53 bits are no number of JavaScript. */
export type Whole = string;
/** A decimal number of up to 128 bits. */
export type Amount = string;
/** Such as "alice@org0". */
export type Party = string;
/** Bytes in base64. */
export type Base64 = string;
/** 64 hexadecimal digits. */
export type Hash = string;

/** A request over any NATS client: to a subject, with a text in JSON; it gives the answer's text. */
export type Ask = (subject: string, text: string) => Promise<string>;

/** What the ledger or the contract refused a query with. */
export class Refused extends Error {}

async function query<Out>(ask: Ask, deployed: string, method: string, input: object): Promise<Out> {
  const reply = JSON.parse(await ask("concordat.query", JSON.stringify({ contract: deployed, method, args_json: JSON.stringify(input) })));
  if (reply.error) throw new Refused(reply.error.message ?? JSON.stringify(reply.error));
  if (reply.status !== undefined && reply.status !== "ok") throw new Refused(reply.message ?? reply.status);
  return JSON.parse(reply.output_json || "{}") as Out;
}

/** Arguments of the program concordat, which signs the transaction and verifies its receipt. */
function invoke(deployed: string, method: string, input: object): string[] {
  return ["invoke", deployed, method, "--json", JSON.stringify(input), "-o", "json"];
}

`
