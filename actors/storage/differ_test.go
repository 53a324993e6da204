package storage_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// The first difference of two states is found, whatever it is, and nothing is said of
// equal ones.
func TestTheFirstDifferenceOfTwoStates(t *testing.T) {
	g := newGrove(t, filepath.Join(t.TempDir(), "store"))
	all := make([]int, 300)
	for i := range all {
		all[i] = i
	}
	g.commit(t, all, nil, 0)
	g.commit(t, []int{3, 40}, []int{7}, 1)
	defer func() { require.NoError(t, g.store.Close()) }()
	var places []string
	for p := range g.model[2] {
		places = append(places, p)
	}
	slices.Sort(places)
	rapid.Check(t, func(t *rapid.T) {
		theirs := map[string][]byte{}
		for _, p := range places {
			theirs[p] = g.model[2][p]
		}
		changed := rapid.SliceOfN(rapid.IntRange(0, len(places)-1), 0, 3).Draw(t, "changed")
		kind := rapid.IntRange(0, 2).Draw(t, "kind")
		for _, i := range changed {
			switch kind {
			case 0:
				theirs[places[i]] = append(slices.Clone(theirs[places[i]]), 'x')
			case 1:
				delete(theirs, places[i])
			default:
				addBehind(t, theirs, places[i])
			}
		}
		var order []string
		for p := range theirs {
			order = append(order, p)
		}
		slices.Sort(order)
		d, err := g.store.FirstDifference(2, func(emit func(k, v []byte) error) error {
			for _, p := range order {
				key, err := state.KeyOf([]byte(p))
				if err != nil {
					return err
				}
				if err := emit(key, theirs[p]); err != nil {
					return err
				}
			}
			return nil
		})
		require.NoError(t, err)
		if len(changed) == 0 {
			require.Nil(t, d)
			return
		}
		first := places[slices.Min(changed)]
		key, err := state.KeyOf([]byte(first))
		require.NoError(t, err)
		if kind == 2 {
			key = append(slices.Clone(key), '+')
		}
		require.Equal(t, string(key), string(d.Key))
		require.Equal(t, kind == 2, d.Ours == nil)
		require.Equal(t, kind == 1, d.Theirs == nil)
		require.Equal(t, ledger.Height(2), d.Height)
		require.Contains(t, d.String(), "of block")
	})
}

// addBehind adds a record to a state whose key is longer than another's by a sign.
func addBehind(t *rapid.T, theirs map[string][]byte, place string) {
	key, err := state.KeyOf([]byte(place))
	require.NoError(t, err)
	r, err := state.DecodeRecord(theirs[place])
	require.NoError(t, err)
	more := append(slices.Clone(key), '+')
	theirs[string(state.Place(r.Audience.Encode(), more))] = state.EncodeRecord(r.Audience.Encode(), state.Provenance{Height: 2}, nil)
}
