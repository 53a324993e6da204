package cluster

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
)

// A replica that comes back answers before it has caught up. Whoever has a receipt
// must not be told by it what was before.
func TestAReadFollowsTheReceipt(t *testing.T) {
	n := start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	s := n.deployToken(ctx, "alice@org0")
	alice := n.signer("alice@org0")
	transfer, err := s.ArgsFromPairs("transfer", []string{"to=bob@org1", "amount=1"})
	require.NoError(t, err)
	paid := 0
	for range 3 {
		require.NoError(t, n.replicas[2].Kill())
		for range 20 {
			done := n.insistOn(ctx, alice, client.Call{Contract: "token", Method: "transfer", Args: transfer, Command: []byte{byte(paid), 'x'}})
			require.Equal(t, ledger.StatusOK, done.Receipt.Result.Status)
			paid++
		}
		n.startReplica(2)
		for until := time.Now().Add(2 * time.Second); time.Now().Before(until); {
			reply, err := n.c.Query(ctx, &ledgerpb.QueryRequest{Contract: "token", Method: "balance_of", ArgsJson: `{"party":"bob@org1"}`})
			require.NoError(t, err)
			require.JSONEq(t, fmt.Sprintf(`{"amount":"%d"}`, paid), reply.GetOutputJson())
		}
	}
}
