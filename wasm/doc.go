// Package wasm runs contracts: WebAssembly modules in wazero, alike on every
// replica.
//
// In: a module's bytes, then calls of its methods with a State and a gas limit.
// Out: an Outcome that depends on the module, the call and the state alone. A
// module is checked and rewritten once (wasm/module), initialised and warmed up
// once, and its memory kept as a snapshot (wasm/memory); each call starts from the
// snapshot, sees the host functions of wasm/host, and leaves nothing behind.
//
// Nothing here depends on the clock or on local limits: what a replica cannot do
// for reasons of its own is the status Halt, never a result.
package wasm

import "github.com/concordat-ledger/concordat/wasm/host"

// The words of a call are those of wasm/host.
type (
	Call      = host.Call
	State     = host.State
	Iterator  = host.Iterator
	Outcome   = host.Outcome
	Status    = host.Status
	Attribute = host.Attribute
	Readers   = host.Readers
)

// The statuses of an Outcome.
const (
	OK       = host.OK
	Failed   = host.Failed
	Trapped  = host.Trapped
	OutOfGas = host.OutOfGas
	Halt     = host.Halt
)
