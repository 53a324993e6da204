package integration

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/replica"
	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/node/devnet"
)

// bomb panics in a named actor at its next message, once.
type bomb struct {
	mu    sync.Mutex
	actor string
	went  bool
}

func (b *bomb) intercept(actor string, _ any) {
	b.mu.Lock()
	hit := b.actor == actor
	if hit {
		b.actor, b.went = "", true
	}
	b.mu.Unlock()
	if hit {
		panic("injected into " + actor)
	}
}

func (b *bomb) arm(actor string) {
	b.mu.Lock()
	b.actor, b.went = actor, false
	b.mu.Unlock()
}

func (b *bomb) exploded() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.went
}

func TestAPanicInAnyActorIsSurvived(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	n, err := devnet.Create(devnet.Options{Dir: t.TempDir(), F: 1, ClientNodes: 1})
	require.NoError(t, err)
	bombs := make([]*bomb, len(n.Replicas))
	replicas := make([]*replica.Replica, len(n.Replicas))
	for i, dir := range n.Replicas {
		bombs[i] = &bomb{}
		replicas[i], err = devnet.StartReplica(ctx, dir, slog.New(slog.DiscardHandler), prometheus.NewRegistry(),
			func(c *replica.Config) { c.Interceptor = bombs[i].intercept })
		require.NoError(t, err)
		defer func() { require.NoError(t, replicas[i].Stop(ctx)) }()
	}
	g, err := devnet.StartClientNode(ctx, n.Clients[0], slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	require.NoError(t, err)
	defer func() { require.NoError(t, g.Stop(ctx)) }()
	c, err := devnet.WaitReady(ctx, n, n.URLs[0])
	require.NoError(t, err)
	defer c.Close()
	key, err := n.Key("alice@org0")
	require.NoError(t, err)
	alice := client.Signer{Party: "alice@org0", Key: key}
	sent := 0
	submit := func(what string) {
		sent++
		s, err := c.Submit(ctx, alice.Sign(n.ID, client.Call{Contract: "concordat", Method: "note", Args: []byte(fmt.Sprint(sent))}))
		require.NoError(t, err, what)
		require.Equal(t, ledger.StatusOK, s.Receipt.Result.Status, what)
	}
	for at := range replicas[:2] { // the primary, and another
		for _, actor := range []string{"admission", "consensus", "collector", "execution", "storage", "catchup", "reads"} {
			what := fmt.Sprintf("replica-%d, %s", at, actor)
			bombs[at].arm(actor)
			for range 3 {
				submit(what)
			}
			require.Eventually(t, func() bool {
				_, _ = c.Status(ctx) // reads hears of nothing else
				return bombs[at].exploded()
			}, 10*time.Second, 10*time.Millisecond, what)
			submit(what)
		}
	}
	require.Eventually(t, func() bool {
		st, err := c.Status(ctx)
		if err != nil {
			return false
		}
		first := st.GetReplicas()[0]
		for _, r := range st.GetReplicas() {
			if r.GetHeight() != first.GetHeight() || r.GetStateRoot() != first.GetStateRoot() {
				return false
			}
		}
		return true
	}, 20*time.Second, 50*time.Millisecond, "all replicas reach the same height and state")
	for i, r := range replicas {
		select {
		case <-r.Done():
			t.Fatalf("replica-%d stopped: %v", i, r.Err())
		default:
		}
	}
}
