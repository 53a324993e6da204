package cluster

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/integration/fault"
	"github.com/concordat-ledger/concordat/integration/history"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/node/config"
	"github.com/concordat-ledger/concordat/node/devnet"
)

// register is the name under which the contract of the histories is deployed.
const register = "register"

// checkPatience bounds the search for a linearization.
const checkPatience = 60 * time.Second

// trial is a network whose links can be made bad, under a load whose history is
// judged at the end. The faults of a scenario are brought about by its methods.
type trial struct {
	*network
	links   *fault.Network
	ctx     context.Context // of the whole trial
	nodes   []history.Node
	acks    acks
	stopped map[int]bool // by SIGSTOP
	special map[int]special

	mu    sync.Mutex
	acked map[string]ledger.Place // under mu
	end   context.CancelFunc      // of the load
	told  chan *history.History
}

// special is how a replica is started that is not like the others.
type special struct {
	binary string
	more   []string
}

// begin starts the processes with a proxy on each link, and the load.
func begin(t *testing.T, f, c int, unlike map[int]special) *trial {
	return beginFor(t, f, c, unlike, 4*time.Minute)
}

func beginFor(t *testing.T, f, c int, unlike map[int]special, most time.Duration) *trial {
	n, err := devnet.Create(devnet.Options{Dir: t.TempDir(), F: f, C: c, ClientNodes: 2})
	require.NoError(t, err)
	tr := &trial{network: &network{Network: n, t: t, replicas: make([]*devnet.Process, len(n.Replicas))}, links: fault.NewNetwork(),
		special: unlike, stopped: map[int]bool{}, acked: map[string]ledger.Place{}, told: make(chan *history.History, 1)}
	t.Cleanup(tr.links.Close)
	t.Cleanup(tr.stop)
	for _, dir := range append(slices.Clone(n.Replicas), n.Clients...) {
		tr.interpose(dir)
	}
	for i := range n.Replicas {
		tr.startReplica(i)
	}
	for _, dir := range n.Clients {
		p, err := devnet.StartProcess(binary, "client-node", dir)
		require.NoError(t, err)
		tr.clients = append(tr.clients, p)
	}
	var cancel context.CancelFunc
	tr.ctx, cancel = context.WithTimeout(context.Background(), most)
	t.Cleanup(cancel)
	tr.connect()
	tr.load()
	return tr
}

// interpose gives a member a proxy for each of its peers.
func (tr *trial) interpose(dir string) {
	f, err := config.Load(dir)
	require.NoError(tr.t, err)
	peers := map[string]string{}
	for id, address := range f.Node.Peers {
		if peers[id] = address; id != f.Node.ID {
			peers[id], err = tr.links.Connect(f.Node.ID, id, address)
			require.NoError(tr.t, err)
		}
	}
	f.Node.Peers = peers
	require.NoError(tr.t, config.Save(f))
}

// connect waits until the ledger works and deploys the contract.
func (tr *trial) connect() {
	t := tr.t
	ready, cancel := context.WithTimeout(tr.ctx, 30*time.Second)
	defer cancel()
	var err error
	tr.c, err = devnet.WaitReady(ready, tr.Network, tr.URLs[0])
	require.NoError(t, err)
	t.Cleanup(tr.c.Close)
	deployment := ledger.Deployment{Name: register, Code: history.Contract()}
	s := tr.insistOn(ready, tr.signer("admin@org0"), client.Call{Contract: client.SystemContract, Method: "deploy", Args: deployment.Marshal(), Command: []byte("deploy")})
	require.NotNil(t, s)
	for _, url := range tr.URLs {
		c, err := client.Connect(ready, client.Options{URL: url, Timeout: 2 * time.Second, Name: "history"})
		require.NoError(t, err)
		t.Cleanup(c.Close)
		tr.nodes = append(tr.nodes, history.Node{Client: c, Newest: &atomic.Uint64{}})
	}
}

// load starts what goes on during the faults.
func (tr *trial) load() {
	l := &history.Load{Ledger: tr.ID, Signer: tr.signer("bench@org0"), Contract: register, Prefix: "h", Nodes: tr.nodes,
		Workers: 12, Keys: 6, Pause: 10 * time.Millisecond, GiveUp: 10,
		Errors: func(err error) { tr.t.Errorf("a client was told: %v", err) },
		Done: func(command string, at ledger.Place) {
			tr.acks.note()
			tr.mu.Lock()
			defer tr.mu.Unlock()
			tr.acked[command] = at
		}}
	var loading context.Context
	loading, tr.end = context.WithCancel(tr.ctx)
	tr.t.Cleanup(tr.end)
	go func() { tr.told <- l.Run(loading) }()
	tr.pause(time.Second)
}

func (tr *trial) pause(d time.Duration) { pause(tr.ctx, d) }

