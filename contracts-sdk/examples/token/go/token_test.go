package main

import (
	"os"
	"strings"
	"testing"

	"github.com/concordat-ledger/concordat/contracts-sdk/go/ledgertest"
)

func vectors(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The contract does what the shared vectors say, without a node and without
// WebAssembly.
func TestVectors(t *testing.T) {
	if err := ledgertest.Replay("token", vectors(t)); err != nil {
		t.Fatal(err)
	}
}

// Vectors that say anything else are refused, whatever it is.
func TestOtherVectorsAreRefused(t *testing.T) {
	text := vectors(t)
	for _, change := range [][2]string{
		{"ok 0a020258", "ok 0a020259"},
		{"ok 0a020258", "fail 1 no"},
		{"ok 0a020258", "trap"},
		{"fail 1 only mint@b makes units", "fail 2 only mint@b makes units"},
		{"fail 1 only mint@b makes units", "fail 1 nobody makes units"},
		{"fail 1 only mint@b makes units", "ok -"},
		{"event transfer 1207616c69636540611a0203e8", "event transfer 1207616c69636540611a0203e9"},
		{"event transfer 1207616c69636540611a0203e8", "event transfer 1207616c69636540611a0203e8 for=alice@a"},
		{"event transfer 1207616c69636540611a0203e8\n", ""},
		{"state 0762616c616e636505626f624062 0190", "state 0762616c616e636505626f624062 0191"},
		{"state 0762616c616e636505626f624062 0190", "state 0762616c616e636505626f624062 0190 for=bob@b"},
		{"state 0762616c616e636505626f624062 0190\n", ""},
		{"call carol@c total_supply -\n", "call carol@c total_supply -\nasks other get - ok -\n"},
		{"call alice@a info", "ask alice@a info"},
	} {
		other := strings.Replace(text, change[0], change[1], 1)
		if other == text {
			t.Fatalf("the vectors have no %q", change[0])
		}
		if ledgertest.Replay("token", other) == nil {
			t.Errorf("%q instead of %q is not noticed", change[1], change[0])
		}
	}
}
