//go:build !misbehave

package main

import (
	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/actors/replica"
)

// replicaExtras adds nothing: attacks are in no program but that of the build tag
// misbehave.
func replicaExtras(*cobra.Command) func(*replica.Config) error {
	return func(*replica.Config) error { return nil }
}
