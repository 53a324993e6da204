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
	for _, method := range []string{"ledger", "deployed", "once"} {
		_, err := bindings.Go(&schema.Schema{Version: 1, Contract: "x", Methods: []schema.Method{{Name: method}}}, "x")
		require.ErrorContains(t, err, "rename it in the contract")
	}
	_, err := bindings.Go(&schema.Schema{Version: 1, Contract: "x", Methods: []schema.Method{{Name: "m"}}, Types: []schema.Struct{{Name: "client"}}}, "x")
	require.ErrorContains(t, err, "two things would be Client in the client")
	number := func(name string, tag uint32) schema.Field {
		return schema.Field{Name: name, Tag: tag, Type: schema.Uint64}
	}
	for what, s := range map[string]*schema.Schema{
		"a field twice":           {Methods: []schema.Method{{Name: "m", In: []schema.Field{number("a_b", 1), number("a__b", 2)}}}},
		"a type and arguments":    {Methods: []schema.Method{{Name: "m"}}, Types: []schema.Struct{{Name: "m_in"}}},
		"a type that is built in": {Methods: []schema.Method{{Name: "m"}}, Types: []schema.Struct{{Name: "refused"}}},
		"two functions":           {Methods: []schema.Method{{Name: "a_b"}, {Name: "a__b"}}},
		"an error twice":          {Methods: []schema.Method{{Name: "m"}}, Errors: []schema.ErrorCode{{Code: 1, Name: "x"}, {Code: 2, Name: "x"}}},
	} {
		_, err := bindings.TypeScript(s)
		require.ErrorContains(t, err, "rename one in the contract", what)
	}
}

// A schema comes from whoever deployed the contract: what it says stays in comments and
// strings of the client.
func TestASchemaPutsNoCodeIntoAClient(t *testing.T) {
	hostile := "x\n\n//go:generate rm -rf .\n\x1b[31m\u202e*/ evil(); /*"
	s := &schema.Schema{Version: 1, Contract: hostile, Doc: hostile,
		Methods: []schema.Method{{Name: "m", Doc: hostile, In: []schema.Field{{Name: "a", Tag: 1, Type: schema.Uint64, Doc: hostile}}}},
		Errors:  []schema.ErrorCode{{Code: 1, Name: "fine", Doc: hostile}}}
	inGo, err := bindings.Go(s, "x")
	require.NoError(t, err)
	inTS, err := bindings.TypeScript(s)
	require.NoError(t, err)
	for _, text := range []string{string(inGo), string(inTS)} {
		require.NotContains(t, text, "\n//go:")
		require.NotContains(t, text, "\x1b")
		require.NotContains(t, text, "\u202e")
	}
	require.Contains(t, string(inTS), "* / evil(); /* */\n", "the comment ends where it should")
	s.Errors[0].Name = "X uint32 = 1\nfunc init() { evil() }\nconst Y"
	_, err = bindings.Go(s, "x")
	require.ErrorContains(t, err, "no name in a program")
	_, err = bindings.TypeScript(s)
	require.ErrorContains(t, err, "no name in a program")
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
	}, Errors: []schema.ErrorCode{{Code: 2, Name: "default"}}}
	text, err := bindings.TypeScript(s)
	require.NoError(t, err)
	same(t, "testdata/odd.ts", text)
	for _, want := range []string{"export function delete_(", "export function new_(", "export function globalThis_(", "export function undefined_(", "export function query_(", "export function instanceOf(",
		"\n  class: Whole;\n", "\n  constructor: Base64[];\n", "\n  default: 2,\n", "export const contract = \"a\\\"b `\";", "/** Ends here: * / alert() // line */"} {
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
	for _, repeated := range []bool{false, true} {
		_, made, err := admin.Once("invoice-17").Mint(ctx, token.MintIn{To: "carol@org0", Amount: "5"})
		require.NoError(t, err)
		require.Equal(t, repeated, made.Repeated)
	}
	has, err := admin.BalanceOf(ctx, token.BalanceOfIn{Party: "carol@org0"})
	require.NoError(t, err)
	require.Equal(t, token.Amount("5"), has.Amount)
	_, paid, err := alice.Transfer(ctx, token.TransferIn{To: "bob@org1", Amount: "30", Memo: []byte("tea")})
	require.NoError(t, err)
	told, err := token.ParseEvent(paid.Receipt.Result.Events[0].Topic, paid.Receipt.Result.Events[0].Data)
	require.NoError(t, err)
	require.Equal(t, &token.TransferEvent{From: "alice@org0", To: "bob@org1", Amount: "30", Memo: []byte("tea")}, told)
	has, err = alice.BalanceOf(ctx, token.BalanceOfIn{Party: "bob@org1"})
	require.NoError(t, err)
	require.Equal(t, token.Amount("30"), has.Amount)
	about, err := alice.Info(ctx)
	require.NoError(t, err)
	require.Equal(t, &token.InfoOut{Symbol: "EUR", Minter: "admin@org0", Supply: "105", Holders: 3}, about)

	_, _, err = alice.Transfer(ctx, token.TransferIn{To: "bob@org1", Amount: "71"})
	var refused *token.Error
	require.True(t, errors.As(err, &refused), "%v", err)
	require.Equal(t, token.CodeInsufficientBalance, refused.Code)
	_, _, err = alice.Transfer(ctx, token.TransferIn{To: "bob@org1"})
	require.True(t, errors.As(err, &refused), "no amount is zero, and not malformed: %v", err)
	require.Equal(t, token.CodeBadAmount, refused.Code)
	_, _, err = alice.Transfer(ctx, token.TransferIn{To: "bob@org1", Amount: "-1"})
	require.ErrorIs(t, err, schema.ErrArguments)

	d = ledger.Deployment{Name: "fresh", Code: examples.TokenRust}
	_, err = c.Submit(ctx, admin.Signer.Sign(n.ID, client.Call{Contract: client.SystemContract, Method: "deploy", Args: d.Marshal()}))
	require.NoError(t, err)
	alice.Deployed = "fresh"
	_, err = alice.Info(ctx)
	require.True(t, errors.As(err, &refused), "%v", err)
	require.Equal(t, token.CodeNotInitialised, refused.Code, "a query's error has its code")
}
