package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/node/devnet"
	"github.com/concordat-ledger/concordat/wasm/module"
	"github.com/concordat-ledger/concordat/wasm/schema"
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

// moreBlocks is the script command `blocks N`: the ledger goes on by so many.
func moreBlocks(n *devnet.Network) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		want, err := strconv.Atoi(args[0])
		ts.Check(err)
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		c, err := client.Connect(ctx, client.Options{URL: n.URLs[0]})
		ts.Check(err)
		defer c.Close()
		key, err := n.Key("bob@org1")
		ts.Check(err)
		first := ledger.Height(0)
		for last := first; first == 0 || last < first+ledger.Height(want); { // #nosec G115 -- a script's number
			s, err := c.Submit(ctx, client.Signer{Party: "bob@org1", Key: key}.Sign(n.ID, client.Call{Contract: "concordat", Method: "note"}))
			ts.Check(err)
			last = s.Receipt.Header.Height
			if first == 0 {
				first = last
			}
		}
	}
}

func TestScripts(t *testing.T) {
	n := network(t)
	samples := t.TempDir()
	require.NoError(t, sampleLedger(samples))
	commands := scriptCommands()
	commands["blocks"] = moreBlocks(n)
	commands["txid"] = txID
	goCache, err := exec.Command("go", "env", "GOCACHE").Output() // scripts have a home of their own, where each would compile Go's library anew
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{
		Dir:  "testdata",
		Cmds: commands,
		Setup: func(env *testscript.Env) error {
			env.Setenv("SAMPLE", samples)
			env.Setenv("GOCACHE", strings.TrimSpace(string(goCache)))
			env.Setenv("CONCORDAT_URL", n.URLs[0])
			env.Setenv("CONCORDAT_DIR", n.Dir)
			token, err := filepath.Abs("../contracts-sdk/examples/token/token-rust.wasm")
			if err != nil {
				return err
			}
			env.Setenv("TOKEN", token)
			env.Setenv("STEERS", "red\x1b[31m\u009b31m\nconcordat: all is well")
			if err := otherTokens(env); err != nil {
				return err
			}
			return os.MkdirAll(filepath.Join(env.WorkDir, "tmp"), 0o700)
		},
	})
}

// otherTokens are more modules: NEXT says more of itself than TOKEN does, FEWER has one method
// less, and LARGE is one that the engine takes and no transaction has room for.
func otherTokens(env *testscript.Env) error {
	s, err := schema.Parse(examples.TokenSchema)
	if err != nil {
		return err
	}
	s.Doc += " Again."
	for _, name := range []string{"NEXT", "FEWER"} {
		if name == "FEWER" {
			s.Methods = slices.DeleteFunc(s.Methods, func(m schema.Method) bool { return m.Name == "approve" })
		}
		text, err := json.Marshal(s)
		if err != nil {
			return err
		}
		code, err := module.Embed(examples.TokenRust, text)
		if err != nil {
			return err
		}
		file := filepath.Join(env.WorkDir, name+".wasm")
		if err := os.WriteFile(file, code, 0o600); err != nil {
			return err
		}
		env.Setenv(name, file)
	}
	large, err := module.Embed(section(examples.TokenRust, "pad", make([]byte, 6_250_000)), examples.TokenSchema)
	if err != nil {
		return err
	}
	env.Setenv("LARGE", filepath.Join(env.WorkDir, "large.wasm"))
	return os.WriteFile(env.Getenv("LARGE"), large, 0o600)
}

// section appends a custom section to a module.
func section(code []byte, name string, content []byte) []byte {
	body := append(append([]byte{byte(len(name))}, name...), content...)
	out := append(slices.Clone(code), 0)
	return append(binary.AppendUvarint(out, uint64(len(body))), body...)
}

// txID is the script command `txid FILE`: ID becomes that of the transaction in the JSON.
func txID(ts *testscript.TestScript, _ bool, args []string) {
	var v struct{ ID string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &v))
	ts.Setenv("ID", v.ID)
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
	askToken(t, n, ask)
	info, err := nc.Request("$SRV.INFO.concordat", nil, 5*time.Second)
	require.NoError(t, err, "the service can be discovered")
	require.Contains(t, string(info.Data), "concordat.submit")
	sub, err := nc.SubscribeSync("concordat.>")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	_, err = sub.NextMsg(200 * time.Millisecond)
	require.Error(t, err, "an application cannot listen to another's requests")
}

// askToken deploys a token and asks it in JSON, by its schema.
func askToken(t *testing.T, n *devnet.Network, ask func(endpoint, body string) string) {
	c, err := client.Connect(t.Context(), client.Options{URL: n.URLs[0]})
	require.NoError(t, err)
	defer c.Close()
	key, err := n.Key("admin@org0")
	require.NoError(t, err)
	d := ledger.Deployment{Name: "token", Code: examples.TokenRust, Initialise: true}
	s, err := schema.Parse(examples.TokenSchema)
	require.NoError(t, err)
	d.Init, err = s.ArgsFromPairs("init", []string{"symbol=EUR"})
	require.NoError(t, err)
	done, err := c.Submit(t.Context(), client.Signer{Party: "admin@org0", Key: key}.Sign(n.ID, client.Call{Contract: "concordat", Method: "deploy", Args: d.Marshal()}))
	require.NoError(t, err)
	require.Equal(t, ledger.StatusOK, done.Receipt.Result.Status)
	reply := ask("query", `{"contract":"token","method":"info"}`)
	require.Contains(t, reply, `\"symbol\":\"EUR\"`)
	require.Contains(t, ask("query", `{"contract":"token","method":"balance_of","args_json":"{\"party\":\"bob@org1\"}"}`), `\"amount\":\"0\"`)
	require.Contains(t, ask("query", `{"contract":"token","method":"balance_of","args_json":"{}"}`), "balance_of needs party")
	require.Contains(t, ask("query", `{"contract":"nowhere","method":"x"}`), "REFUSAL_NOT_FOUND")
	require.Contains(t, ask("lookup", `{"contracts":"all"}`), `"name":"token"`)
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
