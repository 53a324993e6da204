package token_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/contracts-sdk/declare"
	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/wasm/module"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// The declarations in Go and in Rust give one schema, to the letter, which means
// what schema.json says.
func TestBothTokensDeclareTheSameSchema(t *testing.T) {
	ofGo, err := module.Check(examples.TokenGo)
	require.NoError(t, err)
	ofRust, err := module.Check(examples.TokenRust)
	require.NoError(t, err)
	require.Equal(t, string(ofGo.Schema), string(ofRust.Schema))
	s, err := schema.Parse(ofGo.Schema)
	require.NoError(t, err)
	require.True(t, declare.SameMeaning(s, tokenSchema(t)))
	for _, m := range s.Methods {
		require.NotEmpty(t, m.Doc, m.Name)
	}
}
