package cryptography_test

import (
	"os"
	"strings"
	"testing"

	"github.com/concordat-ledger/concordat/ledger"
)

// The prices of wasm/module/gastable.go come from here.
func BenchmarkOperations(b *testing.B) {
	text, err := os.ReadFile("testdata/known.txt")
	if err != nil {
		b.Fatal(err)
	}
	inputs := map[string][]byte{"receipt": receipt(b), "bls-aggregate of 64": aggregate(64),
		"merkle": inclusion(ledger.Hash{}, 0, 1<<63, make(ledger.MerklePath, 63), []byte("leaf")), "merkle of one": inclusion(ledger.Hash{}, 0, 1, nil, nil)}
	for _, line := range strings.Split(string(text), "\n") {
		if f := strings.Fields(line); len(f) > 2 && f[0] != "#" && f[1] != "-" {
			inputs[f[0]] = unhex(b, f[2])
		}
	}
	for name, in := range inputs {
		do := operations[strings.Split(name, " ")[0]]
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				do(in)
			}
		})
		if name != "ed25519" && name != "sha256" && name != "sha512" && name != "keccak256" && name != "blake3" {
			continue
		}
		long := append(append([]byte{}, in...), make([]byte, 64<<10)...)
		b.Run(name+" and 64 KiB", func(b *testing.B) {
			for b.Loop() {
				do(long)
			}
		})
	}
}
