package bindings

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/concordat-ledger/concordat/wasm/schema"
)

// A schema is what somebody else wrote, also somebody who would like to have code of
// theirs in one's program. Names of methods, fields, types and events were checked when
// it was parsed; those of the contract and of errors, and all that documents something,
// are any text.

// word is a name that can stand in a program.
var word = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)

// oneLine is text that stays within a comment of one line, as it looks.
func oneLine(text string) string {
	visible := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	return strings.Join(strings.Fields(visible), " ")
}

// taken are the names of one scope.
type taken map[string]bool

// take refuses a name that the scope has already.
func (t taken) take(name, in string) error {
	if t[name] {
		return fmt.Errorf("two things would be %s in %s; rename one in the contract", name, in)
	}
	t[name] = true
	return nil
}

func (t taken) fields(of string, fields []schema.Field) error {
	seen := taken{}
	for i := range fields {
		if err := seen.take(title(fields[i].Name), of); err != nil {
			return err
		}
	}
	return t.take(of, "the client")
}

// structs takes the names of all messages of a schema, and checks those of errors.
func (t taken) structs(s *schema.Schema) error {
	for i := range s.Methods {
		m := &s.Methods[i]
		if err := t.fields(title(m.Name)+"In", m.In); err != nil {
			return err
		}
		if err := t.fields(title(m.Name)+"Out", m.Out); err != nil {
			return err
		}
	}
	for i := range s.Types {
		if err := t.fields(title(s.Types[i].Name), s.Types[i].Fields); err != nil {
			return err
		}
	}
	for i := range s.Events {
		if err := t.fields(title(s.Events[i].Topic)+"Event", s.Events[i].Fields); err != nil {
			return err
		}
	}
	for _, e := range s.Errors {
		if !word.MatchString(e.Name) {
			return fmt.Errorf("error %d of the contract is named %q, which is no name in a program; rename it in the contract", e.Code, e.Name)
		}
	}
	return nil
}

// distinctInGo refuses a schema of which two things would have one name in Go.
func distinctInGo(s *schema.Schema) error {
	all := taken{"Amount": true, "List": true, "Error": true, "Client": true, "Contract": true, "ParseEvent": true}
	methods := taken{"Ledger": true, "Signer": true, "Deployed": true, "Once": true}
	for i := range s.Methods {
		name := title(s.Methods[i].Name)
		if methods[name] {
			return fmt.Errorf("method %s would be %s in Go, which the client has already; rename it in the contract", s.Methods[i].Name, name)
		}
		methods[name] = true
	}
	if err := all.structs(s); err != nil {
		return err
	}
	for _, e := range s.Errors {
		if err := all.take("Code"+title(e.Name), "the client"); err != nil {
			return err
		}
	}
	return nil
}

// distinctInTypeScript does it for TypeScript, where two interfaces of one name would
// silently become one.
func distinctInTypeScript(s *schema.Schema) error {
	all := taken{"Whole": true, "Amount": true, "Party": true, "Base64": true, "Hash": true, "Ask": true, "Refused": true, "Promise": true, "JSON": true, "Error": true, "Out": true,
		"query": true, "invoke": true, "contract": true, "errors": true}
	for i := range s.Methods {
		if err := all.take(lower(s.Methods[i].Name), "the client"); err != nil {
			return err
		}
	}
	codes := taken{}
	for _, e := range s.Errors {
		if err := codes.take(e.Name, "the list of errors"); err != nil {
			return err
		}
	}
	return all.structs(s)
}
