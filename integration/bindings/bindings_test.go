// Package bindings_test uses a generated client as an application would.
package bindings_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/contracts-sdk/bindings"
	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/integration/bindings/token"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/node/devnet"
	"github.com/concordat-ledger/concordat/wasm/module"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// same compares with a checked-in file; with CONCORDAT_UPDATE=1 it is written anew.
func same(t *testing.T, file string, have []byte) {
	if os.Getenv("CONCORDAT_UPDATE") != "" {
		require.NoError(t, os.WriteFile(file, have, 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), string(have), "%s is not what the schema gives; write it anew with CONCORDAT_UPDATE=1", file)
}

func TestTheClientsAreWhatTheSchemaGives(t *testing.T) {
	info, err := module.Check(examples.TokenRust)
	require.NoError(t, err)
	s, err := schema.Parse(info.Schema)
	require.NoError(t, err)
	text, err := bindings.Go(s, "token")
	require.NoError(t, err)
	same(t, "token/client.go", text)
	text, err = bindings.TypeScript(s)
	require.NoError(t, err)
	same(t, "testdata/token.ts", text)
}

func TestNamesThatWouldClashAreRefused(t *testing.T) {
	for _, method := range []string{"ledger", "deployed"} {
		_, err := bindings.Go(&schema.Schema{Version: 1, Contract: "x", Methods: []schema.Method{{Name: method}}}, "x")
		require.ErrorContains(t, err, "rename it in the contract")
	}
	_, err := bindings.Go(&schema.Schema{Version: 1, Contract: "x", Methods: []schema.Method{{Name: "m"}}, Types: []schema.Struct{{Name: "client"}}}, "x")
	require.ErrorContains(t, err, "two things would be Client in Go")
	field := func(name string) schema.Field { return schema.Field{Name: name, Tag: 1, Type: schema.Bool} }
	_, err = bindings.Go(&schema.Schema{Version: 1, Contract: "x", Methods: []schema.Method{{Name: "m", In: []schema.Field{field("a_b"), field("a__b")}}}}, "x")
	require.ErrorContains(t, err, "fields a_b and a__b of m would both be AB in Go")
	for want, s := range map[string]*schema.Schema{
		"two things would be Error in TypeScript":   {Types: []schema.Struct{{Name: "error"}}},
		"two things would be PayIn in TypeScript":   {Types: []schema.Struct{{Name: "pay_in"}}, Methods: []schema.Method{{Name: "pay"}}},
		"two things would be AB in TypeScript":      {Types: []schema.Struct{{Name: "a_b"}, {Name: "a__b"}}},
		"two things would be Party in TypeScript":   {Types: []schema.Struct{{Name: "p"}, {Name: "party"}}},
		"two things would be no_name in TypeScript": {Errors: []schema.ErrorCode{{Code: 1, Name: "no_name"}, {Code: 2, Name: "no_name"}}},
	} {
		_, err := bindings.TypeScript(s)
		require.ErrorContains(t, err, want+"; rename one in the contract")
	}
}

// go vet refuses code that is never reached.
func TestAContractWithoutEventsHasNoCodeForThem(t *testing.T) {
	text, err := bindings.Go(&schema.Schema{Version: 1, Contract: "x", Methods: []schema.Method{{Name: "m"}}}, "x")
	require.NoError(t, err)
	require.Contains(t, string(text), "func ParseEvent(topic string, _ []byte) (any, error) {\n\treturn nil, fmt.Errorf(\"the contract has no event %q\", topic)\n}")
	require.NotContains(t, string(text), "switch topic")
}

// Names that TypeScript keeps for itself, and texts that would end a comment or a
// string, do no harm.
func TestTypeScriptOfOddNames(t *testing.T) {
	s := &schema.Schema{Version: 1, Contract: "a\"b\u2028`\a", Doc: "*/", Methods: []schema.Method{
		{Name: "delete", Doc: "Ends here: */ alert()\n// line"}, {Name: "new", In: []schema.Field{{Name: "class", Tag: 1, Type: schema.Uint64}, {Name: "constructor", Tag: 2, Type: schema.Bytes, Repeated: true}}},
		{Name: "global_this"}, {Name: "undefined"}, {Name: "query", Query: true}, {Name: "instance_of"},
	}, Errors: []schema.ErrorCode{{Code: 1, Name: "no-stock \"x\""}, {Code: 2, Name: "default"}}}
	text, err := bindings.TypeScript(s)
	require.NoError(t, err)
	same(t, "testdata/odd.ts", text)
	for _, want := range []string{"export function delete_(", "export function new_(", "export function globalThis_(", "export function undefined_(", "export function query_(", "export function instanceOf(",
		"\n  class: Whole;\n", "\n  constructor: Base64[];\n", "\n  \"no-stock \\\"x\\\"\": 1,\n", "\n  default: 2,\n", "export const contract = \"a\\\"b\\u2028`\\u0007\";", "/** Ends here: * / alert() // line */"} {
		require.Contains(t, string(text), want)
	}
}

// on is a client of the token, as a party of a network.
func on(t *testing.T, n *devnet.Network, c *client.Client, party ledger.Party) *token.Client {
	key, err := n.Key(string(party))
	require.NoError(t, err)
	return &token.Client{Ledger: c, Signer: client.Signer{Party: party, Key: key}}
}

func TestAGeneratedClientPaysAndAsks(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	n, err := devnet.Create(devnet.Options{Dir: t.TempDir(), F: 1, ClientNodes: 1})
	require.NoError(t, err)
	local, err := devnet.StartLocal(t.Context(), n, false, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() {
		stop, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, local.Stop(stop))
	})
	c, err := devnet.WaitReady(ctx, n, n.URLs[0])
	require.NoError(t, err)
	defer c.Close()
	admin, alice := on(t, n, c, "admin@org0"), on(t, n, c, "alice@org0")
	d := ledger.Deployment{Name: token.Contract, Code: examples.TokenRust, Initialise: true, Init: []byte("\x0a\x03EUR")}
	done, err := c.Submit(ctx, admin.Signer.Sign(n.ID, client.Call{Contract: client.SystemContract, Method: "deploy", Args: d.Marshal()}))
	require.NoError(t, err)
	require.Equal(t, ledger.StatusOK, done.Receipt.Result.Status, done.Receipt.Result.Message)

	_, _, err = admin.Mint(ctx, token.MintIn{To: "alice@org0", Amount: "100"})
	require.NoError(t, err)
	_, paid, err := alice.Transfer(ctx, token.TransferIn{To: "bob@org1", Amount: "30", Memo: []byte("tea")})
	require.NoError(t, err)
	told, err := token.ParseEvent(paid.Receipt.Result.Events[0].Topic, paid.Receipt.Result.Events[0].Data)
	require.NoError(t, err)
	require.Equal(t, &token.TransferEvent{From: "alice@org0", To: "bob@org1", Amount: "30", Memo: []byte("tea")}, told)
	has, err := alice.BalanceOf(ctx, token.BalanceOfIn{Party: "bob@org1"})
	require.NoError(t, err)
	require.Equal(t, token.Amount("30"), has.Amount)
	about, err := alice.Info(ctx)
	require.NoError(t, err)
	require.Equal(t, &token.InfoOut{Symbol: "EUR", Minter: "admin@org0", Supply: "100", Holders: 2}, about)

	_, _, err = alice.Transfer(ctx, token.TransferIn{To: "bob@org1", Amount: "71"})
	var refused *token.Error
	require.True(t, errors.As(err, &refused), "%v", err)
	require.Equal(t, token.CodeInsufficientBalance, refused.Code)
	_, _, err = alice.Transfer(ctx, token.TransferIn{To: "bob@org1", Amount: "-1"})
	require.ErrorIs(t, err, schema.ErrArguments)
}
