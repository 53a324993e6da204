package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/node/devnet"
)

var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "concordat-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "concordat")
	if out, err := exec.Command("go", "build", "-o", binary, "../../node").CombinedOutput(); err != nil {
		fmt.Fprintln(os.Stderr, string(out), err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

type network struct {
	*devnet.Network
	t        *testing.T
	replicas []*devnet.Process
	clients  []*devnet.Process
	c        *client.Client
	proven   map[ledger.Height]bool // heights whose certificate some checked store has
	heard    map[int]int            // bytes of each replica's log that were looked at
}

func start(t *testing.T) *network { return startSized(t, 1, 0) }

func startSized(t *testing.T, f, c int) *network {
	return startWith(t, devnet.Options{F: f, C: c})
}

func startWith(t *testing.T, opt devnet.Options) *network { return startSet(t, opt, "") }

// startSet starts a network whose replicas have more lines in their node.yaml.
func startSet(t *testing.T, opt devnet.Options, lines string) *network {
	opt.Dir, opt.ClientNodes = t.TempDir(), 1
	n, err := devnet.Create(opt)
	require.NoError(t, err)
	for _, dir := range n.Replicas {
		path := filepath.Join(dir, "node.yaml")
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, append(raw, lines...), 0o600))
	}
	return run(t, n)
}

// run starts all nodes of a network and waits until it answers.
func run(t *testing.T, n *devnet.Network) *network {
	out := &network{Network: n, t: t, replicas: make([]*devnet.Process, len(n.Replicas))}
	for i := range n.Replicas {
		out.startReplica(i)
	}
	p, err := devnet.StartProcess(binary, "client-node", n.Clients[0])
	require.NoError(t, err)
	out.clients = append(out.clients, p)
	t.Cleanup(out.stop)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	out.c, err = devnet.WaitReady(ctx, n, n.URLs[0])
	require.NoError(t, err)
	t.Cleanup(out.c.Close)
	return out
}

func (n *network) startReplica(i int) {
	p, err := devnet.StartProcess(binary, "replica", n.Replicas[i])
	require.NoError(n.t, err)
	n.replicas[i] = p
}

func (n *network) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	for _, p := range append(n.clients, n.replicas...) {
		_ = p.Stop(ctx)
		if n.t.Failed() {
			if raw, err := os.ReadFile(filepath.Join(n.Dir, p.ID, "log.txt")); err == nil && len(raw) > 0 {
				n.t.Logf("%s: …%s", p.ID, raw[max(0, len(raw)-2000):])
			}
		}
	}
}

func (n *network) signer(party string) client.Signer {
	key, err := n.Key(party)
	require.NoError(n.t, err)
	return client.Signer{Party: ledger.Party(party), Key: key}
}

// load submits until told to stop, repeating a command whose outcome is unknown,
// and returns what was acknowledged: command → transaction.
func (n *network) load(ctx context.Context, prefix string, workers int) map[string]ledger.Place {
	var mu sync.Mutex
	acknowledged := map[string]ledger.Place{}
	var wg sync.WaitGroup
	signer := n.signer("bench@org0")
	for w := range workers {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				command := fmt.Sprintf("%s-%d-%d", prefix, w, i)
				s := n.insist(ctx, signer, command)
				if s == nil {
					return
				}
				mu.Lock()
				acknowledged[command] = ledger.Place{Height: s.Receipt.Header.Height, Index: s.Receipt.Index}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return acknowledged
}

// insist asks with one command id until there is a receipt.
func (n *network) insist(ctx context.Context, signer client.Signer, command string) *client.Submitted {
	return n.insistOn(ctx, signer, client.Call{Contract: "concordat", Method: "note", Command: []byte(command)})
}

func (n *network) insistOn(ctx context.Context, signer client.Signer, call client.Call) *client.Submitted {
	call.Validity = 5 * time.Minute
	for ctx.Err() == nil {
		s, err := n.c.Submit(ctx, signer.Sign(n.ID, call))
		if err == nil {
			require.Equal(n.t, ledger.StatusOK, s.Receipt.Result.Status, s.Receipt.Result.Message)
			return s
		}
		var refused *client.RefusedError
		if !errors.Is(err, client.ErrUnknownOutcome) && !(errors.As(err, &refused) && refused.RetryAfter > 0) && ctx.Err() == nil {
			n.t.Errorf("submit %s: %v", call.Command, err)
			return nil
		}
	}
	return nil
}

// check stops everything and compares the four stores with what was
// acknowledged: nothing lost, nothing twice, equal roots at every height. It returns
// what was executed, and where.
func (n *network) check(acknowledged map[string]ledger.Place) (executed map[string]ledger.Place) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	n.waitEqual(ctx)
	n.stop()
	n.proven = map[ledger.Height]bool{}
	var roots []map[ledger.Height]string
	for i, dir := range n.Replicas {
		s, err := storage.Open(filepath.Join(dir, "data", "store"), storage.Options{Ledger: n.ID})
		require.NoError(n.t, err)
		root, done := n.checkStore(s, i, acknowledged)
		roots, executed = append(roots, root), done
		require.NoError(n.t, s.Close())
	}
	for h, root := range roots[0] {
		for i := range roots {
			require.Equal(n.t, root, roots[i][h], "state root of replica %d at height %d", i, h)
		}
	}
	return executed
}

