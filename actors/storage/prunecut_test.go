package storage_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
)

// The power fails between any two syncs of a store that commits and prunes: of each block
// all is there, or what stays of it, and what is held in any case.
func TestAPowerCutWhilePruning(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs one thing after the other, which the race detector learns nothing from")
	}
	checks(t, 15)
	rapid.Check(t, func(rt *rapid.T) {
		base, err := os.MkdirTemp(t.TempDir(), "cut")
		require.NoError(rt, err)
		defer func() { require.NoError(rt, os.RemoveAll(base)) }()
		dir := filepath.Join(base, "store")
		s, err := storage.Open(dir, childOptions())
		require.NoError(rt, err)
		p, c := newPast(), newChain(rapid.Uint64().Draw(rt, "chain"), 20, 50)
		var images []*image
		see := func() {
			tip, _ := s.Tip()
			images = append(images, takeImage(rt, dir, tip))
		}
		see()
		s.OnSync(see)
		for range rapid.IntRange(3, 9).Draw(rt, "blocks") {
			b := c.next()
			p.add(b)
			require.NoError(rt, s.Commit(b))
			for range rapid.IntRange(0, 2).Draw(rt, "steps") {
				_, err := s.PruneBlocks(b.Height-min(b.Height, 2), rapid.IntRange(1, 3).Draw(rt, "most"), holdSome.Holds)
				require.NoError(rt, err)
			}
		}
		see()
		require.NoError(rt, s.Close())
		for range 3 {
			i := rapid.IntRange(0, len(images)-2).Draw(rt, "sync")
			broken := filepath.Join(base, "broken")
			cut(rt, broken, images[i], images[i+1])
			p.survives(rt, broken, images[i].tip)
			require.NoError(rt, os.RemoveAll(broken))
		}
	})
}

// survives opens a store after a power cut, and completes what was being pruned.
func (p *past) survives(t *rapid.T, dir string, acknowledged ledger.Height) {
	s, err := storage.Open(dir, childOptions())
	require.NoError(t, err)
	tip, _ := s.Tip()
	require.GreaterOrEqual(t, tip, acknowledged, "an acknowledged block is lost")
	there := newPast()
	for _, b := range p.blocks[:tip] {
		there.add(b)
	}
	there.hold(1, s.Oldest(), holdSome.Holds)
	there.check(t, s)
	for n := 1; n > 0; {
		n, err = s.PruneBlocks(0, 2, nil)
		require.NoError(t, err)
	}
	chunks, places := s.Leftovers(t, s.Oldest())
	require.Equal(t, [2]int{}, [2]int{chunks, places})
	there.check(t, s)
	require.NoError(t, s.Close())
}
