package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
)

// A contract in Go that panics tells its stack in pieces, as its runtime writes them.
func TestAStackInPiecesIsOneStep(t *testing.T) {
	var steps []*ledgerpb.TraceStep
	log := func(contract string, hidden bool, texts ...string) {
		for _, text := range texts {
			steps = append(steps, &ledgerpb.TraceStep{Depth: 1, Contract: contract, What: "log", Value: []byte(text), Hidden: hidden, Found: true})
		}
	}
	log("till", false, "first", "second \x1b[31m\u009b", "panic: ", "no change\x1b[31m", "\n", "\n", "goroutine ", "1", " [running]:\n", "main.pay(", "0x1", ")\n", "\t", "till.go", ":", "12", "\n")
	log("token", true, "", "", "")
	log("till", false, "unreachable: panic: no change", "\xff")
	var out strings.Builder
	shown := viewSteps(steps)
	for i := range shown {
		out.WriteString(shown[i].lines())
	}
	require.Equal(t, "  till log first\n  till log second �[31m�\n  till log panic: no change�[31m\n      \n      goroutine 1 [running]:\n      main.pay(0x1)\n          till.go:12\n"+
		"  token log (not shown to you)\n  till log unreachable: panic: no change\n  till log hex:ff\n", out.String())
	require.Len(t, shown, 6)
}
