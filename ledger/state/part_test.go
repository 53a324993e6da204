package state_test

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/ledger/state"
)

// cut gives the parts of a tree, and its root.
func cut(t require.TestingT, depth int, pairs []state.Pair) (parts []state.Part, of [][]state.Pair) {
	of = make([][]state.Pair, 1<<depth)
	for _, p := range pairs {
		i := state.PartIndex(depth, p.Key)
		of[i] = append(of[i], p)
	}
	for i := range of {
		p, err := state.PartOf(depth, i, of[i])
		require.NoError(t, err)
		parts = append(parts, p)
	}
	return parts, of
}

func TestThePartsOfAnyStateGiveItsRoot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, depth := rapid.IntRange(0, 200).Draw(t, "keys"), rapid.IntRange(0, 9).Draw(t, "depth")
		var pairs []state.Pair
		var l state.Loader
		for i := range n {
			p := state.Pair{Key: fmt.Appendf(nil, "key-%d", i), Value: fmt.Appendf(nil, "value-%d", rapid.IntRange(0, 3).Draw(t, "value"))}
			pairs = append(pairs, p)
			l.Add(p.Key, p.Value)
		}
		rand.New(rand.NewSource(int64(n))).Shuffle(n, func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
		root := l.Tree().Root()
		parts, of := cut(t, depth, pairs)
		got, err := state.JoinParts(depth, parts)
		require.NoError(t, err)
		require.Equal(t, root, got)
		if n == 0 {
			return
		}

		// Nothing can be changed, left out, added, or put elsewhere.
		victim := rapid.IntRange(0, n-1).Draw(t, "victim")
		i := state.PartIndex(depth, pairs[victim].Key)
		var without []state.Pair
		for _, p := range of[i] {
			if string(p.Key) != string(pairs[victim].Key) {
				without = append(without, p)
			}
		}
		for _, wrong := range [][]state.Pair{without,
			append(without, state.Pair{Key: pairs[victim].Key, Value: []byte("another")}),
			append(of[i][:len(of[i]):len(of[i])], of[i][0])} {
			p, err := state.PartOf(depth, i, wrong)
			require.False(t, err == nil && p == parts[i])
		}
		if depth > 0 {
			_, err = state.PartOf(depth, i^1, of[i])
			require.ErrorIs(t, err, state.ErrPart)
		}
	})
}

// A lone leaf moves up in the tree, and a list that shows it in another part would
// give the same root: it is refused.
func TestALoneKeyIsShownInItsPartOnly(t *testing.T) {
	pairs := []state.Pair{{Key: []byte("a"), Value: []byte("1")}}
	parts, _ := cut(t, 3, pairs)
	at := state.PartIndex(3, pairs[0].Key)
	parts[at], parts[at^1] = parts[at^1], parts[at]
	_, err := state.JoinParts(3, parts)
	require.ErrorIs(t, err, state.ErrPart)
	for _, depth := range []int{-1, 2, 4, state.PartsDepthMax + 1} {
		_, err = state.JoinParts(depth, parts)
		require.ErrorIs(t, err, state.ErrPart, depth)
	}
	_, err = state.PartOf(3, 8, nil)
	require.ErrorIs(t, err, state.ErrPart)
}
