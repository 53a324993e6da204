package tree

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever is read as a page is one, or refused: no panic, and no memory beyond its size.
func FuzzParsePage(f *testing.F) {
	t := New(NewCache(nil, 0))
	var changes []Change
	for i := range 40 {
		changes = append(changes, Change{Key: []byte{0, byte(i), 'k'}, Size: i})
	}
	full, err := t.Apply(changes)
	require.NoError(f, err)
	_, err = full.Flush(0, func(raw []byte) (uint64, error) { f.Add(slices.Clone(raw)); return 1, nil })
	require.NoError(f, err)
	f.Add(full.entry())
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, entries, err := parsePage(raw)
		if err == nil {
			require.NotNil(t, n.kids.Load())
			require.LessOrEqual(t, entries, entriesMax+1)
		}
		_, _ = Open(nil, raw)
	})
}
