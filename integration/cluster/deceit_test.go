package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/bus/server"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
)

// A client node, or one replica behind an honest one, answers with a true receipt of
// something else, and says that the command was executed before.
func TestAReceiptOfAnotherCommandIsNotBelieved(t *testing.T) {
	n := start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	alice := n.signer("alice@org0")
	old := n.insist(ctx, alice, "something else")
	require.NotNil(t, old)
	node, err := server.StartApplication(server.ApplicationConfig{Name: "deceiver", ListenAddress: "127.0.0.1:0", AllowAnonymous: true})
	require.NoError(t, err)
	defer node.Close()
	reply, err := proto.Marshal(&ledgerpb.SubmitReply{Receipt: old.Raw, Result: &ledgerpb.ResultView{Repeated: true}})
	require.NoError(t, err)
	require.NoError(t, node.Serve("0.1.0", map[string]string{"submit": ""}, func(r server.Request) { r.Reply(reply) }))
	c, err := client.Connect(ctx, client.Options{URL: node.URL(), LedgerID: n.c.LedgerID(), LedgerKey: n.c.LedgerKey()})
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Submit(ctx, alice.Sign(n.ID, client.Call{Contract: "concordat", Method: "note", Command: []byte("never executed")}))
	require.Error(t, err, "the ledger never saw this command")
}
