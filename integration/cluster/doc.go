// Package cluster tests ledgers of real processes: the built program, its files,
// its sockets, and signals.
package cluster
