package cluster

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/wasm/schema"
	"github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

func (n *network) deploy(ctx context.Context, name string, code []byte) *ledger.Result {
	d := ledger.Deployment{Name: name, Code: code}
	s, err := n.c.Submit(ctx, n.signer("admin@org0").Sign(n.ID, client.Call{Contract: client.SystemContract, Method: "deploy", Args: d.Marshal()}))
	require.NoError(n.t, err)
	return &s.Receipt.Result
}

// A contract that loops, allocates or recurses for ever, traps or fails is told so
// in its receipt, changes nothing, and the ledger goes on.
func TestHostileContractsHarmNothing(t *testing.T) {
	n := start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	require.Equal(t, ledger.StatusOK, n.deploy(ctx, "hostile", assemble.Hostile()).Status)
	alice := n.signer("alice@org0")
	acknowledged := map[string]ledger.Place{}
	for i, c := range []struct {
		method  string
		status  ledger.Status
		code    uint32
		message string
	}{
		{"loop", ledger.StatusOutOfGas, 0, "the gas limit of 100000000 is used up"},
		{"alloc", ledger.StatusOutOfGas, 0, "the gas limit of 100000000 is used up"},
		{"recurse", ledger.StatusTrapped, 0, "calls nest too deep"},
		{"trap", ledger.StatusTrapped, 0, "unreachable"},
		{"fail", ledger.StatusContractError, 42, "it refuses"},
		{"write", ledger.StatusOutOfGas, 0, "the gas limit of 100000000 is used up"},
		{"nothing", ledger.StatusOK, 0, ""},
	} {
		command := fmt.Sprint("hostile ", i)
		s, err := n.c.Submit(ctx, alice.Sign(n.ID, client.Call{Contract: "hostile", Method: c.method, Command: []byte(command)}))
		require.NoError(t, err, c.method)
		r := s.Receipt.Result
		require.Equal(t, c.status, r.Status, "%s: %s", c.method, r.Message)
		require.Equal(t, c.code, r.Code, c.method)
		require.Equal(t, c.message, r.Message, c.method)
		if r.Status == ledger.StatusOK {
			acknowledged[command] = ledger.Place{Height: s.Receipt.Header.Height, Index: s.Receipt.Index}
		}
	}
	require.Len(t, acknowledged, 1, "only the last succeeds")
	n.check(acknowledged)
}

// A module that is none, asks for what is not offered, or uses threads is refused
// with the reason.
func TestModulesAreJudgedAtDeployment(t *testing.T) {
	n := start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	foreign := assemble.New()
	foreign.Import("env", "steal", nil, nil)
	threads := assemble.New()
	threads.MaxPages, threads.MemoryFlags = 2, 2
	for text, code := range map[string][]byte{
		"it is no WebAssembly module":                                  []byte("hello"),
		"imports env.steal, which is not":                              foreign.Call(nil, assemble.I32Const(0)).Bytes(),
		"threads and atomics are not offered":                          threads.Call(nil, assemble.I32Const(0)).Bytes(),
		"its code is not valid; `concordat contract check` says where": assemble.New().Call(nil, assemble.Op(0x6a)).Bytes(),
		"it does not export the function call,":                        assemble.New().Bytes(),
	} {
		r := n.deploy(ctx, "judged", code)
		require.Equal(t, ledger.StatusRefused, r.Status, text)
		require.Contains(t, r.Message, text)
	}
	s, err := n.c.Submit(ctx, n.signer("alice@org0").Sign(n.ID, client.Call{Contract: "concordat", Method: "note", Command: []byte("goes on")}))
	require.NoError(t, err)
	n.check(map[string]ledger.Place{"goes on": {Height: s.Receipt.Header.Height, Index: s.Receipt.Index}})
}

