package devnet

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/node/config"
)

func TestATransactionThroughFourReplicas(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	n, err := Create(Options{Dir: t.TempDir(), F: 1, ClientNodes: 1})
	require.NoError(t, err)
	level := slog.LevelWarn
	if os.Getenv("CONCORDAT_TEST_LOG") != "" {
		level = slog.LevelDebug
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	for i, dir := range n.Replicas {
		r, err := StartReplica(ctx, dir, logger.With("node", i), prometheus.NewRegistry())
		require.NoError(t, err)
		defer func() { require.NoError(t, r.Stop(ctx)) }()
	}
	g, err := StartClientNode(ctx, n.Clients[0], logger.With("node", "client"), prometheus.NewRegistry())
	require.NoError(t, err)
	defer func() { require.NoError(t, g.Stop(ctx)) }()
	c, err := WaitReady(ctx, n, n.URLs[0])
	require.NoError(t, err)
	defer c.Close()
	key, err := n.Key("alice@org0")
	require.NoError(t, err)
	alice := client.Signer{Party: "alice@org0", Key: key}
	for i := range 20 {
		start := time.Now()
		s, err := c.Submit(ctx, alice.Sign(n.ID, client.Call{Contract: "concordat", Method: "note", Args: []byte(fmt.Sprint("note ", i))}))
		require.NoError(t, err)
		require.Equal(t, ledger.StatusOK, s.Receipt.Result.Status, s.Receipt.Result.Message)
		t.Log(i, time.Since(start), s.Receipt.Header.Height)
	}
}

// The keys of a ledger are nowhere else: a second one in its folder would end it.
func TestALedgerIsNotOverwritten(t *testing.T) {
	n, err := Create(Options{Dir: t.TempDir()})
	require.NoError(t, err)
	key, err := n.Key("alice@org0")
	require.NoError(t, err)
	_, err = Create(Options{Dir: n.Dir})
	require.ErrorIs(t, err, ErrFounded)
	again, err := n.Key("alice@org0")
	require.NoError(t, err)
	require.Equal(t, key, again)
	genesis, err := os.ReadFile(filepath.Join(n.Dir, config.GenesisFile))
	require.NoError(t, err)
	require.Equal(t, n.Raw, genesis)
}
