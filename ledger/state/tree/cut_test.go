package tree_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// chains are the keys of someone who wants too many parts: each heavy record lies at the
// end of a long key, and along its way hangs a tiny one at nearly every bit.
func chains(count, heavy int) (out []tree.Change) {
	for i := range count {
		long := make([]byte, state.PlacedBytesMax)
		long[1] = byte(i)
		for at := 2; at < len(long); at++ {
			for bit := range 8 {
				key := slices.Clone(long[:at+1])
				key[at] |= 1 << bit
				out = append(out, tree.Change{Key: key, Record: ledger.Hash{byte(bit)}, Size: len(key) + 50})
			}
		}
		out = append(out, tree.Change{Key: long, Record: ledger.Hash{1}, Size: heavy})
	}
	return out
}

// A manifest with more parts is refused by everyone, and nobody could join any more.
func TestKeysThatWereChosenForItMakeNotTooManyParts(t *testing.T) {
	const partBytes = 256 << 10
	changes := chains(32, 2*partBytes)
	require.Greater(t, len(changes), state.PartsMax)
	whole, err := tree.New(nil).Apply(changes)
	require.NoError(t, err)
	outline, parts, err := whole.Cut(partBytes)
	require.NoError(t, err)
	require.LessOrEqual(t, len(parts), state.PartsMax)
	require.Greater(t, len(parts), 32, "it is still cut")
	require.Len(t, outline.Parts(), len(parts))
	root, err := outline.Root()
	require.NoError(t, err)
	require.Equal(t, whole.Root(), root)

	// Whoever came to the same records another way cuts them alike.
	other := tree.New(nil)
	slices.Reverse(changes)
	for part := range slices.Chunk(changes, len(changes)/7) {
		other, err = other.Apply(part)
		require.NoError(t, err)
	}
	again, _, err := other.Cut(partBytes)
	require.NoError(t, err)
	require.Equal(t, outline, again)
}
