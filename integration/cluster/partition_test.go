package cluster

import (
	"context"
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/integration/fault"
	"github.com/concordat-ledger/concordat/integration/history"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// faulty is a network whose replicas hear each other through fault proxies.
type faulty struct {
	*network
	links  *fault.Network
	record *history.Record
	schema *schema.Schema
}

func startFaulty(t *testing.T, f, c int) *faulty {
	out := &faulty{record: history.New()}
	out.network = startPrepared(t, f, c, func(folders []string) {
		links, err := fault.Rewire(folders)
		require.NoError(t, err)
		t.Cleanup(func() { _ = links.Close() })
		out.links = links
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out.schema = out.deployToken(ctx, "bench@org0")
	return out
}

const accounts = 6

// play runs clients against the ledger until the context ends: each adds one to an
// account or reads one, by ordered transactions, and everything is recorded.
func (n *faulty) play(ctx context.Context, clients int) (wait func()) {
	var wg sync.WaitGroup
	signer := n.signer("bench@org0")
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Minute)
	for k := range clients {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				in := history.Input{Account: fmt.Sprintf("acct%d@org1", (k+i)%accounts), Read: i%3 == 2}
				n.operate(end, signer, k, in, fmt.Sprintf("op-%d-%d", k, i))
				pause(ctx, 5*time.Millisecond)
			}
		})
	}
	return func() { wg.Wait(); cancel() }
}

// operate does one operation and repeats its command until there is a receipt.
func (n *faulty) operate(ctx context.Context, signer client.Signer, k int, in history.Input, command string) {
	method, pairs := "transfer", []string{"to=" + in.Account, "amount=1"}
	if in.Read {
		method, pairs = "balance_of", []string{"party=" + in.Account}
	}
	args, err := n.schema.ArgsFromPairs(method, pairs)
	require.NoError(n.t, err)
	done := n.record.Call(k, in)
	s := n.insistOn(ctx, signer, client.Call{Contract: "token", Method: method, Args: args, Command: []byte(command)})
	if s == nil {
		n.t.Errorf("%s was never answered", command)
		return
	}
	if !in.Read {
		done(0)
		return
	}
	value, err := n.schema.OutputJSON(method, s.Receipt.Result.Output)
	require.NoError(n.t, err)
	var balance int
	_, err = fmt.Sscanf(string(value), `{"amount":"%d"}`, &balance)
	require.NoError(n.t, err, string(value))
	done(balance)
}

// finish ends the load, waits until all replicas stand together, and checks the record
// and the stores.
func (n *faulty) finish(wait func()) {
	n.links.Heal()
	wait()
	require.NoError(n.t, n.record.Check(time.Minute))
	require.Greater(n.t, n.record.Len(), 200, "there was a load")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	n.waitEqual(ctx)
	n.check(map[string]ledger.Place{})
	n.t.Logf("%d operations, linearizable; equal roots", n.record.Len())
}

// faults are what befalls the network for some seconds under load.
var faults = map[string]func(n *faulty, primary string){
	"the primary hears and says nothing":     func(n *faulty, p string) { n.links.Isolate(p) },
	"the primary is not heard":               func(n *faulty, p string) { n.links.Silence(p) },
	"the primary hears nothing":              func(n *faulty, p string) { n.links.Deafen(p) },
	"the primary's connections are reset":    func(n *faulty, p string) { n.links.Reset(p) },
	"the primary is slow":                    func(n *faulty, p string) { n.links.Slow(p, 150*time.Millisecond, 50*time.Millisecond) },
	"the primary stands still":               func(n *faulty, p string) { n.signal(p, syscall.SIGSTOP) },
	"another replica hears and says nothing": func(n *faulty, p string) { n.links.Isolate(n.other(p)) },
	"another replica stands still":           func(n *faulty, p string) { n.signal(n.other(p), syscall.SIGSTOP) },
	"another replica's link flaps": func(n *faulty, p string) {
		for range 6 {
			n.links.Reset(n.other(p))
			pause(context.Background(), 250*time.Millisecond)
			n.links.Heal()
			pause(context.Background(), 250*time.Millisecond)
		}
	},
}

func (n *faulty) other(p string) string {
	if p == "replica-2" {
		return "replica-3"
	}
	return "replica-2"
}

func (n *faulty) signal(id string, s syscall.Signal) {
	for _, p := range n.replicas {
		if p.ID == id {
			require.NoError(n.t, syscall.Kill(p.PID(), s))
		}
	}
}

// TestFaultsUnderLoadAreLinearizable plays each fault on real processes; the quick form
// takes two of them.
func TestFaultsUnderLoadAreLinearizable(t *testing.T) {
	quick := map[string]bool{"the primary hears and says nothing": true, "the primary stands still": true}
	for name, strike := range faults {
		if os.Getenv("CONCORDAT_LONG") == "" && !quick[name] {
			continue
		}
		t.Run(name, func(t *testing.T) {
			n := startFaulty(t, 1, 0)
			ctx, cancel := context.WithTimeout(context.Background(), duration(t, 5*time.Second, 12*time.Second))
			defer cancel()
			wait := n.play(ctx, 12)
			pause(ctx, time.Second)
			primary := fmt.Sprintf("replica-%d", n.primary(ctx))
			struck := time.Now()
			strike(n, primary)
			pause(ctx, duration(t, 2*time.Second, 6*time.Second))
			before := n.record.Len()
			pause(ctx, 500*time.Millisecond)
			require.Greater(t, n.record.Len(), before, "the ledger goes on while it lasts (%s)", time.Since(struck))
			n.links.Heal()
			n.signal(primary, syscall.SIGCONT)
			n.signal(n.other(primary), syscall.SIGCONT)
			<-ctx.Done()
			n.finish(wait)
		})
	}
}
