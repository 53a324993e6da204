package storage_test

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
)

// BenchmarkStateRead reads a thousand records of the state, which stand in all of Badger's
// tables, again and again: in turn and from several goroutines, with few tables and with many.
func BenchmarkStateRead(b *testing.B) {
	for _, blocks := range []int{1, 400} {
		const writes, bytes = 1000, 1000 // a table's worth, nearly
		dir := b.TempDir()
		open := func() *storage.Store {
			s, err := storage.Open(dir, storage.Options{Ledger: ledger.ID{1}, FreeBytesMin: 1})
			require.NoError(b, err)
			return s
		}
		s := open()
		key := func(i int) []byte { return fmt.Appendf(nil, "account %08d", (i*7919)%(blocks*writes)) }
		for h := range blocks {
			c := &storage.BlockCommit{Height: ledger.Height(h + 1)}
			for i := range writes {
				c.Changes = append(c.Changes, storage.Change{Key: key(h*writes + i), Value: noise(bytes, uint64(h*writes+i))})
			}
			require.NoError(b, s.Commit(c))
		}
		require.NoError(b, s.Close()) // which makes a table of what is in memory
		s = open()
		require.NoError(b, s.Compact())
		st, err := s.Stats()
		require.NoError(b, err)
		read := func(b *testing.B, i int) {
			if _, ok, err := s.Get(key(i), ledger.Height(blocks)); err != nil || !ok {
				b.Error(ok, err)
			}
		}
		b.Run(fmt.Sprintf("%d tables, in turn", st.Tables), func(b *testing.B) {
			for b.Loop() {
				read(b, rand.Intn(1000))
			}
		})
		b.Run(fmt.Sprintf("%d tables, at once", st.Tables), func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					read(b, rand.Intn(1000))
				}
			})
		})
		require.NoError(b, s.Close())
	}
}
