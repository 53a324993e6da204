package main

import (
	"encoding/hex"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
	"github.com/concordat-ledger/concordat/contracts-sdk/go/ledgertest"
)

// The contract does what the shared vectors say, without a node and without
// WebAssembly.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("../vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	var l *ledgertest.Ledger
	var out []byte
	var events, states int
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		f := strings.SplitN(rest, " ", 3)
		switch word {
		case "case":
			if l != nil && (events != len(l.Events) || states != len(l.State)) {
				t.Fatalf("%d events and %d records, not %d and %d", len(l.Events), len(l.State), events, states)
			}
			l, events, states = ledgertest.New("token"), 0, 0
		case "call":
			out, err = l.As(concordat.Party(f[0])).CallRaw(f[1], unhex(t, f[2]))
		case "ok":
			if err != nil || string(out) != string(unhex(t, f[0])) {
				t.Fatalf("%s: %x, %v", line, out, err)
			}
		case "fail":
			code, message, _ := strings.Cut(rest, " ")
			var e *concordat.Error
			if !errors.As(err, &e) || strconv.FormatUint(uint64(e.Code), 10) != code || e.Message != message {
				t.Fatalf("%s: %v", line, err)
			}
		case "event":
			if events >= len(l.Events) || l.Events[events].Topic != f[0] || string(l.Events[events].Data) != string(unhex(t, f[1])) {
				t.Fatalf("%s: %v", line, l.Events[events:])
			}
			events++
		case "state":
			if string(l.State[string(unhex(t, f[0]))]) != string(unhex(t, f[1])) {
				t.Fatalf("%s: %x", line, l.State[string(unhex(t, f[0]))])
			}
			states++
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.TrimPrefix(s, "-"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
