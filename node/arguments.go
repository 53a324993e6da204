package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// givenArguments are the three ways to give a call its arguments, of which one counts.
type givenArguments struct{ raw, digits, object string }

var errTwice = errors.New("the arguments are given in two ways; use fields, --json, --args or --args-hex alone")

// encode encodes them by the contract's schema, unless their bytes are given.
func (g *givenArguments) encode(s *schema.Schema, contract, method string, pairs []string) ([]byte, error) {
	ways := 0
	for _, given := range []bool{g.raw != "", g.digits != "", g.object != "", len(pairs) > 0} {
		if given {
			ways++
		}
	}
	switch {
	case ways > 1:
		return nil, &exitError{code: exitUsage, err: errTwice}
	case g.raw != "":
		return []byte(g.raw), nil
	case g.digits != "":
		return g.bytes()
	case s == nil && ways > 0:
		return nil, &exitError{code: exitUsage, err: fmt.Errorf("contract %s has no schema, so arguments by name cannot be encoded; give their bytes with --args-hex", contract)}
	case s == nil:
		return nil, nil
	case g.object != "":
		return s.ArgsFromJSON(method, []byte(g.object))
	}
	args, err := s.ArgsFromPairs(method, pairs)
	if bare := slices.ContainsFunc(pairs, func(p string) bool { return strings.HasSuffix(p, "=true") }); bare && errors.Is(err, schema.ErrArguments) {
		return nil, &exitError{code: exitUsage, err: err, hint: "a flag without a value is true; a value that begins with -- is given as --field=--value"}
	}
	return args, err
}

// schemaOf is the schema by which arguments are encoded. Where they are given as bytes it may
// be one that this program cannot read.
func (g *givenArguments) schemaOf(ctx context.Context, c *client.Client, contract string) (*schema.Schema, error) {
	_, s, err := contractOf(ctx, c, contract)
	return g.needing(s, err)
}

// needing is a schema, or why there is none, for arguments that may do without.
func (g *givenArguments) needing(s *schema.Schema, err error) (*schema.Schema, error) {
	if errors.Is(err, schema.ErrSchema) && (g.raw != "" || g.digits != "") {
		return nil, nil
	}
	return s, err
}

// bytes reads the hexadecimal digits.
func (g *givenArguments) bytes() ([]byte, error) {
	b, err := hex.DecodeString(strings.TrimPrefix(g.digits, "0x"))
	if err != nil {
		return nil, &exitError{code: exitUsage, err: fmt.Errorf("--args-hex: %w", err)}
	}
	return b, nil
}

func (g *givenArguments) flags(c *cobra.Command) {
	c.Flags().StringVar(&g.raw, "args", "", "the arguments' bytes, as they are")
	c.Flags().StringVar(&g.digits, "args-hex", "", "the arguments' bytes, in hexadecimal digits")
	c.Flags().StringVar(&g.object, "json", "", "the arguments as a JSON object")
}

// objectFields reads a JSON object's fields in their order.
func objectFields(text string) (names []string, values []any, err error) {
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.UseNumber()
	if _, err := dec.Token(); err != nil {
		return nil, nil, fmt.Errorf("read an object: %w", err)
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, nil, fmt.Errorf("read an object: %w", err)
		}
		var value any
		if err := dec.Decode(&value); err != nil {
			return nil, nil, fmt.Errorf("read an object: %w", err)
		}
		names, values = append(names, fmt.Sprint(name)), append(values, value)
	}
	return names, values, nil
}

// cell is a value in a table; lists and objects are JSON.
func cell(v any) string {
	switch v.(type) {
	case []any, map[string]any:
		if text, err := json.Marshal(v); err == nil {
			return string(text)
		}
	}
	return fmt.Sprint(v)
}
