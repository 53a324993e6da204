package cryptography_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger/cryptography"
)

// names of the operations, in order.
func names() []string {
	var out []string
	for name := range operations {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// No input panics, and each has one answer: a panic would stop every replica at the same
// block, for ever.
func FuzzOperations(f *testing.F) {
	text, err := os.ReadFile("testdata/known.txt")
	require.NoError(f, err)
	list := names()
	for _, line := range strings.Split(string(text), "\n") {
		if c := strings.Fields(line); len(c) > 2 && c[0] != "#" {
			f.Add(uint8(slices.Index(list, c[0])), unhex(f, c[2])) // #nosec G115 -- twelve names
		}
	}
	f.Add(uint8(slices.Index(list, "receipt")), receipt(f))
	f.Add(uint8(slices.Index(list, "bls-aggregate")), aggregate(3))
	f.Fuzz(func(t *testing.T, op uint8, in []byte) {
		do := operations[list[int(op)%len(list)]]
		before := slices.Clone(in)
		first := do(in)
		require.Equal(t, before, in, "the input is the contract's memory")
		require.Equal(t, first, do(in))
		require.LessOrEqual(t, cryptography.MerkleHashes(in), 255)
		require.LessOrEqual(t, cryptography.BLSSigners(in), 65_535)
	})
}
