// Command state compares the ledger's state tree with its store against other
// authenticated structures: the same keys, values and blocks, each in a process of its own,
// in rounds that take turns.
//
//	go run . -n 10000,100000,1000000
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"
)

// plan is what to measure.
type plan struct {
	dir       string
	kinds     []kind
	counts    []int
	rounds    int // of uniformly random blocks
	zipf      int // of blocks by Zipf's law
	blocks    int // of a round
	loadLimit time.Duration
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "state:", err)
		os.Exit(1)
	}
}

func run() error {
	var (
		p       plan
		names   = flag.String("kinds", "", "structures, all if empty: "+strings.Join(kindNames(kinds), ","))
		counts  = flag.String("n", "10000,100000,1000000", "numbers of keys")
		profile = flag.String("profile", "", "file for a CPU profile of a process that serves")
		serving = flag.String("serve", "", "used by the program itself")
	)
	flag.StringVar(&p.dir, "dir", "", "folder for the stores, a temporary one if empty")
	flag.IntVar(&p.rounds, "rounds", 5, "rounds of uniformly random blocks")
	flag.IntVar(&p.zipf, "zipf", 2, "rounds of blocks by Zipf's law")
	flag.IntVar(&p.blocks, "blocks", 20, "blocks of a round")
	flag.DurationVar(&p.loadLimit, "load", 10*time.Minute, "leave out what would take longer to load")
	flag.Parse()
	for _, s := range strings.Split(*counts, ",") {
		n, err := strconv.Atoi(s)
		if err != nil {
			return fmt.Errorf("the number of keys %q: %w", s, err)
		}
		p.counts = append(p.counts, n)
	}
	if *serving != "" {
		k, err := kindOf(*serving)
		if err != nil {
			return err
		}
		return profiled(*profile, func() error { return (&child{kind: k, dir: p.dir, n: p.counts[0]}).serve(os.Stdin, os.Stdout) })
	}
	p.kinds = kinds
	if *names != "" {
		p.kinds = nil
		for _, name := range strings.Split(*names, ",") {
			k, err := kindOf(name)
			if err != nil {
				return err
			}
			p.kinds = append(p.kinds, k)
		}
	}
	if p.dir == "" {
		dir, err := os.MkdirTemp("", "state")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		p.dir = dir
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return p.run(ctx, os.Stdout, os.Stderr)
}

// profiled runs something with a CPU profile, if there is a file for it.
func profiled(path string, do func() error) error {
	if path == "" {
		return do()
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	err = do()
	pprof.StopCPUProfile()
	return errors.Join(err, f.Close())
}

func kindNames(kinds []kind) []string {
	var out []string
	for _, k := range kinds {
		out = append(out, k.name)
	}
	return out
}
