package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/ledger/verify"
	"github.com/concordat-ledger/concordat/node/devnet"
)

// demo tells what happens on a real network of processes, step by step.
type demo struct {
	out   io.Writer
	begun time.Time
	net   *devnet.Network
	local *devnet.Local
	c     *client.Client
	alice client.Signer
	last  *client.Submitted
	sent  int
}

func demoCommand() *cobra.Command {
	return &cobra.Command{Use: "demo", Short: "Watch a ledger of four replicas survive a crash", Args: cobra.NoArgs,
		Long: `Starts four replicas and two client nodes, each in a process of its own, and
shows: transactions with verified receipts, a replica killed and brought back, a
receipt checked offline and a forged one refused, equal state everywhere.`,
		Example: "  concordat demo",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), time.Minute)
			defer cancel()
			d := &demo{out: cmd.OutOrStdout(), begun: time.Now()}
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
	if d.net, err = devnet.Create(devnet.Options{Dir: dir, F: 1, ClientNodes: 2}); err != nil {
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
	key, err := d.net.Key("alice@org0")
	if err != nil {
		return err
	}
	d.alice = client.Signer{Party: "alice@org0", Key: key}
	d.say("four replicas of four organisations and two client nodes are running, ledger %s", d.net.ID.Short())
	for _, step := range []func(context.Context) error{d.together, d.crash, d.comeBack, d.offline, d.equal} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// submit sends transactions one after the other and reports their latency.
func (d *demo) submit(ctx context.Context, count int) (worst time.Duration, err error) {
	for range count {
		begun := time.Now()
		d.sent++
		env := d.alice.Sign(d.net.ID, client.Call{Contract: "concordat", Method: "note", Args: []byte(fmt.Sprint("note ", d.sent))})
		if d.last, err = d.c.Submit(ctx, env); err != nil {
			return 0, err
		}
		if s := d.last.Receipt.Result.Status; s != ledger.StatusOK {
			return 0, fmt.Errorf("transaction %d: %s", d.sent, s)
		}
		worst = max(worst, time.Since(begun))
	}
	return worst, nil
}

func (d *demo) together(ctx context.Context) error {
	worst, err := d.submit(ctx, 20)
	if err != nil {
		return err
	}
	d.say("20 transactions, each ordered, executed, certified and its receipt verified here; slowest %s", worst.Round(time.Millisecond))
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
	d.say("20 more transactions without it, on the slow path of three replicas; slowest %s", worst.Round(time.Millisecond))
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
	d.say("all four replicas stand at block %d with state root %s", st.GetHeight(), shortHash(st.GetStateRoot()))
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
