package parity_test

import (
	"encoding/hex"
	"math/rand"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/wasmtest"
)

// verifies asks a module what verify.txt says, and for a receipt.
func verifies(t *testing.T, m *wasm.Module) {
	text, err := os.ReadFile("verify.txt")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")[1:]
	for i := 0; i < len(lines); i += 2 {
		require.Equal(t, "ok "+lines[i+1][2:], strings.TrimSpace(run(t, wasmtest.New(), m, "verify "+lines[i])), lines[i])
	}
	id, key, receipt := certified(t)
	ask := func(id, key, receipt []byte) string {
		return strings.TrimSpace(run(t, wasmtest.New(), m, "verify receipt "+hex.EncodeToString(id)+" "+hex.EncodeToString(key)+" "+hex.EncodeToString(receipt)))
	}
	require.Equal(t, "ok yes 054d20 "+strings.Repeat("ab", 5000), ask(id, key, receipt))
	require.Equal(t, "ok no", ask(make([]byte, 32), key, receipt))
	require.Equal(t, "ok no", ask(id, key, receipt[1:]))
}

// calls makes the module call itself under another name: the gas limit holds, the
// error has its code, what the called one read counts, and the mark is exported.
func calls(t *testing.T, m *wasm.Module) {
	require.True(t, m.Info().Reentrant)
	s := wasmtest.New()
	s.Others = map[string]*wasm.Module{"other": m}
	require.Equal(t, "ok", run(t, s, m, "put a alice@a"))
	for script, want := range map[string]string{
		"call other 50000000 append+all":                   "ok done",
		"call other 50000000 fail+x":                       "ok failed with 7",
		"call other 100 silent":                            "ok failed with 4294967292",
		"call other 50000000 put":                          "ok failed with 4294967292",
		"call nobody 50000000 silent":                      "ok failed with 0",
		"call other 50000000 get+a; put b all":             "trap",
		"get a; call other 50000000 put+b+all":             "trap",
		"get a; call other 50000000 put+b+alice@a; silent": "ok",
	} {
		require.Equal(t, want, strings.TrimSpace(run(t, s, m, script)), script)
	}
}

// certified is a receipt whose output is larger than what the SDKs have room for at
// once.
func certified(t *testing.T) (id, key, receipt []byte) {
	public, private, err := certificate.Deal(rand.New(rand.NewSource(1)), quorum.Config{F: 1}, certificate.SchemeEd25519)
	require.NoError(t, err)
	name := ledger.ID{7}
	output, err := hex.DecodeString(strings.Repeat("ab", 5000))
	require.NoError(t, err)
	result := ledger.Result{TxID: ledger.Hash{2}, Status: ledger.StatusOK, Output: output}
	tree := ledger.NewMerkleTree([][]byte{result.Leaf()})
	r := &ledger.Receipt{Header: ledger.Header{Ledger: name, Height: 5, Time: 77, TxCount: 1},
		Outcome: ledger.Outcome{StateRoot: ledger.Hash{6}, ResultsRoot: tree.Root()}, Result: result}
	st := certificate.ExecutionStatement{Ledger: name, Height: 5, Block: r.Header.Hash(), StateRoot: r.Outcome.StateRoot, ResultsRoot: r.Outcome.ResultsRoot}
	r.Certificate, _, err = public.Execution().Combine(st, []certificate.Share{private[0].ExecutionSigner().Sign(st), private[2].ExecutionSigner().Sign(st)})
	require.NoError(t, err)
	return name[:], public.Execution().LedgerKey(), r.Marshal()
}