func (n *network) checkStore(s *storage.Store, replica int, acknowledged map[string]ledger.Place) (map[ledger.Height]string, map[string]ledger.Place) {
	roots, executed := map[ledger.Height]string{}, map[string]ledger.Place{}
	tip, _ := s.Tip()
	for h := ledger.Height(1); h <= tip; h++ {
		b, err := s.Block(h)
		require.NoError(n.t, err)
		o, err := ledger.ParseOutcome(b.Outcome)
		require.NoError(n.t, err)
		if _, ok, err := s.Certificate(h); err == nil && ok {
			n.proven[h] = true
		}
		roots[h] = o.StateRoot.String() + o.ResultsRoot.String() + b.Hash.String()
		for i, raw := range b.Txs {
			env, err := ledger.ParseEnvelope(raw)
			require.NoError(n.t, err)
			tx, err := ledger.ParseTransaction(env.Payload)
			require.NoError(n.t, err)
			res, err := ledger.ParseResult(b.Results[i])
			require.NoError(n.t, err)
			if res.Status != ledger.StatusOK {
				continue // it changed nothing, so it may come again
			}
			old, twice := executed[string(tx.Command)]
			require.False(n.t, twice, "replica %d executed %s at %v and at %d/%d", replica, tx.Command, old, h, i)
			executed[string(tx.Command)] = ledger.Place{Height: h, Index: uint32(i)}
		}
	}
	for command, at := range acknowledged {
		require.Equal(n.t, at, executed[command], "replica %d lost %s", replica, command)
	}
	return roots, executed
}

