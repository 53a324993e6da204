package storage_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// noise is n bytes that do not repeat, so that pieces in a wrong order show.
func noise(n int, seed uint64) []byte {
	rng := rand.NewPCG(seed, 1)
	out := make([]byte, 0, n+8)
	for len(out) < n {
		out = binary.LittleEndian.AppendUint64(out, rng.Uint64())
	}
	return out[:n]
}

const module = 1_900_000 // bytes of the largest contract module in use

// moduleChanges stores a module in the state, in chunks.
func moduleChanges(total int, seed uint64) []storage.Change {
	var out []storage.Change
	for at := 0; at < total; at += state.ValueBytesMax {
		out = append(out, storage.Change{Key: fmt.Appendf(nil, "module/%d/%05d", seed, at), Value: noise(min(state.ValueBytesMax, total-at), uint64(at))})
	}
	return out
}

// sized is a block whose transactions have these sizes.
func sized(h ledger.Height, sizes ...int) *storage.BlockCommit {
	b := &storage.BlockCommit{Height: h, BlockHash: ledger.Hash{byte(h), 9}, Header: []byte("header"), Commit: []byte("commit"), Outcome: []byte("outcome")}
	for i, n := range sizes {
		id := ledger.Hash{byte(h), byte(i), byte(i >> 8), 3}
		b.Txs = append(b.Txs, noise(n, uint64(h)<<32+uint64(i)))
		b.Results = append(b.Results, noise(n%70_000, uint64(i)))
		b.TxIDs = append(b.TxIDs, id)
		b.Commands = append(b.Commands, storage.Command{Key: id, Height: h, Index: uint32(i), Expires: ledger.Time(h)})
	}
	return b
}

func requireBlock(t testing.TB, s *storage.Store, want *storage.BlockCommit) {
	t.Helper()
	got, err := s.Block(want.Height)
	require.NoError(t, err)
	require.Equal(t, want.BlockHash, got.Hash)
	require.True(t, equalItems([][]byte{want.Header, want.Commit, want.Outcome}, [][]byte{got.Header, got.Commit, got.Outcome}))
	require.True(t, equalItems(want.Txs, got.Txs), "transactions of block %d", want.Height)
	require.True(t, equalItems(want.Results, got.Results), "results of block %d", want.Height)
	for i := 0; i < len(want.Txs); i += 1 + len(want.Txs)/40 {
		tx, err := s.Tx(want.Height, uint32(i))
		require.NoError(t, err)
		require.True(t, equalItems(want.Txs[i:i+1], [][]byte{tx}), "transaction %d of block %d", i, want.Height)
		h, at, found, err := s.LocateTx(want.TxIDs[i])
		require.NoError(t, err)
		require.Equal(t, []any{want.Height, uint32(i), true}, []any{h, at, found})
	}
	for _, c := range want.Changes {
		v, found, err := s.Get(c.Key, want.Height)
		require.NoError(t, err)
		require.Equal(t, !c.Delete, found)
		require.True(t, equalItems([][]byte{c.Value}, [][]byte{v}), "state %q", c.Key)
	}
}

// equalItems compares without require's printing of megabytes.
func equalItems(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if string(a[i]) != string(b[i]) {
			return false
		}
	}
	return true
}

// full is the largest block there may be, with 16 MiB of changes of one size.
func full(h ledger.Height, valueBytes int) *storage.BlockCommit {
	sizes := make([]int, ledger.BlockTransactionsMax)
	for i := range sizes {
		sizes[i] = ledger.BlockBytesMax / len(sizes)
	}
	b := sized(h, sizes...)
	value := noise(valueBytes, uint64(h))
	for n := 0; n < 16<<20; n += 24 + valueBytes {
		b.Changes = append(b.Changes, storage.Change{Key: fmt.Appendf(nil, "state/%018d", n), Value: value})
	}
	return b
}

func TestTooLargeRecordsAreRefusedBeforeAnythingIsWritten(t *testing.T) {
	s, err := storage.Open(t.TempDir(), storage.Options{Ledger: ledger.ID{1}, MemTableBytes: 8 << 20})
	require.NoError(t, err)
	for _, c := range []storage.Change{
		{Key: []byte("k"), Value: make([]byte, storage.ValueBytesMax+1)},
		{Key: make([]byte, storage.KeyBytesMax+1)}, {},
	} {
		b := sized(1, module, module, module)
		b.Changes = []storage.Change{c}
		require.ErrorIs(t, s.Commit(b), storage.ErrTooBig)
	}
	b := sized(1, 300)
	b.Changes = []storage.Change{{Key: make([]byte, storage.KeyBytesMax), Value: make([]byte, storage.ValueBytesMax)}}
	require.NoError(t, s.Commit(b))
	requireBlock(t, s, b)
	require.NoError(t, s.Close())
}
