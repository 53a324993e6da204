package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/node/devnet"
)

// The scripts in testdata run the program as people do, against one network.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"concordat": main})
}

// network runs for the time of one test, in this process.
func network(t *testing.T) *devnet.Network {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	n, err := devnet.Create(devnet.Options{Dir: t.TempDir(), F: 1, ClientNodes: 1})
	require.NoError(t, err)
	local, err := devnet.StartLocal(context.Background(), n, false, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() {
		stop, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, local.Stop(stop))
	})
	c, err := devnet.WaitReady(ctx, n, n.URLs[0])
	require.NoError(t, err)
	c.Close()
	return n
}

func TestScripts(t *testing.T) {
	n := network(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("CONCORDAT_URL", n.URLs[0])
			env.Setenv("CONCORDAT_DIR", n.Dir)
			return os.MkdirAll(filepath.Join(env.WorkDir, "tmp"), 0o700)
		},
	})
}

func TestAnyNATSClientCanAskInJSON(t *testing.T) {
	n := network(t)
	nc, err := nats.Connect(n.URLs[0])
	require.NoError(t, err)
	defer nc.Close()
	ask := func(endpoint, body string) string {
		m, err := nc.Request("concordat."+endpoint, []byte(body), 5*time.Second)
		require.NoError(t, err)
		return string(m.Data)
	}
	require.Contains(t, ask("status", "{}"), fmt.Sprintf(`"ledger_id":"%s"`, n.ID))
	require.Contains(t, ask("status", "{}"), `"summary":"all replicas are reachable"`)
	require.Contains(t, ask("lookup", `{"latest": 3}`), "{")
	require.Contains(t, ask("lookup", `{"height": 99}`), "REFUSAL_NOT_FOUND")
	require.Contains(t, ask("submit", `{"envelope": "AAAA"}`), "REFUSAL_MALFORMED")
	require.Contains(t, ask("submit", `{"nonsense": 1}`), "REFUSAL_MALFORMED")
	info, err := nc.Request("$SRV.INFO.concordat", nil, 5*time.Second)
	require.NoError(t, err, "the service can be discovered")
	require.Contains(t, string(info.Data), "concordat.submit")
	sub, err := nc.SubscribeSync("concordat.>")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	_, err = sub.NextMsg(200 * time.Millisecond)
	require.Error(t, err, "an application cannot listen to another's requests")
}

func TestAMessageOfAHundredMegabytesHarmsNothing(t *testing.T) {
	n := network(t)
	nc, err := nats.Connect(n.URLs[0], nats.NoReconnect())
	require.NoError(t, err)
	defer nc.Close()
	_, err = nc.Request("concordat.submit", make([]byte, 100<<20), 5*time.Second)
	require.ErrorIs(t, err, nats.ErrMaxPayload)
	other, err := nats.Connect(n.URLs[0])
	require.NoError(t, err)
	defer other.Close()
	m, err := other.Request("concordat.status", []byte("{}"), 5*time.Second)
	require.NoError(t, err)
	require.Contains(t, string(m.Data), "the ledger is running")
}
