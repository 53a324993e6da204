package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/concordat-ledger/concordat/wasm/schema"
)

// encodePairs encodes name=value arguments by a contract's schema.
func encodePairs(s *schema.Schema, contract, method string, pairs []string) ([]byte, error) {
	if s != nil {
		return s.ArgsFromPairs(method, pairs)
	}
	if len(pairs) > 0 {
		return nil, fmt.Errorf("contract %s has no schema, so arguments by name cannot be encoded; give their bytes with --args", contract)
	}
	return nil, nil
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
