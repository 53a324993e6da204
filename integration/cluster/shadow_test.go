package cluster

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/actors/replica"
	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/node/devnet"
	"github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// One replica's compiler has a defect. It finds out by itself, stops, keeps the evidence,
// and does not start again before somebody has taken that away; the others go on.
func TestAReplicaWhoseEngineMiscalculatesStops(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	n, err := devnet.Create(devnet.Options{Dir: t.TempDir(), F: 1, ClientNodes: 1, Shadow: devnet.ShadowAll()})
	require.NoError(t, err)
	right, wrong := assemble.I32Const(4711), assemble.I32Const(4712)
	defect := func(cfg *replica.Config) {
		cfg.AlterCode = func(code []byte) []byte { return bytes.Replace(code, right, wrong, 1) }
	}
	var victim *replica.Replica
	for i, dir := range n.Replicas {
		options := []func(*replica.Config){defect}
		if i != 3 {
			options = nil
		}
		r, err := devnet.StartReplica(ctx, dir, slog.New(slog.DiscardHandler), nil, options...)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, r.Stop(context.Background())) })
		victim = r
	}
	node, err := devnet.StartClientNode(ctx, n.Clients[0], slog.New(slog.DiscardHandler), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, node.Stop(context.Background())) })
	c, err := devnet.WaitReady(ctx, n, n.URLs[0])
	require.NoError(t, err)
	defer c.Close()
	net := &network{Network: n, t: t, c: c}

	b := assemble.New() // its gas and output are right; what it writes is not
	put := b.ABI("put")
	b.Call(nil, assemble.I32Const(0), right, assemble.Memory(0x36, 2, 0), assemble.I32Const(100), assemble.I32Const(1),
		assemble.I32Const(0), assemble.I32Const(4), assemble.I32Const(0), assemble.I32Const(0), assemble.CallFunc(put))
	require.Equal(t, ledger.StatusOK, net.deploy(ctx, "writer", b.Bytes()).Status)
	call := func(command string) {
		s, err := c.Submit(ctx, net.signer("alice@org0").Sign(n.ID, client.Call{Contract: "writer", Method: "x", Command: []byte(command)}))
		require.NoError(t, err)
		require.Equal(t, ledger.StatusOK, s.Receipt.Result.Status)
	}
	call("first")
	select {
	case <-victim.Done():
	case <-ctx.Done():
		t.Fatal("the replica goes on")
	}
	var mismatch *contracts.Mismatch
	require.ErrorAs(t, victim.Err(), &mismatch)
	require.Equal(t, "writer", mismatch.Contract)
	raw, err := os.ReadFile(mismatch.File)
	require.NoError(t, err)
	require.Contains(t, string(raw), `set \"c/writer/`)
	call("second") // three of four agree

	_, err = devnet.StartReplica(ctx, n.Replicas[3], slog.New(slog.DiscardHandler), nil)
	require.ErrorContains(t, err, "disagreed here before; the evidence is "+mismatch.File)
}
