package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/ledger/verify"
	"github.com/concordat-ledger/concordat/node/devnet"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// demo tells what happens on a real network of processes, step by step.
type demo struct {
	out   io.Writer
	begun time.Time
	net   *devnet.Network
	local *devnet.Local
	c     *client.Client
	admin client.Signer
	alice client.Signer
	token *schema.Schema
	last  *client.Submitted
	sent  int
	paid  map[string]int // to bob, by contract
}

func demoCommand() *cobra.Command {
	return &cobra.Command{Use: "demo", Short: "Watch a ledger of four replicas survive a crash", Args: cobra.NoArgs,
		Long: `Starts four replicas and two client nodes, each in a process of its own, and
shows: a token deployed twice, written in Go and in Rust, transfers with verified
receipts, a replica killed and brought back, a receipt checked offline and a forged
one refused, equal state everywhere.`,
		Example: "  concordat demo",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), time.Minute)
			defer cancel()
			d := &demo{out: cmd.OutOrStdout(), begun: time.Now(), paid: map[string]int{}}
			err := d.run(ctx)
			if err != nil {
				return fmt.Errorf("the demonstration failed: %w", err)
			}
			d.say("done: %d transactions, every receipt verified; nothing is left running", d.sent)
			return nil
		}}
}

func (d *demo) say(format string, args ...any) {
	_, _ = fmt.Fprintf(d.out, "%6.2fs  %s\n", time.Since(d.begun).Seconds(), fmt.Sprintf(format, args...))
}

