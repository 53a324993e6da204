package devnet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/concordat-ledger/concordat/actors/gateway"
	"github.com/concordat-ledger/concordat/actors/replica"
	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/node/config"
	"github.com/concordat-ledger/concordat/node/control"
)

// Running is a node that runs, in this process or in one of its own.
type Running interface {
	Done() <-chan struct{}
	Err() error
	Stop(context.Context) error
}

// StartReplica runs a replica of a folder in this process. Tests change its
// configuration with options.
func StartReplica(ctx context.Context, dir string, logger *slog.Logger, registerer prometheus.Registerer, options ...func(*replica.Config)) (*replica.Replica, error) {
	f, err := config.Load(dir)
	if err != nil {
		return nil, err
	}
	var number int
	if _, err := fmt.Sscanf(f.Node.ID, "replica-%d", &number); err != nil || f.Node.Kind != ledger.MemberReplica {
		return nil, fmt.Errorf("the folder %s is not that of a replica", dir)
	}
	policy, err := f.Node.Retention.Policy()
	if err != nil {
		return nil, err
	}
	// #nosec G115 -- compared with genesis by Start
	cfg := replica.Config{Retention: policy, Genesis: f.Genesis, Self: ledger.ReplicaID(number), DataDir: f.DataDir(),
		Listen: f.Node.Listen, Peers: f.Node.Peers, Identity: f.Identity, SigningKey: f.SigningKey, ShareKey: f.ShareKey,
		Logger: logger, Registerer: registerer, ScrubRate: f.Node.ScrubRate, ShadowPercent: replica.DefaultShadowPercent}
	if f.Node.Shadow != nil {
		cfg.ShadowPercent = *f.Node.Shadow
	}
	for _, change := range options {
		change(&cfg)
	}
	r, err := replica.Start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	// It has the store now, and with it the right to the socket.
	if err := control.Serve(dir, r, r.Done(), logger); err != nil {
		logger.Warn("the operator's commands cannot reach this replica", "error", err)
	}
	return r, nil
}

// StartClientNode runs a client node of a folder in this process.
func StartClientNode(ctx context.Context, dir string, logger *slog.Logger, registerer prometheus.Registerer) (*gateway.Node, error) {
	f, err := config.Load(dir)
	if err != nil {
		return nil, err
	}
	if f.Node.Kind != ledger.MemberClientNode {
		return nil, fmt.Errorf("the folder %s is not that of a client node", dir)
	}
	return gateway.Start(ctx, gateway.Config{Genesis: f.Genesis, ID: f.Node.ID, Listen: f.Node.Listen, ApplicationListen: f.Node.ApplicationListen,
		AllowAnonymous: f.Node.AllowAnonymous, Peers: f.Node.Peers, Identity: f.Identity, Travelling: replica.Travelling(), Logger: logger, Registerer: registerer})
}

// Process is a node in a process of its own.
type Process struct {
	ID   string
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// StartProcess runs `binary replica run` or `binary client-node run` on a
// folder, with more arguments behind. Its log goes to a file in the folder; it dies with this process.
func StartProcess(binary, kind, dir string, more ...string) (*Process, error) {
	logFile, err := os.OpenFile(filepath.Join(dir, "log.txt"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) // #nosec G304 -- our own folder
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", dir, err)
	}
	defer func() { _ = logFile.Close() }() // the child has its own
	args := append([]string{kind, "run", "--home", dir}, more...)
	cmd := exec.Command(binary, args...) // #nosec G204 -- this very program
	cmd.Stdout, cmd.Stderr = logFile, logFile
	cmd.SysProcAttr = processAttributes()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", dir, err)
	}
	p := &Process{ID: filepath.Base(dir), cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// PID of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err is how it ended.
func (p *Process) Err() error { return p.err }

// Kill ends it at once, as a crash would.
func (p *Process) Kill() error {
	err := p.cmd.Process.Kill()
	<-p.done
	return err
}

// Stop asks it to end, and kills it when the context is over.
func (p *Process) Stop(ctx context.Context) error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return errors.Join(ctx.Err(), p.Kill())
	}
}

// WaitReady returns a connected client once enough replicas answer for the
// ledger to progress.
func WaitReady(ctx context.Context, n *Network, url string) (*client.Client, error) {
	var last error
	for ctx.Err() == nil {
		c, err := client.Connect(ctx, client.Options{URL: url, Timeout: 5 * time.Second, Name: "devnet"})
		if err == nil {
			if last = ready(ctx, c, n); last == nil {
				return c, nil
			}
			c.Close()
		} else {
			last = err
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond): // poll: there is nobody to tell us
		}
	}
	return nil, fmt.Errorf("the network did not become ready: %w", errors.Join(last, ctx.Err()))
}

func ready(ctx context.Context, c *client.Client, n *Network) error {
	st, err := c.Status(ctx)
	if err != nil {
		return err
	}
	answering := 0
	for _, r := range st.GetReplicas() {
		if r.GetReachable() {
			answering++
		}
	}
	if answering < len(n.Replicas) {
		return fmt.Errorf("%d of %d replicas answer", answering, len(n.Replicas))
	}
	return nil
}