// deployToken deploys the token in Rust and gives a party a million units.
func (n *network) deployToken(ctx context.Context, to string) *schema.Schema {
	s, err := schema.Parse(examples.TokenSchema)
	require.NoError(n.t, err)
	args := func(method string, pairs ...string) []byte {
		b, err := s.ArgsFromPairs(method, pairs)
		require.NoError(n.t, err)
		return b
	}
	d := ledger.Deployment{Name: "token", Code: examples.TokenRust, Init: args("init", "symbol=EUR"), Initialise: true}
	for _, c := range []client.Call{{Contract: "concordat", Method: "deploy", Args: d.Marshal()},
		{Contract: "token", Method: "mint", Args: args("mint", "to="+to, "amount=1000000")}} {
		done, err := n.c.Submit(ctx, n.signer("admin@org0").Sign(n.ID, c))
		require.NoError(n.t, err)
		require.Equal(n.t, ledger.StatusOK, done.Receipt.Result.Status, done.Receipt.Result.Message)
	}
	return s
}

// Units of a token are neither made nor lost while replicas are killed: what was
// acknowledged is what the receivers hold.
func TestATokenAddsUpAfterCrashes(t *testing.T) {
	n := start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	s := n.deployToken(ctx, "alice@org0")
	alice := n.signer("alice@org0")
	args, err := s.ArgsFromPairs("transfer", []string{"to=bob@org1", "amount=3"})
	require.NoError(t, err)
	acknowledged := map[string]ledger.Place{}
	for i := range 60 {
		if i%20 == 10 {
			require.NoError(t, n.replicas[1+i/20].Kill()) // not the primary: the ledger goes on
		}
		if i%20 == 15 {
			n.startReplica(1 + i/20)
		}
		command := fmt.Sprint("transfer ", i)
		call := client.Call{Contract: "token", Method: "transfer", Args: args, Command: []byte(command)}
		done := n.insistOn(ctx, alice, call)
		require.NotNil(t, done)
		require.Equal(t, ledger.StatusOK, done.Receipt.Result.Status)
		acknowledged[command] = ledger.Place{Height: done.Receipt.Header.Height, Index: done.Receipt.Index}
	}
	n.waitEqual(ctx)
	for party, want := range map[string]string{"bob@org1": `{"amount":"180"}`, "alice@org0": `{"amount":"999820"}`} {
		reply, err := n.c.Query(ctx, &ledgerpb.QueryRequest{Contract: "token", Method: "balance_of", ArgsJson: fmt.Sprintf(`{"party":%q}`, party)})
		require.NoError(t, err)
		require.JSONEq(t, want, reply.GetOutputJson())
	}
	n.check(acknowledged)
}

// The largest deployment that a signed transaction can carry travels, is agreed on
// and stored, and one byte more is refused in words before it is sent anywhere.
func TestTheLargestModuleIsDeployed(t *testing.T) {
	n := start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	module := func(padding int) []byte {
		b := assemble.New()
		content := append([]byte("\x07padding"), make([]byte, padding)...)
		b.Raw = append(protowire.AppendVarint([]byte{0}, uint64(len(content))), content...)
		return b.Call(nil, assemble.I32Const(0)).Bytes()
	}
	admin := n.signer("admin@org0")
	envelope := func(padding int) []byte {
		d := ledger.Deployment{Name: "large", Code: module(padding)}
		return admin.Sign(n.ID, client.Call{Contract: client.SystemContract, Method: "deploy", Args: d.Marshal()})
	}
	fits := ledger.EnvelopeBytesMax - len(envelope(ledger.EnvelopeBytesMax/2)) + ledger.EnvelopeBytesMax/2
	require.Len(t, envelope(fits), ledger.EnvelopeBytesMax)
	_, err := n.c.Submit(ctx, envelope(fits+1))
	require.ErrorIs(t, err, ledger.ErrMalformed)
	s, err := n.c.Submit(ctx, envelope(fits))
	require.NoError(t, err)
	require.Equal(t, ledger.StatusOK, s.Receipt.Result.Status, s.Receipt.Result.Message)
	require.NoError(t, n.replicas[3].Kill())
	n.startReplica(3)
	done := n.insistOn(ctx, admin, client.Call{Contract: "large", Method: "x", Command: []byte("call")})
	require.Equal(t, ledger.StatusOK, done.Receipt.Result.Status)
	n.waitEqual(ctx)
	n.check(map[string]ledger.Place{"call": {Height: done.Receipt.Header.Height, Index: done.Receipt.Index}})
}
