package cluster

import (
	"context"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
)

// crashRate is how many transfers a second are sent meanwhile.
const crashRate = 400.0

// crashesWanted is 60, or what CONCORDAT_CRASHES says.
func crashesWanted() int {
	if n, err := strconv.Atoi(os.Getenv("CONCORDAT_CRASHES")); err == nil {
		return n
	}
	return 60
}

// Over and over a replica is killed under load and started again at once: it begins
// with whatever its files hold, the pages of the state tree included. In the end the
// balances add up, and all stores have the same roots at every height.
func TestKilledOverAndOverUnderLoad(t *testing.T) {
	long(t)
	crashes := crashesWanted()
	n := start(t)
	setup, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	s := n.deployToken(setup, "bench@org0")
	args, err := s.ArgsFromPairs("transfer", []string{"to=bob@org1", "amount=1", "memo=" + strings.Repeat("x", 80)})
	require.NoError(t, err)
	call := client.Call{Contract: "token", Method: "transfer", Args: args}
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Minute)
	defer stop()
	result := make(chan map[string]ledger.Place, 1)
	go func() { result <- n.openLoad(ctx, call, crashRate) }()
	rnd := rand.New(rand.NewSource(time.Now().UnixNano()))
	begun := time.Now()
	for range crashes {
		victim := rnd.Intn(len(n.replicas)) // the primary, too
		require.NoError(t, n.replicas[victim].Kill())
		n.startReplica(victim)
		pause(ctx, time.Duration(100+rnd.Intn(900))*time.Millisecond) // some die while they start
	}
	took := time.Since(begun)
	stop()
	acknowledged := <-result
	after, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	n.waitEqual(after)
	reply, err := n.c.Query(after, &ledgerpb.QueryRequest{Contract: "token", Method: "balance_of", ArgsJson: `{"party":"bob@org1"}`})
	require.NoError(t, err)
	require.JSONEq(t, fmt.Sprintf(`{"amount":"%d"}`, len(acknowledged)), reply.GetOutputJson())
	require.Greater(t, len(acknowledged), crashes)
	n.check(acknowledged)
	t.Logf("%d kills in %s, %d transfers acknowledged, none lost, none executed twice, the balances add up, equal roots", crashes, took.Round(time.Second), len(acknowledged))
}
