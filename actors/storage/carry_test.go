package storage_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
)

// A store that is replaced by a snapshot hands over what is held of pruned blocks and of
// whole ones, twice if the first time was cut off; the rest is gone, until it is fetched.
func TestWhatIsHeldMovesToTheStoreThatTakesOver(t *testing.T) {
	from := openAt(t, t.TempDir())
	p, c := newPast(), newChain(13, 16, 50)
	for range 20 {
		b := c.next()
		p.add(b)
		require.NoError(t, from.Commit(b))
		require.NoError(t, from.PutCertificate(b.Height, []byte{byte(b.Height)}))
	}
	for range 18 {
		p.add(c.next())
	}
	_, err := from.PruneBlocks(9, 8, holdSome.Holds)
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "store")
	opt := storage.Options{Ledger: ledger.ID{1}, MemTableBytes: 8 << 20, FreeBytesMin: 1}
	require.NoError(t, storage.Install(dir, opt, p.block(30), nil, func(func(k, v []byte) error) error { return nil }))
	to := openAt(t, dir)
	for range 2 {
		carried, damaged, err := storage.Carry(from, to, holdSome.Holds)
		require.NoError(t, err)
		require.Equal(t, [2]int{20, 0}, [2]int{carried, damaged})
	}
	require.NoError(t, from.Close())
	require.NoError(t, to.Close())
	to = openAt(t, dir)
	for h := ledger.Height(31); h <= 38; h++ {
		require.NoError(t, to.Commit(p.block(h)))
	}
	p.hold(1, 21, holdSome.Holds)
	for h := ledger.Height(1); h <= 20; h++ {
		p.checkItems(t, to, p.block(h), to.Oldest())
		cert, ok, err := to.Certificate(h)
		require.NoError(t, err)
		require.True(t, ok && cert[0] == byte(h))
		_, err = to.Block(h)
		require.ErrorIs(t, err, storage.ErrPruned)
	}
	_, err = to.Block(25)
	require.ErrorIs(t, err, storage.ErrNotHeld)
	for h := ledger.Height(29); h >= 15; h-- { // some are fetched again, whole
		require.NoError(t, to.PutOlder(p.block(h), nil))
	}
	for h := ledger.Height(1); h <= 38; h++ {
		p.checkItems(t, to, p.block(h), to.Oldest())
	}
	p.checkPlaces(t, to, to.Oldest())
	p.hold(15, 36, holdSome.Holds)
	for n := 1; n > 0; {
		n, err = to.PruneBlocks(36, 8, holdSome.Holds)
		require.NoError(t, err)
	}
	for h := ledger.Height(1); h <= 38; h++ {
		p.checkItems(t, to, p.block(h), to.Oldest())
	}
	p.checkPlaces(t, to, to.Oldest())
	require.NoError(t, to.Close())
}
