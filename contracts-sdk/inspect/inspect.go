// Package inspect tells what a module is, as the ledger will see it.
//
// In: a module's bytes. Out: its parts, what it imports and exports, how much of
// each limit it uses, its schema, and the gas that it takes to get ready. The
// module is compiled and initialised by the real engine, so what the ledger would
// refuse is an error here, in the same words.
package inspect

import (
	"context"
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/module"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// Report is what there is to tell about a module.
type Report struct {
	Hash     string           `json:"hash"`
	Bytes    int              `json:"bytes"`
	Sections []module.Section `json:"sections"`
	Imports  []string         `json:"imports"`
	Exports  []string         `json:"exports"`
	Limits   []Limit          `json:"limits"`
	GasReady uint64           `json:"gas_ready"` // of _initialize and warm, once
	Schema   *schema.Schema   `json:"schema,omitempty"`
}

// Limit is what a module uses of what it may.
type Limit struct {
	What string `json:"what"`
	Used uint64 `json:"used"`
	Most uint64 `json:"most"`
}

// Share is the part that is used, in percent, rounded up.
func (l Limit) Share() uint64 { return (100*l.Used + l.Most - 1) / l.Most }

// Module compiles and initialises a module and reports on it. The error is a
// *module.Refusal when the ledger would refuse the module.
func Module(ctx context.Context, code []byte) (*Report, error) {
	sections, err := module.Sections(code)
	if err != nil {
		return nil, err
	}
	e, err := wasm.New(ctx, wasm.Config{})
	if err != nil {
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	m, err := e.Compile(ctx, code)
	if err != nil {
		return nil, errors.Join(err, e.Close(ctx))
	}
	info := m.Info()
	r := &Report{Hash: m.Hash().String(), Bytes: len(code), Sections: sections, Imports: info.Imports, Exports: info.Exports, GasReady: m.GasReady(), Limits: limits(info, m.GasReady())}
	if info.Schema != nil {
		r.Schema, err = schema.Parse(info.Schema)
	}
	return r, errors.Join(err, m.Close(ctx), e.Close(ctx))
}

func limits(i *module.Info, ready uint64) []Limit {
	of := func(what string, used int, most uint64) Limit {
		return Limit{what, uint64(max(used, 0)), most} // #nosec G115 -- not negative
	}
	return []Limit{
		of("bytes", i.Bytes, module.ModuleBytesMax),
		of("functions", i.Functions, module.FunctionsMax),
		of("bytes of the largest function", i.BodyBytesLargest, module.BodyBytesMax),
		of("blocks of the largest function", i.BlocksLargest, module.BlocksMax),
		of("data segments", i.DataSegments, module.DataSegmentsMax),
		of("pages of memory at the start", int(i.MemoryPagesMin), module.MemoryPagesMax),
		of("bytes of the schema", len(i.Schema), module.SchemaBytesMax),
		{"nanoseconds of the budget to compile", i.CompileCost, module.CompileBudget},
		{"gas to get ready", ready, wasm.GasInitialise},
	}
}
