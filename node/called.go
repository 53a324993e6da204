package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// called is what a result is shown by: the contract that was called, with its schema,
// which may be nil, and the schemas of those that it called.
type called struct {
	contract, method string
	schema           *schema.Schema
	find             func(contract string) *schema.Schema // nil: nowhere
}

// calledOn looks the schemas of other contracts up when they are needed.
func calledOn(ctx context.Context, c *client.Client, contract, method string, s *schema.Schema) *called {
	known := map[string]*schema.Schema{}
	return &called{contract, method, s, func(name string) *schema.Schema {
		other, ok := known[name]
		if !ok {
			_, other, _ = contractOf(ctx, c, name) // without it bytes are shown
			known[name] = other
		}
		return other
	}}
}

// of is the schema of a contract; nil when there is none to be had.
func (c *called) of(contract string) *schema.Schema {
	switch {
	case c == nil:
		return nil
	case contract == c.contract:
		return c.schema
	case c.find == nil:
		return nil
	}
	return c.find(contract)
}

func (c *called) output(b []byte) any {
	if c == nil || c.schema == nil {
		return shown(b, nil)
	}
	if m, err := c.schema.Method(c.method); err != nil || len(m.Out) == 0 {
		return shown(b, nil)
	}
	return shown(b, func(b []byte) ([]byte, error) { return c.schema.OutputJSON(c.method, b) })
}

func (c *called) arguments(b []byte) any {
	if c.schema == nil {
		return shown(b, nil)
	}
	return shown(b, func(b []byte) ([]byte, error) { return c.schema.ArgsJSON(c.method, b) })
}

// event shows an event by the schema of the contract that told it.
func (c *called) event(e ledger.Event) eventView {
	s := c.of(e.Contract)
	if s == nil {
		return eventView{e.Contract, e.Topic, shown(e.Data, nil)}
	}
	return eventView{e.Contract, e.Topic, shown(e.Data, func(b []byte) ([]byte, error) { return s.EventJSON(e.Topic, b) })}
}

func (c *called) errorName(code uint32) string {
	if c == nil || c.schema == nil {
		return ""
	}
	name, _ := c.schema.ErrorName(code)
	return name
}

// shown is bytes by the schema, or in hexadecimal.
func shown(b []byte, by func([]byte) ([]byte, error)) any {
	if by != nil {
		if text, err := by(b); err == nil {
			return json.RawMessage(text)
		}
	}
	if len(b) == 0 {
		return nil
	}
	return fmt.Sprintf("0x%x", b)
}
