package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/actors/replica"
	"github.com/concordat-ledger/concordat/node/devnet"
)

const stopTimeout = 15 * time.Second

// runUntilDone waits for the node to end by itself or to be told to.
func runUntilDone(ctx context.Context, n devnet.Running) error {
	select {
	case <-n.Done():
		return n.Err()
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return n.Stop(stop)
}

func replicaCommand() *cobra.Command {
	var home, level, metrics string
	var extras func(*replica.Config) error
	run := &cobra.Command{Use: "run", Short: "Run a replica until it is told to stop", Args: cobra.NoArgs,
		Example: "  concordat replica run --home /srv/concordat/replica-0",
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger := newLogger(level)
			registry, stop, err := serveMetrics(cmd.Context(), metrics, logger)
			if err != nil {
				return err
			}
			defer stop()
			var wrong error
			r, err := devnet.StartReplica(cmd.Context(), home, logger, registry, func(cfg *replica.Config) { wrong = extras(cfg) })
			if err = errors.Join(wrong, err); err != nil {
				return err
			}
			_, _ = fmt.Fprintln(cmd.OutOrStdout(), "replica is running at", r.Addr())
			return runUntilDone(cmd.Context(), r)
		}}
	run.Flags().StringVar(&home, "home", ".", "the replica's folder")
	run.Flags().StringVar(&level, "log-level", "info", "debug, info, warn or error")
	run.Flags().StringVar(&metrics, "metrics", "", "address to serve Prometheus metrics at, such as 127.0.0.1:9464")
	extras = replicaExtras(run)
	c := &cobra.Command{Use: "replica", Short: "Run a replica"}
	c.AddCommand(run)
	return c
}

func clientNodeCommand() *cobra.Command {
	var home, level, metrics string
	run := &cobra.Command{Use: "run", Short: "Run a client node until it is told to stop", Args: cobra.NoArgs,
		Example: "  concordat client-node run --home /srv/concordat/client-node-0",
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger := newLogger(level)
			registry, stop, err := serveMetrics(cmd.Context(), metrics, logger)
			if err != nil {
				return err
			}
			defer stop()
			n, err := devnet.StartClientNode(cmd.Context(), home, logger, registry)
			if err != nil {
				return err
			}
			_, _ = fmt.Fprintln(cmd.OutOrStdout(), "client node serves applications at", n.ApplicationURL())
			return runUntilDone(cmd.Context(), n)
		}}
	run.Flags().StringVar(&home, "home", ".", "the client node's folder")
	run.Flags().StringVar(&level, "log-level", "info", "debug, info, warn or error")
	run.Flags().StringVar(&metrics, "metrics", "", "address to serve Prometheus metrics at, such as 127.0.0.1:9464")
	c := &cobra.Command{Use: "client-node", Short: "Run a client node"}
	c.AddCommand(run)
	return c
}