func (d *demo) run(ctx context.Context) (err error) {
	dir, cleanup, err := workDir("")
	if err != nil {
		return err
	}
	defer cleanup()
	if d.net, err = devnet.Create(devnet.Options{Dir: dir, F: 1, ClientNodes: 2, Shadow: devnet.ShadowAll()}); err != nil {
		return err
	}
	if d.local, err = devnet.StartLocal(ctx, d.net, true, newLogger("error")); err != nil {
		return err
	}
	defer func() {
		stop, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		err = errors.Join(err, d.local.Stop(stop))
	}()
	if d.c, err = devnet.WaitReady(ctx, d.net, d.net.URLs[0]); err != nil {
		return err
	}
	defer d.c.Close()
	for name, signer := range map[string]*client.Signer{"admin@org0": &d.admin, "alice@org0": &d.alice} {
		key, err := d.net.Key(name)
		if err != nil {
			return err
		}
		*signer = client.Signer{Party: ledger.Party(name), Key: key}
	}
	if d.token, err = schema.Parse(examples.TokenSchema); err != nil {
		return err
	}
	d.say("four replicas of four organisations and two client nodes are running, ledger %s", d.net.ID.Short())
	for _, step := range []func(context.Context) error{d.deploy, d.together, d.crash, d.comeBack, d.offline, d.equal} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// one submits a transaction and requires that it succeeded.
func (d *demo) one(ctx context.Context, by client.Signer, call client.Call) (time.Duration, error) {
	begun := time.Now()
	d.sent++
	var err error
	if d.last, err = d.c.Submit(ctx, by.Sign(d.net.ID, call)); err != nil {
		return 0, err
	}
	if r := d.last.Receipt.Result; r.Status != ledger.StatusOK {
		return 0, fmt.Errorf("%s.%s: %s: %s", call.Contract, call.Method, r.Status, r.Message)
	}
	return time.Since(begun), nil
}

// invoke calls a method of a token with name=value arguments.
func (d *demo) invoke(ctx context.Context, by client.Signer, contract, method string, pairs ...string) (time.Duration, error) {
	args, err := d.token.ArgsFromPairs(method, pairs)
	if err != nil {
		return 0, err
	}
	return d.one(ctx, by, client.Call{Contract: contract, Method: method, Args: args})
}

// tokens are the two contracts: the same token in two languages.
var tokens = []string{"token-go", "token-rust"}

func (d *demo) deploy(ctx context.Context) error {
	init, err := d.token.ArgsFromPairs("init", []string{"symbol=EUR"})
	if err != nil {
		return err
	}
	for i, code := range [][]byte{examples.TokenGo, examples.TokenRust} {
		deployment := ledger.Deployment{Name: tokens[i], Code: code, Init: init, Initialise: true}
		took, err := d.one(ctx, d.admin, client.Call{Contract: client.SystemContract, Method: "deploy", Args: deployment.Marshal()})
		if err != nil {
			return err
		}
		d.say("%s is deployed: %d KB of WebAssembly, checked, metered and compiled by every replica in %s", tokens[i], len(code)/1000, took.Round(time.Millisecond))
		if _, err := d.invoke(ctx, d.admin, tokens[i], "mint", "to=alice@org0", "amount=1000"); err != nil {
			return err
		}
	}
	d.say("alice@org0 was given 1000 EUR of each")
	return nil
}

// submit sends transfers one after the other, to both tokens in turn, and reports
// the slowest.
func (d *demo) submit(ctx context.Context, count int) (worst time.Duration, err error) {
	for range count {
		contract := tokens[d.sent%len(tokens)]
		took, err := d.invoke(ctx, d.alice, contract, "transfer", "to=bob@org1", "amount=1")
		if err != nil {
			return 0, err
		}
		d.paid[contract]++
		worst = max(worst, took)
	}
	return worst, nil
}

func (d *demo) together(ctx context.Context) error {
	worst, err := d.submit(ctx, 20)
	if err != nil {
		return err
	}
	d.say("20 transfers, each ordered, executed, certified and its receipt verified here; slowest %s", worst.Round(time.Millisecond))
	return nil
}

const victim = 3

func (d *demo) crash(ctx context.Context) error {
	p, ok := d.local.Nodes[d.net.Replicas[victim]].(*devnet.Process)
	if !ok {
		return errors.New("replica-3 has no process of its own")
	}
	if err := p.Kill(); err != nil {
		return err
	}
	d.say("replica-3 was killed (SIGKILL, process %d)", p.PID())
	worst, err := d.submit(ctx, 20)
	if err != nil {
		return err
	}
	d.say("20 more transfers without it, on the slow path of three replicas; slowest %s", worst.Round(time.Millisecond))
	return nil
}

func (d *demo) comeBack(ctx context.Context) error {
	again, err := devnet.StartProcess(d.binary(), "replica", d.net.Replicas[victim])
	if err != nil {
		return err
	}
	d.local.Nodes[d.net.Replicas[victim]] = again
	begun := time.Now()
	want := uint64(d.last.Receipt.Header.Height)
	if err := d.waitHeights(ctx, want); err != nil {
		return err
	}
	d.say("replica-3 is back and has caught up to block %d in %s, start included", want, time.Since(begun).Round(time.Millisecond))
	_, err = d.submit(ctx, 5)
	return err
}

func (d *demo) offline(context.Context) error {
	id, key, err := trustedGenesis(d.net.Raw)
	if err != nil {
		return err
	}
	r, err := ledger.ParseReceipt(d.last.Raw)
	if err != nil {
		return err
	}
	if err := verify.Receipt(id, key, r); err != nil {
		return err
	}
	d.say("the last receipt (%d bytes) verifies offline, with nothing but the genesis file", len(d.last.Raw))
	forged := append([]byte{}, d.last.Raw...)
	forged[len(forged)/2] ^= 1
	if r, err = ledger.ParseReceipt(forged); err == nil {
		err = verify.Receipt(id, key, r)
	}
	if err == nil {
		return errors.New("a receipt with a flipped bit was accepted")
	}
	d.say("with one bit flipped it is refused: %v", err)
	return nil
}

func (d *demo) equal(ctx context.Context) error {
	if err := d.waitHeights(ctx, uint64(d.last.Receipt.Header.Height)); err != nil {
		return err
	}
	st, err := d.c.Status(ctx)
	if err != nil {
		return err
	}
	for _, r := range st.GetReplicas() {
		if r.GetStateRoot() != st.GetReplicas()[0].GetStateRoot() || r.GetHeight() != st.GetReplicas()[0].GetHeight() {
			return fmt.Errorf("%s has state %s at height %d, %s has %s at %d", r.GetId(), r.GetStateRoot(), r.GetHeight(),
				st.GetReplicas()[0].GetId(), st.GetReplicas()[0].GetStateRoot(), st.GetReplicas()[0].GetHeight())
		}
	}
	for _, contract := range tokens {
		if err := d.balance(ctx, contract); err != nil {
			return err
		}
	}
	d.say("all four replicas stand at block %d with state root %s", st.GetHeight(), shortHash(st.GetStateRoot()))
	return nil
}

// balance asks a token what bob holds, and compares with what was paid.
func (d *demo) balance(ctx context.Context, contract string) error {
	reply, err := d.c.Query(ctx, &ledgerpb.QueryRequest{Contract: contract, Method: "balance_of", ArgsJson: `{"party":"bob@org1"}`})
	if err != nil {
		return err
	}
	if want := fmt.Sprintf(`{"amount":"%d"}`, d.paid[contract]); reply.GetOutputJson() != want {
		return fmt.Errorf("%s says that bob@org1 holds %s, not %s", contract, reply.GetOutputJson(), want)
	}
	d.say("%s: bob@org1 holds the %d EUR that were transferred", contract, d.paid[contract])
	return nil
}

// waitHeights polls until every replica has stored a height.
func (d *demo) waitHeights(ctx context.Context, want uint64) error {
	for {
		st, err := d.c.Status(ctx)
		if err == nil && allAt(st.GetReplicas(), want) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for all replicas to reach block %d: %w", want, errors.Join(ctx.Err(), err))
		case <-time.After(50 * time.Millisecond): // poll: there is nobody to tell us
		}
	}
}

func allAt(list []*ledgerpb.ReplicaStatus, want uint64) bool {
	for _, r := range list {
		if r.GetHeight() < want {
			return false
		}
	}
	return len(list) > 0
}