func (n *network) waitEqual(ctx context.Context) {
	same := func() bool {
		st, err := n.c.Status(ctx)
		if err != nil {
			return false
		}
		for _, r := range st.GetReplicas() {
			if !r.GetReachable() || r.GetHeight() != st.GetReplicas()[0].GetHeight() || r.GetCommitted() != r.GetHeight() ||
				strings.Contains(r.GetSummary(), "fetches the others") {
				return false
			}
		}
		return true
	}
	for !same() {
		select {
		case <-ctx.Done():
			st, err := n.c.Status(context.Background())
			n.t.Fatalf("the replicas do not come to the same height: %v %v", st, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func duration(t *testing.T, short, long time.Duration) time.Duration {
	if os.Getenv("CONCORDAT_LONG") != "" {
		return long
	}
	if testing.Short() {
		return short / 2
	}
	return short
}

func TestReplicasKilledUnderLoadLoseAndDoubleNothing(t *testing.T) {
	n := start(t)
	ctx, cancel := context.WithTimeout(context.Background(), duration(t, 12*time.Second, time.Minute))
	defer cancel()
	result := make(chan map[string]ledger.Place, 1)
	go func() { result <- n.load(ctx, "k", 32) }()
	rnd := rand.New(rand.NewSource(time.Now().UnixNano()))
	kills := 0
	for ctx.Err() == nil {
		victim := rnd.Intn(len(n.replicas)) // the primary, too: the ledger waits for it
		require.NoError(t, n.replicas[victim].Kill())
		kills++
		pause(ctx, time.Duration(300+rnd.Intn(700))*time.Millisecond)
		n.startReplica(victim)
		pause(ctx, time.Duration(1000+rnd.Intn(1000))*time.Millisecond)
	}
	acknowledged := <-result
	require.Greater(t, len(acknowledged), 100, "there was a load")
	n.check(acknowledged)
	t.Logf("%d kills, %d commands acknowledged, none lost, none executed twice, equal roots", kills, len(acknowledged))
}

// An open load of token transfers at about half of what the ledger can do, while a
// replica is killed every ten seconds: every acknowledged transfer is in all four
// stores once, and the receiver holds exactly their sum.
func TestHalfOfPeakWithAKillEveryTenSeconds(t *testing.T) {
	if os.Getenv("CONCORDAT_LONG") == "" {
		t.Skip("takes over a minute: set CONCORDAT_LONG=1")
	}
	n := start(t)
	setup, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	s := n.deployToken(setup, "bench@org0")
	args, err := s.ArgsFromPairs("transfer", []string{"to=bob@org1", "amount=1", "memo=" + strings.Repeat("x", 80)})
	require.NoError(t, err)
	call := client.Call{Contract: "token", Method: "transfer", Args: args}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	result := make(chan map[string]ledger.Place, 1)
	go func() { result <- n.openLoad(ctx, call, halfOfPeak) }()
	kills := 0
	for rnd := rand.New(rand.NewSource(time.Now().UnixNano())); ctx.Err() == nil; kills++ {
		pause(ctx, 9*time.Second)
		victim := rnd.Intn(len(n.replicas)) // the primary, too: the ledger waits for it
		require.NoError(t, n.replicas[victim].Kill())
		pause(context.Background(), time.Second)
		n.startReplica(victim)
	}
	acknowledged := <-result
	after, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	n.waitEqual(after)
	reply, err := n.c.Query(after, &ledgerpb.QueryRequest{Contract: "token", Method: "balance_of", ArgsJson: `{"party":"bob@org1"}`})
	require.NoError(t, err)
	require.JSONEq(t, fmt.Sprintf(`{"amount":"%d"}`, len(acknowledged)), reply.GetOutputJson())
	require.Greater(t, len(acknowledged), int(halfOfPeak*60/2))
	n.check(acknowledged)
	t.Logf("%d kills, %d transfers acknowledged, none lost, none executed twice, the balances add up, equal roots", kills, len(acknowledged))
}

// halfOfPeak is about half of what four replicas on two cores do, in tx/s.
const halfOfPeak = 2500.0

// openLoad submits at a rate until told to stop, and then insists on an answer for
// all that was sent.
func (n *network) openLoad(ctx context.Context, call client.Call, rate float64) map[string]ledger.Place {
	var mu sync.Mutex
	acknowledged := map[string]ledger.Place{}
	var wg sync.WaitGroup
	signer := n.signer("bench@org0")
	slots := make(chan struct{}, 20_000)
	begun := time.Now()
	for i := 0; ctx.Err() == nil; i++ {
		pause(ctx, time.Until(begun.Add(time.Duration(float64(i)/rate*float64(time.Second)))))
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
			defer cancel()
			one := call
			one.Command = fmt.Appendf(nil, "open-%d", i)
			s := n.insistOn(end, signer, one)
			if s == nil {
				n.t.Errorf("%s was never answered", one.Command)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			acknowledged[string(one.Command)] = ledger.Place{Height: s.Receipt.Header.Height, Index: s.Receipt.Index}
		})
	}
	wg.Wait()
	return acknowledged
}

func TestAllReplicasKilledAtOnceComeBack(t *testing.T) {
	n := start(t)
	acknowledged := map[string]ledger.Place{}
	for round := range 3 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		result := make(chan map[string]ledger.Place, 1)
		go func() { result <- n.load(ctx, fmt.Sprint("round", round), 16) }()
		pause(ctx, 700*time.Millisecond)
		for _, p := range n.replicas {
			require.NoError(t, p.Kill())
		}
		for command, at := range <-result {
			acknowledged[command] = at
		}
		cancel()
		for i := range n.replicas {
			n.startReplica(i)
		}
		ready, done := context.WithTimeout(context.Background(), 30*time.Second)
		c, err := devnet.WaitReady(ready, n.Network, n.URLs[0])
		done()
		require.NoError(t, err)
		c.Close()
	}
	require.NotEmpty(t, acknowledged)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	require.NotNil(t, n.insist(ctx, n.signer("alice@org0"), "afterwards"), "the ledger goes on")
	n.check(acknowledged)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d): // the fault's own timing
	}
}

