//go:build misbehave

package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/actors/replica"
	"github.com/concordat-ledger/concordat/node/misbehave"
)

// replicaExtras adds what only this program can do to a replica.
func replicaExtras(run *cobra.Command) func(*replica.Config) error {
	var kind string
	var offset time.Duration
	run.Flags().StringVar(&kind, "misbehave", "", "attack the others: "+strings.Join(misbehave.Kinds(), ", "))
	run.Flags().DurationVar(&offset, "clock-offset", 0, "run with a clock that is wrong by so much")
	return func(cfg *replica.Config) error {
		if offset != 0 {
			cfg.Clock = func() time.Time { return time.Now().Add(offset) }
		}
		if kind == "" {
			return nil
		}
		return misbehave.Apply(kind, cfg)
	}
}
