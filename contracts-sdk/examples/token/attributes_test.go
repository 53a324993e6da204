package token_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/wasmtest"
)

// A caller may have any number of attributes, and an organisation may vouch for an
// empty one; contracts built with the SDKs read them all.
func TestCallersWithAttributesAreServed(t *testing.T) {
	args, err := tokenSchema(t).ArgsFromPairs("init", []string{"symbol=EUR"})
	require.NoError(t, err)
	for language, m := range modules(t, wasm.Config{}) {
		for name, attributes := range map[string][]wasm.Attribute{
			"one":   {{Name: "role", Value: "teller"}},
			"three": {{Name: "role", Value: "teller"}, {Name: "branch", Value: "7"}, {Name: "branch", Value: "8"}},
			"empty": {{}},
		} {
			call := wasm.Call{Method: "init", Args: args, Caller: "admin@a", Attributes: attributes, Self: "token"}
			o := wasmtest.New().Call(m, call, gas)
			require.Equal(t, wasm.OK, o.Status, "%s, %s: %d %s", language, name, o.Code, o.Message)
		}
	}
}
