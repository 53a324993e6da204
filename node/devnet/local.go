package devnet

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/prometheus/client_golang/prometheus"
)

// Local is a network that runs: its nodes by name.
type Local struct {
	Net   *Network
	Nodes map[string]Running
	order []string
}

// StartLocal runs all nodes, in this process or each in one of its own.
func StartLocal(ctx context.Context, n *Network, processes bool, logger *slog.Logger) (*Local, error) {
	l := &Local{Net: n, Nodes: map[string]Running{}}
	start := func(kind, dir string) (Running, error) {
		switch {
		case processes:
			binary, err := os.Executable()
			if err != nil {
				return nil, err
			}
			return StartProcess(binary, kind, dir)
		case kind == "replica":
			return StartReplica(ctx, dir, logger.With("node", dir), prometheus.NewRegistry())
		default:
			return StartClientNode(ctx, dir, logger.With("node", dir), prometheus.NewRegistry())
		}
	}
	for kind, dirs := range map[string][]string{"replica": n.Replicas, "client-node": n.Clients} {
		for _, dir := range dirs {
			node, err := start(kind, dir)
			if err != nil {
				return nil, errors.Join(err, l.Stop(ctx))
			}
			l.Nodes[dir] = node
			l.order = append(l.order, dir)
		}
	}
	return l, nil
}

// Stop ends all nodes.
func (l *Local) Stop(ctx context.Context) error {
	var errs []error
	for _, dir := range l.order {
		errs = append(errs, l.Nodes[dir].Stop(ctx))
	}
	return errors.Join(errs...)
}
