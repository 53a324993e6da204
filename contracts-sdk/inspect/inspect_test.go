package inspect_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/contracts-sdk/inspect"
	"github.com/concordat-ledger/concordat/wasm/module"
)

func TestAModuleIsTold(t *testing.T) {
	r, err := inspect.Module(t.Context(), examples.TokenRust)
	require.NoError(t, err)
	require.Contains(t, r.Imports, "concordat_1.get")
	require.Contains(t, r.Exports, "call")
	require.Equal(t, "token", r.Schema.Contract)
	require.Equal(t, len(examples.TokenRust), r.Bytes)
	var names []string
	sum := 0
	for _, s := range r.Sections {
		names = append(names, s.Name)
		sum += s.Bytes
	}
	require.Subset(t, names, []string{"types", "code", module.SchemaSection})
	require.NotContains(t, names, "concordat_declared")
	require.InDelta(t, r.Bytes, sum, 100) // but for the heads of the sections
	for _, l := range r.Limits {
		require.LessOrEqual(t, l.Used, l.Most, l.What)
		require.LessOrEqual(t, l.Share(), uint64(100), l.What)
	}
	require.Equal(t, uint64(1), inspect.Limit{Used: 1, Most: 1000}.Share())
}

// The words are the ledger's own.
func TestWhatTheLedgerWouldRefuse(t *testing.T) {
	_, err := inspect.Module(t.Context(), []byte("nonsense"))
	var refusal *module.Refusal
	require.ErrorAs(t, err, &refusal)
	// A body that leaves the stack empty where a result is due passes what reads the
	// form, and not the type check.
	bad := []byte("\x00asm\x01\x00\x00\x00\x01\x05\x01\x60\x00\x01\x7f\x03\x03\x02\x00\x00\x05\x03\x01\x00\x01" +
		"\x07\x23\x03\x06memory\x02\x00\x04call\x00\x00\x0fconcordat_abi_1\x00\x01\x0a\x07\x02\x02\x00\x0b\x02\x00\x0b")
	_, err = module.Check(bad)
	require.NoError(t, err)
	_, err = inspect.Module(t.Context(), bad)
	require.ErrorAs(t, err, &refusal)
	require.ErrorContains(t, err, "its code is not valid")
}
