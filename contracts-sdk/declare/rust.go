package declare

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/concordat-ledger/concordat/wasm/schema"
)

// RustSection is the custom section that the macros of the Rust SDK write.
const RustSection = "concordat_declared"

// The macros write records of parts.
const (
	betweenParts = "\x1f"
	endOfRecord  = "\x1e"
)

// partsOf is how many parts each kind of record has.
var partsOf = map[string]int{"contract": 3, "method": 6, "message": 3, "field": 8, "event": 4, "error": 4}

var saysParty = regexp.MustCompile(`\bParty\b`)

// FromRust reads what the macros of the Rust SDK wrote. crate is the contract's
// name when it declares none.
func FromRust(section []byte, crate string) (*Contract, error) {
	c := &Contract{Name: crate}
	records := strings.Split(string(section), endOfRecord)
	for _, record := range records[:len(records)-1] {
		parts := strings.Split(record, betweenParts)
		if len(parts) != partsOf[parts[0]] {
			return nil, fmt.Errorf("the crate declares %q, which this program does not know; use the SDK that came with it", parts[0])
		}
		if err := c.record(parts); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *Contract) record(p []string) error {
	doc := Sentence(p[len(p)-1], "")
	switch p[0] {
	case "contract":
		c.Name, c.Doc = p[1], doc
	case "method":
		if p[2] != "" && p[2] != "query" {
			return fmt.Errorf("method %s is declared as %q; write query, or nothing", p[1], p[2])
		}
		for _, name := range p[3:5] {
			if name == "" {
				return fmt.Errorf("method %s takes or gives a type that message! does not declare", p[1])
			}
		}
		c.Methods = append(c.Methods, Method{Name: p[1], Query: p[2] != "", In: p[3], Out: p[4], Doc: doc})
	case "message":
		if slices.ContainsFunc(c.Messages, func(m Message) bool { return m.Name == p[1] }) {
			return fmt.Errorf("two messages are named %s, in different modules; give one another name", p[1])
		}
		c.Messages = append(c.Messages, Message{Name: p[1], Doc: doc})
	case "event":
		c.Events = append(c.Events, Event{Topic: p[1], Message: p[2], Doc: doc})
	case "error":
		code, err := strconv.ParseUint(strings.ReplaceAll(p[1], "_", ""), 10, 32)
		if err != nil {
			return fmt.Errorf("error %s has the code %s; write a decimal number of up to 32 bits", p[2], p[1])
		}
		if code == 0 || code > 0xffff_fff0 {
			return fmt.Errorf("error %s has the code %s, which is kept for the ledger; write a number from 1", p[2], p[1])
		}
		c.Errors = append(c.Errors, schema.ErrorCode{Code: uint32(code), Name: Snake(p[2]), Doc: doc})
	case "field":
		return c.field(p, doc)
	}
	return nil
}

// field adds to the message before it. A party is a String in Rust; that it is
// meant is seen by the name it was written with.
func (c *Contract) field(p []string, doc string) error {
	if len(c.Messages) == 0 {
		return fmt.Errorf("field %s stands before any message", p[2])
	}
	m := &c.Messages[len(c.Messages)-1]
	tag, err := strconv.ParseUint(p[1], 10, 32)
	if err != nil {
		return fmt.Errorf("field %s of %s has the tag %s; write a decimal number", p[2], m.Name, p[1])
	}
	f := schema.Field{Name: strings.TrimPrefix(p[2], "r#"), Tag: uint32(tag), Type: schema.Type(p[3]), Repeated: p[4] != "", Optional: p[6] != "", Doc: doc}
	if f.Type == "" {
		return fmt.Errorf("field %s of %s is of a type that message! does not declare", p[2], m.Name)
	}
	if f.Type == schema.String && saysParty.MatchString(p[5]) {
		f.Type = schema.Party
	}
	m.Fields = append(m.Fields, f)
	return nil
}
