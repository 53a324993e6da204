package storage

import (
	"bytes"
	"cmp"
	"slices"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/y"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Whatever tables there are, side by side as Badger keeps them or not: those are looked at
// in which a key can stand, and no others.
func TestATableInWhichAKeyCanStandIsLookedAt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.ByteRange('a', 'e'), 1, 3)
		var all []badger.TableInfo
		for level := range 4 {
			keys := rapid.SliceOfN(key, 0, 20).Draw(t, "keys")
			if rapid.IntRange(0, 3).Draw(t, "broken") > 0 {
				slices.SortFunc(keys, bytes.Compare)
			}
			for ; len(keys) > 1; keys = keys[2:] {
				all = append(all, badger.TableInfo{ID: uint64(len(all) + 1), Level: level, Left: y.KeyWithTs(keys[0], 9), Right: y.KeyWithTs(keys[1], 3)})
			}
		}
		from := key.Draw(t, "from")
		to := slices.MaxFunc([][]byte{from, key.Draw(t, "to")}, bytes.Compare)
		var want, got []uint64
		for _, info := range all {
			if bytes.Compare(y.ParseKey(info.Left), to) <= 0 && bytes.Compare(y.ParseKey(info.Right), from) >= 0 {
				want = append(want, info.ID)
			}
		}
		require.NoError(t, newLevels(all).between(from, to, func(id uint64) error { got = append(got, id); return nil }))
		slices.SortFunc(got, cmp.Compare)
		require.Equal(t, want, got)
	})
}