func (tr *trial) startReplica(i int) {
	with, more := binary, []string(nil)
	if s, ok := tr.special[i]; ok {
		with, more = s.binary, s.more
	}
	p, err := devnet.StartProcess(with, "replica", tr.Replicas[i], more...)
	require.NoError(tr.t, err)
	tr.replicas[i] = p
}

func (tr *trial) kill(i int) {
	tr.t.Helper()
	require.NoError(tr.t, tr.replicas[i].Kill())
}

// freeze and thaw are SIGSTOP and SIGCONT.
func (tr *trial) freeze(i int) {
	require.NoError(tr.t, syscall.Kill(tr.replicas[i].PID(), syscall.SIGSTOP))
	tr.stopped[i] = true
}

func (tr *trial) thaw(i int) {
	require.NoError(tr.t, syscall.Kill(tr.replicas[i].PID(), syscall.SIGCONT))
	delete(tr.stopped, i)
}

// name of a replica as the links know it.
func name(i int) string { return fmt.Sprint("replica-", i) }

// others are the names of all other replicas.
func (tr *trial) others(than int) []string {
	var out []string
	for i := range tr.replicas {
		if i != than {
			out = append(out, name(i))
		}
	}
	return out
}

// leader is the primary, as the client node sees it.
func (tr *trial) leader() int { return tr.primary(tr.ctx) }

// meanwhile lets a fault last, and checks that clients had to wait for no longer
// than most at a time.
func (tr *trial) meanwhile(what string, lasts, most time.Duration) time.Duration {
	tr.t.Helper()
	begun := time.Now()
	tr.pause(lasts)
	gap := tr.acks.gap(begun)
	tr.t.Logf("%s: at most %s without a receipt", what, gap.Round(time.Millisecond))
	if gap > most {
		tr.t.Errorf("%s: %s without a receipt, at most %s are allowed", what, gap, most)
	}
	return gap
}

// recovers waits no longer than most for the ledger to serve its clients steadily
// after a fault.
func (tr *trial) recovers(what string, most time.Duration) {
	tr.t.Helper()
	const settled, enough = 400 * time.Millisecond, 50 // longer than what was under way; receipts
	begun := time.Now()
	for len(tr.acks.after(begun.Add(settled))) < enough {
		if tr.pause(10 * time.Millisecond); time.Since(begun) > most {
			tr.t.Errorf("%s: still not working after %s", what, most)
			return
		}
	}
	tr.t.Logf("%s: at most %s without a receipt", what, tr.acks.gap(begun).Round(time.Millisecond))
}

// together heals the network and waits until all replicas stand together.
func (tr *trial) together() {
	tr.t.Helper()
	tr.links.Heal()
	begun := time.Now()
	ctx, cancel := context.WithTimeout(tr.ctx, 60*time.Second)
	defer cancel()
	tr.settle(ctx)
	tr.t.Logf("all replicas are together after %s", time.Since(begun).Round(time.Millisecond))
}

// judge ends the load and checks everything.
func (tr *trial) judge() {
	t := tr.t
	tr.links.Heal()
	tr.pause(500 * time.Millisecond)
	tr.end()
	var h *history.History
	select {
	case h = <-tr.told:
	case <-time.After(90 * time.Second):
		t.Fatal("the load did not end")
	}
	executed := tr.check(tr.acked)
	tr.provable(h, executed)
	begun := time.Now()
	if err := h.Linearizable(checkPatience); err != nil {
		t.Errorf("%d operations: %v", len(h.Operations), err)
	}
	took := time.Since(begun)
	if err := h.InOrder(executed); err != nil {
		t.Error(err)
	}
	unknown := 0
	for _, o := range h.Operations {
		if !o.Known() {
			unknown++
		}
	}
	t.Logf("%d operations (%d of unknown outcome) are linearizable, checked in %s; %d queries are right; nothing lost, nothing twice, equal roots",
		len(h.Operations), unknown, took.Round(time.Millisecond), len(h.Queries))
	require.Greater(t, len(tr.acked), 100, "there was a load")
}

// provable: whatever was executed and is not quite new has a certificate somewhere, or
// nobody can ever be given a receipt for it.
func (tr *trial) provable(h *history.History, executed history.Executed) {
	var tip ledger.Height
	for _, at := range executed {
		tip = max(tip, at.Height)
	}
	for _, o := range h.Operations {
		if at, ok := executed[o.Command]; !o.Known() && tr.t.Failed() {
			tr.t.Logf("%v: executed %v at %v of %d, certified %v", o, ok, at, tip, tr.proven[at.Height])
		}
		if at, ok := executed[o.Command]; ok && at.Height+5 < tip && !tr.proven[at.Height] {
			tr.t.Errorf("block %d, of %d, is certified nowhere, so there can be no receipt for %v", at.Height, tip, o)
		}
	}
}

// long skips a scenario that takes too long for every run of the tests.
func long(t *testing.T) {
	if os.Getenv("CONCORDAT_LONG") == "" {
		t.Skip("takes long: set CONCORDAT_LONG=1")
	}
}
