package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/node/bench"
	"github.com/concordat-ledger/concordat/node/devnet"
)

func (d *demo) binary() string {
	b, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return b
}

func benchCommand(f *flags) *cobra.Command {
	opt := bench.Options{Contract: "concordat", Method: "note"}
	var own bool
	var token string
	var sweep []float64
	c := &cobra.Command{Use: "bench", Short: "Load a ledger and measure throughput and latency", Args: cobra.NoArgs,
		Long: `Submits signed transactions and verifies every receipt. With --rate the load
is open: latency counts from the moment at which a transaction was due, so that a
stall is not hidden by sending less. Without it, each client has as many in flight
as --in-flight says.`,
		Example: "  concordat bench --own --token rust --duration 10s\n  concordat bench --rate 500 -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			url := f.url
			if own {
				n, stop, err := ownNetwork(cmd.Context())
				if err != nil {
					return err
				}
				defer stop()
				url, f.dir, f.as = n.URLs[0], n.Dir, "bench@org0"
			}
			signer, err := f.signer()
			if err != nil {
				return err
			}
			if token != "" {
				admin := *f
				admin.as = "admin@org0"
				by, err := admin.signer()
				if err != nil {
					return err
				}
				if err := benchToken(cmd.Context(), url, token, by, signer, &opt); err != nil {
					return err
				}
			}
			if len(sweep) > 0 {
				return benchSweep(cmd, f, url, signer, opt, sweep)
			}
			r, err := bench.Run(cmd.Context(), url, signer, opt)
			if err != nil {
				return err
			}
			return f.render(cmd.OutOrStdout(), r, func(w io.Writer) error { return benchTable(w, r) })
		}}
	fl := c.Flags()
	fl.DurationVar(&opt.Duration, "duration", 10*time.Second, "how long to measure")
	fl.DurationVar(&opt.Warmup, "warmup", 2*time.Second, "how long to load before measuring")
	fl.Float64Var(&opt.Rate, "rate", 0, "transactions a second, open loop; 0: closed loop")
	fl.IntVar(&opt.Clients, "clients", 2, "connections")
	fl.IntVar(&opt.InFlight, "in-flight", 64, "of each connection, in a closed loop; the most in an open one is 64 times that")
	fl.IntVar(&opt.Size, "size", 250, "bytes of a signed transaction, filled up by the arguments")
	fl.StringVar(&opt.Contract, "contract", opt.Contract, "contract to call")
	fl.StringVar(&opt.Method, "method", opt.Method, "method to call")
	fl.StringVar(&token, "token", "", "deploy the example token written in go or rust, and load it with transfers")
	fl.Float64SliceVar(&sweep, "sweep", nil, "run once for each of these rates, such as 1,500,1000,0; 0 is the closed loop")
	fl.BoolVar(&own, "own", false, "start a network of processes for this run, and stop it afterwards")
	return c
}

// ownNetwork starts four replica processes and a client node.
func ownNetwork(ctx context.Context) (n *devnet.Network, stop func(), err error) {
	dir, cleanup, err := workDir("")
	if err != nil {
		return nil, nil, err
	}
	if n, err = devnet.Create(devnet.Options{Dir: dir, F: 1, ClientNodes: 1}); err != nil {
		cleanup()
		return nil, nil, err
	}
	local, err := devnet.StartLocal(context.WithoutCancel(ctx), n, true, newLogger("error"))
	if err != nil {
		cleanup()
		return nil, nil, err
	}
	stop = func() {
		end, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		_ = local.Stop(end) // killed when it does not stop
		cleanup()
	}
	ready, err := devnet.WaitReady(ctx, n, n.URLs[0])
	if err != nil {
		stop()
		return nil, nil, err
	}
	ready.Close()
	return n, stop, nil
}

// benchSweep measures at several rates, one after the other.
func benchSweep(cmd *cobra.Command, f *flags, url string, signer client.Signer, opt bench.Options, rates []float64) error {
	var all []*bench.Report
	rows := [][]string{{"OFFERED", "TX/S", "P50 MS", "P90 MS", "P99 MS", "MAX MS", "TX/BLOCK", "ERRORS", "CPU", "RSS MIB"}}
	for _, rate := range rates {
		opt.Rate = rate
		r, err := bench.Run(cmd.Context(), url, signer, opt)
		if err != nil {
			return err
		}
		all = append(all, r)
		offered, failed := "closed loop", int64(0)
		if rate > 0 {
			offered = fmt.Sprintf("%g/s", rate)
		}
		for _, e := range r.Errors {
			failed += e.Count
		}
		// Replicas alone: the client node and this process are listed in the JSON.
		var cpu, most float64
		var rss int64
		for _, p := range r.Processes {
			if strings.HasPrefix(p.Name, "replica") {
				cpu, most, rss = cpu+p.CPUSeconds, most+1, max(rss, p.MiB)
			}
		}
		rows = append(rows, []string{offered, fmt.Sprintf("%.0f", r.PerSecond), fmt.Sprintf("%.1f", r.P50), fmt.Sprintf("%.1f", r.P90),
			fmt.Sprintf("%.1f", r.P99), fmt.Sprintf("%.1f", r.Max), fmt.Sprintf("%.0f", r.PerBlock), fmt.Sprint(failed),
			fmt.Sprintf("%.0f %%", 100*cpu/max(most, 1)/(opt.Duration+opt.Warmup).Seconds()), fmt.Sprint(rss)})
	}
	return f.render(cmd.OutOrStdout(), all, func(w io.Writer) error { return table(w, rows) })
}

func benchTable(w io.Writer, r *bench.Report) error {
	rows := [][]string{
		{"throughput", fmt.Sprintf("%.0f tx/s (%d in %.1f s)", r.PerSecond, r.Succeeded, r.Seconds)},
		{"p50", fmt.Sprintf("%.2f ms", r.P50)}, {"p90", fmt.Sprintf("%.2f ms", r.P90)}, {"p99", fmt.Sprintf("%.2f ms", r.P99)},
		{"p99.9", fmt.Sprintf("%.2f ms", r.P999)}, {"max", fmt.Sprintf("%.2f ms", r.Max)},
		{"tx per block", fmt.Sprintf("%.1f", r.PerBlock)}, {"envelope", fmt.Sprintf("%d bytes", r.Bytes)},
	}
	for _, e := range r.Errors {
		rows = append(rows, []string{"error", fmt.Sprintf("%d × %s", e.Count, e.Text)})
	}
	for _, p := range r.Processes {
		rows = append(rows, []string{p.Name, fmt.Sprintf("%.1f s CPU, %d MiB", p.CPUSeconds, p.MiB)})
	}
	return table(w, rows)
}