func TestBadInputIsRefusedInWordsAndHarmsNothing(t *testing.T) {
	n := start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	alice := n.signer("alice@org0")
	note := client.Call{Contract: "concordat", Method: "note"}
	good := alice.Sign(n.ID, note)

	wrongSignature := append([]byte{}, good...)
	wrongSignature[len(wrongSignature)-1] ^= 1
	stranger := client.Signer{Party: "mallory@org0", Key: alice.Key}
	stolen := client.Signer{Party: "alice@org0", Key: n.signer("bob@org1").Key}
	expired, ahead := note, note
	expired.Validity, ahead.Validity = -time.Second, 24*time.Hour
	for name, c := range map[string]struct {
		envelope []byte
		refusal  ledgerpb.Refusal
	}{
		"wrong signature": {wrongSignature, ledgerpb.Refusal_REFUSAL_SIGNATURE},
		"unknown signer":  {stranger.Sign(n.ID, note), ledgerpb.Refusal_REFUSAL_UNKNOWN_SIGNER},
		"another's key":   {stolen.Sign(n.ID, note), ledgerpb.Refusal_REFUSAL_UNKNOWN_SIGNER},
		"expired":         {alice.Sign(n.ID, expired), ledgerpb.Refusal_REFUSAL_EXPIRED},
		"too far ahead":   {alice.Sign(n.ID, ahead), ledgerpb.Refusal_REFUSAL_TOO_FAR_AHEAD},
		"another ledger":  {alice.Sign(ledger.Hash{1}, note), ledgerpb.Refusal_REFUSAL_WRONG_LEDGER},
	} {
		_, err := n.c.Submit(ctx, c.envelope)
		var refused *client.RefusedError
		require.ErrorAs(t, err, &refused, name)
		require.Equal(t, c.refusal, refused.Refusal, "%s: %s", name, refused.Message)
		require.NotEmpty(t, refused.Message)
	}
	_, err := n.c.Submit(ctx, []byte("no envelope"))
	require.ErrorIs(t, err, ledger.ErrMalformed)
	for _, c := range []struct {
		contract, method string
		status           ledger.Status
	}{{"nowhere", "x", ledger.StatusUnknownContract}, {"concordat", "nothing", ledger.StatusUnknownMethod},
		{"concordat", "register_party", ledger.StatusRefused}} {
		s, err := n.c.Submit(ctx, alice.Sign(n.ID, client.Call{Contract: c.contract, Method: c.method}))
		require.NoError(t, err)
		require.Equal(t, c.status, s.Receipt.Result.Status)
		require.NotEmpty(t, s.Receipt.Result.Message)
	}
	same := client.Call{Contract: "concordat", Method: "note", Command: []byte("once")}
	first, err := n.c.Submit(ctx, alice.Sign(n.ID, same))
	require.NoError(t, err)
	again, err := n.c.Submit(ctx, alice.Sign(n.ID, same))
	require.NoError(t, err)
	require.True(t, again.Repeated)
	require.Equal(t, first.Receipt.Result.TxID, again.Receipt.Result.TxID, "the first result again")
	n.check(map[string]ledger.Place{"once": {Height: first.Receipt.Header.Height, Index: first.Receipt.Index}})
}

func TestASecondProcessOnTheSameFolderIsRefused(t *testing.T) {
	n := start(t)
	out, err := exec.Command(binary, "replica", "run", "--home", n.Replicas[1]).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "in use by process")
	_, err = n.c.Submit(context.Background(), n.signer("alice@org0").Sign(n.ID, client.Call{Contract: "concordat", Method: "note"}))
	require.NoError(t, err, "the first process goes on")
}
