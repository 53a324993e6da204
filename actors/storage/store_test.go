package storage_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
)

func block(h ledger.Height, n int) *storage.BlockCommit {
	b := &storage.BlockCommit{Height: h, BlockHash: ledger.Hash{byte(h), byte(h >> 8), 1}, Header: []byte("header")}
	for i := range n {
		id := ledger.Hash{byte(h), byte(h >> 8), byte(i), byte(i >> 8), 2}
		b.Txs = append(b.Txs, append(make([]byte, 300), id[:]...))
		b.Results = append(b.Results, append(make([]byte, 120), id[:]...))
		b.TxIDs = append(b.TxIDs, id)
		b.Commands = append(b.Commands, storage.Command{Key: id, Height: h, Index: uint32(i), Expires: ledger.Time(h)})
		b.Changes = append(b.Changes, storage.Change{Key: fmt.Appendf(nil, "a%d", i), Value: id[:]}, storage.Change{Key: id[:], Value: id[:]})
	}
	return b
}

func TestBlocksAreThereAfterEachReopen(t *testing.T) {
	dir := t.TempDir()
	opt := storage.Options{Ledger: ledger.ID{1}, Sync: true, MemTableBytes: 16 << 20}
	for h := ledger.Height(1); h <= 4; h++ {
		s, err := storage.Open(dir, opt)
		require.NoError(t, err)
		_, err = storage.Open(dir, opt)
		var locked *storage.LockedError
		require.ErrorAs(t, err, &locked)
		require.ErrorIs(t, s.Commit(block(h+1, 1)), storage.ErrOutOfOrder)
		require.NoError(t, s.Commit(block(h, 400)))
		for at := ledger.Height(1); at <= h; at++ {
			want := block(at, 400)
			got, err := s.Block(at)
			require.NoError(t, err)
			require.Equal(t, want.Txs, got.Txs)
			tx, err := s.Tx(at, 399)
			require.NoError(t, err)
			require.Equal(t, want.Txs[399], tx)
			v, found, err := s.Get([]byte("a7"), at)
			require.NoError(t, err)
			require.True(t, found)
			require.Equal(t, want.TxIDs[7][:], v)
		}
		require.NoError(t, s.Close())
	}
	_, err := storage.Open(dir, storage.Options{Ledger: ledger.ID{2}})
	var foreign *storage.ForeignError
	require.ErrorAs(t, err, &foreign)
	opt.FreeBytesMin = 1 << 62
	_, err = storage.Open(dir, opt)
	var full *storage.DiskFullError
	require.ErrorAs(t, err, &full)
}

func BenchmarkCommit(b *testing.B) {
	for _, sync := range []bool{false, true} {
		for _, n := range []int{100, 500, 1000} {
			b.Run(fmt.Sprintf("txs=%d/sync=%v", n, sync), func(b *testing.B) {
				s, err := storage.Open(b.TempDir(), storage.Options{Ledger: ledger.ID{1}, Sync: sync})
				require.NoError(b, err)
				h := ledger.Height(0)
				for b.Loop() {
					h++
					require.NoError(b, s.Commit(block(h, n)))
				}
				require.NoError(b, s.Close())
			})
		}
	}
}
