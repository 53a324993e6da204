package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/node/devnet"
)

const devReady = 30 * time.Second

func devCommand(f *flags) *cobra.Command {
	var processes bool
	var faults, slow int
	c := &cobra.Command{Use: "dev", Short: "Run a ledger on this machine until Ctrl-C", Args: cobra.NoArgs,
		Example: "  concordat dev\n  concordat dev --processes --dir ./ledger",
		RunE: func(cmd *cobra.Command, _ []string) error {
			begun := time.Now()
			dir, cleanup, err := workDir(f.dir)
			if err != nil {
				return err
			}
			defer cleanup()
			n, err := devnet.Create(devnet.Options{Dir: dir, F: faults, C: slow, ClientNodes: 2, Shadow: devnet.ShadowAll()})
			if err != nil {
				return err
			}
			// The nodes outlive a Ctrl-C until they are stopped in order.
			local, err := devnet.StartLocal(context.WithoutCancel(cmd.Context()), n, processes, newLogger("error"))
			if err != nil {
				return err
			}
			stop := func() error {
				ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
				defer cancel()
				return local.Stop(ctx)
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), devReady)
			defer cancel()
			cl, err := devnet.WaitReady(ctx, n, n.URLs[0])
			if err != nil {
				_ = stop() // the reason is err
				return err
			}
			cl.Close()
			printDev(cmd, n, time.Since(begun))
			<-cmd.Context().Done()
			return stop()
		}}
	c.Flags().BoolVar(&processes, "processes", false, "run each node in a process of its own")
	c.Flags().IntVar(&faults, "f", 1, "Byzantine replicas tolerated")
	c.Flags().IntVar(&slow, "c", 0, "further slow replicas that the fast path tolerates")
	return c
}

// workDir is the folder asked for, or a temporary one that is removed at the end.
func workDir(asked string) (dir string, cleanup func(), err error) {
	if asked != "" {
		return asked, func() {}, nil
	}
	dir, err = os.MkdirTemp("", "concordat-")
	if err != nil {
		return "", nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil // what cannot be removed is left in the temporary folder
}

func printDev(cmd *cobra.Command, n *devnet.Network, took time.Duration) {
	_, _ = fmt.Fprintf(cmd.OutOrStdout(), `ledger %q is ready after %s: %d replicas, %d client nodes
  id      %s
  folder  %s
  url     %s

in another terminal:
  export CONCORDAT_URL=%s CONCORDAT_DIR=%s
  concordat status
  concordat contract deploy token example:token-go symbol=EUR --as admin@org0
  concordat invoke token mint to=alice@org0 amount=1000 --as admin@org0
  concordat invoke token transfer to=bob@org1 amount=10 --as alice@org0
  concordat query token balance_of party=bob@org1
  concordat block list
  nats --server %s req concordat.status '{}'

Ctrl-C stops it.
`, n.Genesis.Name, took.Round(time.Millisecond), len(n.Replicas), len(n.Clients), n.ID, n.Dir, n.URLs[0], n.URLs[0], n.Dir, n.URLs[0])
}
