package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/ledger/signature"
	"github.com/concordat-ledger/concordat/node/devnet"
	"github.com/concordat-ledger/concordat/wasm/module"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// paidSchema describes a contract with an event of one field, whose name differs.
func paidSchema(t *testing.T, field string) *schema.Schema {
	s, err := schema.Parse(fmt.Appendf(nil, `{"version":1,"contract":"c","methods":[{"name":"m"}],"events":[{"topic":"paid","fields":[{"name":%q,"tag":1,"type":"string"}]}]}`, field))
	require.NoError(t, err)
	return s
}

// Two contracts may have events of one name: each is shown by its own schema, and by
// none when that is not to be had.
func TestAnEventIsShownByTheSchemaOfTheContractThatToldIt(t *testing.T) {
	by := &called{contract: "shop", method: "m", schema: paidSchema(t, "by"), find: func(name string) *schema.Schema {
		if name == "token" {
			return paidSchema(t, "to")
		}
		return nil
	}}
	data := []byte("\x0a\x01x")
	require.Equal(t, json.RawMessage(`{"by":"x"}`), by.event(ledger.Event{Contract: "shop", Topic: "paid", Data: data}).Data)
	require.Equal(t, json.RawMessage(`{"to":"x"}`), by.event(ledger.Event{Contract: "token", Topic: "paid", Data: data}).Data)
	require.Equal(t, "0x0a0178", by.event(ledger.Event{Contract: "other", Topic: "paid", Data: data}).Data)
	require.Equal(t, "0x0a0178", (*called)(nil).event(ledger.Event{Contract: "shop", Topic: "paid", Data: data}).Data)
}

// Who gave no command id is told the one that makes a repetition safe, and until when.
func TestAnUnknownOutcomeComesWithWhatMakesARepetitionSafe(t *testing.T) {
	key, err := signature.FromSeed(make([]byte, 32))
	require.NoError(t, err)
	envelope := client.Signer{Party: "alice@org0", Key: key}.Sign(ledger.ID{1}, client.Call{Contract: "c", Method: "m"})
	env, err := ledger.ParseEnvelope(envelope)
	require.NoError(t, err)
	hint := unknownHint(envelope, "3f2a", time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC))
	require.True(t, strings.HasPrefix(hint, `before 03:04:05 run the same with --command-id "3f2a"`), hint)
	require.Contains(t, hint, "concordat tx show "+ledger.TransactionID(env.Payload).String())
}

// on runs a command of the program against a network, and gives what it prints.
func on(t *testing.T, n *devnet.Network, args ...string) (string, error) {
	var out bytes.Buffer
	root := newRoot()
	root.SetOut(&out)
	root.SetArgs(append(args, "--url", n.URLs[0], "--dir", n.Dir))
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// A contract without a schema can be called with bytes.
func TestAContractWithoutSchemaIsCalledWithBytes(t *testing.T) {
	n := network(t)
	c, err := client.Connect(t.Context(), client.Options{URL: n.URLs[0]})
	require.NoError(t, err)
	defer c.Close()
	key, err := n.Key("admin@org0")
	require.NoError(t, err)
	_, code, err := module.Custom(examples.TokenRust, module.SchemaSection)
	require.NoError(t, err)
	d := ledger.Deployment{Name: "bare", Code: code, Initialise: true, Init: []byte("\x0a\x03EUR")}
	done, err := c.Submit(t.Context(), client.Signer{Party: "admin@org0", Key: key}.Sign(n.ID, client.Call{Contract: client.SystemContract, Method: "deploy", Args: d.Marshal()}))
	require.NoError(t, err)
	require.Equal(t, ledger.StatusOK, done.Receipt.Result.Status, done.Receipt.Result.Message)
	for _, command := range []string{"invoke", "query"} {
		_, err = on(t, n, command, "bare", "balance_of", "party=bob@org1")
		require.ErrorContains(t, err, "has no schema")
		out, err := on(t, n, command, "bare", "balance_of", "--args-hex", "0a08626f62406f726731")
		require.NoError(t, err, out)
	}
	file := filepath.Join(t.TempDir(), "deployed.receipt")
	out, err := on(t, n, "receipt", "get", done.Receipt.Result.TxID.String(), "--signed", "--as", "bob@org1", "--out", file)
	require.NoError(t, err, out)
	out, err = on(t, n, "receipt", "verify", file)
	require.NoError(t, err, out)
	require.Contains(t, out, "verifies")
}

// The replicas may know a later version of schemas than this program: a contract whose
// schema it cannot read is called with bytes.
func TestAContractWhoseSchemaCannotBeReadIsCalledWithBytes(t *testing.T) {
	_, err := schemaIn(&ledgerpb.ContractView{Name: "later", Schema: []byte(`{"version":9}`)})
	require.ErrorContains(t, err, "contract later cannot be described, only called with --args-hex: unusable schema: its version is 9")
	for _, given := range []*givenArguments{{digits: "0a08626f62406f726731"}, {raw: "x"}} {
		s, err := given.needing(nil, err)
		require.NoError(t, err)
		args, err := given.encode(s, "later", "balance_of", nil)
		require.NoError(t, err)
		require.NotEmpty(t, args)
	}
	_, without := new(givenArguments).needing(nil, err)
	require.ErrorIs(t, without, schema.ErrSchema)
}

func TestHelpSaysHowToGiveAFieldThatAFlagHasTheNameOf(t *testing.T) {
	s, err := schema.Parse([]byte(`{"version":1,"contract":"c","methods":[{"name":"m","in":[{"name":"to","tag":1,"type":"party"},
		{"name":"output","tag":2,"type":"string"},{"name":"help","tag":3,"type":"bool","optional":true},{"name":"as","tag":4,"type":"party"},{"name":"gas","tag":5,"type":"uint64"}]}]}`))
	require.NoError(t, err)
	cmd, _, err := newRoot().Find([]string{"invoke"})
	require.NoError(t, err)
	var out strings.Builder
	require.NoError(t, describeMethod(&out, cmd, "c", s, &s.Methods[0]))
	require.Contains(t, out.String(), "concordat invoke c m --to PARTY output=STRING [help=BOOL] as=PARTY gas=UINT64\n")
	require.Contains(t, out.String(), "\n  output=  ")
}

func TestAFailureThatSaysLittleNamesTheCommandThatSaysMore(t *testing.T) {
	for status, message := range map[ledger.Status]string{ledger.StatusTrapped: "unreachable", ledger.StatusContractError: "the message is withheld, for the call had read private records"} {
		r := &ledger.Result{TxID: ledger.Hash{0xab}, Status: status, Message: message}
		require.Contains(t, replayHint(r, "bob@org1"), "`concordat tx replay ab00")
		require.Contains(t, replayHint(r, "bob@org1"), " --as bob@org1`")
	}
	require.Empty(t, replayHint(&ledger.Result{Status: ledger.StatusContractError, Message: "too little"}, "bob@org1"))
}
