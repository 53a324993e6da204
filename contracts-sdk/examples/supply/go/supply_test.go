package main

import (
	"os"
	"testing"

	"github.com/concordat-ledger/concordat/contracts-sdk/go/ledgertest"
)

// The contract does what the shared vectors say, without a node and without
// WebAssembly.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("../vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	if err := ledgertest.Replay("supply", string(text)); err != nil {
		t.Fatal(err)
	}
}
