package benchmarks_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/actors/storage/votelog"
	"github.com/concordat-ledger/concordat/ledger"
)

func BenchmarkVoteLog(b *testing.B) {
	log, err := votelog.Open(votelog.OS{}, b.TempDir(), votelog.Options{Ledger: ledger.ID{1}})
	require.NoError(b, err)
	seq := uint64(0)
	for b.Loop() {
		seq++
		if err := log.Append([]votelog.Record{{Seq: seq, Kind: 1, Data: make([]byte, 200)}}); err != nil {
			b.Fatal(err)
		}
		if err := log.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	require.NoError(b, log.Close())
}

func BenchmarkBlockCommit(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		for _, sync := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d transactions, sync %v", n, sync), func(b *testing.B) {
				s, err := storage.Open(b.TempDir(), storage.Options{Ledger: ledger.ID{1}, Sync: sync})
				require.NoError(b, err)
				h := ledger.Height(0)
				for b.Loop() {
					h++
					if err := s.Commit(block(h, n)); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/tx")
				require.NoError(b, s.Close())
			})
		}
	}
}

// block has n transactions of 250 bytes with two changes each.
func block(h ledger.Height, n int) *storage.BlockCommit {
	c := &storage.BlockCommit{Height: h, BlockHash: ledger.Hash{byte(h), byte(h >> 8), byte(h >> 16)},
		Header: make([]byte, 200), Commit: make([]byte, 300), Outcome: make([]byte, 100)}
	for i := range n {
		id := ledger.NewWriter("benchmark", 16).U64(uint64(h)).U32(uint32(i)).Sum()
		c.Txs, c.Results, c.TxIDs = append(c.Txs, make([]byte, 250)), append(c.Results, make([]byte, 150)), append(c.TxIDs, id)
		c.Commands = append(c.Commands, storage.Command{Key: id, Height: h, Index: uint32(i), Expires: ledger.Time(1)})
		for side := range 2 {
			c.Changes = append(c.Changes, storage.Change{Key: fmt.Appendf(nil, "c/token/%d/%05d", side, i), Value: make([]byte, 40)})
		}
	}
	return c
}
