// Package parity holds a contract that does what a script says, and a file of scripts
// with what comes of them. The same file is replayed natively, on the ledger in memory
// (go/), and on the built module in the engine: what a contract author sees in a test
// is what a ledger does.
package parity
