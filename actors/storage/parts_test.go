package storage

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
)

// partsBlock takes at least four transactions of a memtable of 8 MiB. salt
// gives another block for the same height.
func partsBlock(h ledger.Height, salt byte) *BlockCommit {
	id := ledger.Hash{byte(h), salt, 7}
	b := &BlockCommit{Height: h, BlockHash: id, Txs: [][]byte{bytes.Repeat([]byte{salt}, 3<<20)}, Results: [][]byte{{salt}},
		TxIDs: []ledger.Hash{id}, Commands: []Command{{Key: ledger.Hash{5}, Height: h, Expires: ledger.Time(h)}}}
	for i := range 40 {
		b.Changes = append(b.Changes, Change{Key: fmt.Appendf(nil, "k%d", i*int(salt)), Value: bytes.Repeat([]byte{salt, byte(i)}, 16<<10), Delete: i%5 == 4})
	}
	return b
}

// stateAt is everything that can be read as of a height, in one value.
func stateAt(t *testing.T, s *Store, h ledger.Height) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, s.Each(h, func(key, value []byte) error { out[string(key)] = string(value); return nil }))
	cmd, found, err := s.LocateCommand(ledger.Hash{5})
	require.NoError(t, err)
	out["\x00command"] = fmt.Sprint(cmd, found)
	return out
}

func TestABlockCutOffBetweenItsPartsIsTakenBack(t *testing.T) {
	opt := Options{Ledger: ledger.ID{1}, MemTableBytes: 8 << 20, Sync: true}
	s, err := Open(t.TempDir(), opt)
	require.NoError(t, err)
	lost, err := partsBlock(2, 2).entries()
	require.NoError(t, err)
	require.Less(t, s.fit(lost), len(lost)/2)
	require.NoError(t, s.Close())

	for parts := 1; ; parts++ {
		dir := t.TempDir()
		s, err := Open(dir, opt)
		require.NoError(t, err)
		require.NoError(t, s.Commit(partsBlock(1, 1)))
		before := stateAt(t, s, 1)
		rest := lost
		for range parts {
			n := s.fit(rest)
			if n == len(rest) {
				require.Greater(t, parts, 3)
				require.NoError(t, s.Close())
				return
			}
			require.NoError(t, s.putPart(2, rest[:n], true))
			rest = rest[n:]
		}
		require.Equal(t, before, stateAt(t, s, 1), "what has no tip does not show")
		require.NoError(t, s.Close())

		for range 2 { // the second time there is nothing left to do
			s, err = Open(dir, opt)
			require.NoError(t, err)
			h, _ := s.Tip()
			require.Equal(t, ledger.Height(1), h)
			require.Equal(t, before, stateAt(t, s, 1))
			_, found, err := s.LocateBlock(ledger.Hash{2, 2, 7})
			require.NoError(t, err)
			require.False(t, found)
			require.NoError(t, s.Close())
		}
		checkRetaken(t, dir, opt)
	}
}

// checkRetaken stores a different block 2 and compares with a store that never
// saw the first.
func checkRetaken(t *testing.T, dir string, opt Options) {
	other := &BlockCommit{Height: 2, BlockHash: ledger.Hash{9}, Changes: []Change{{Key: []byte("k3"), Value: []byte("new")}, {Key: []byte("k0"), Delete: true}}}
	s, err := Open(dir, opt)
	require.NoError(t, err)
	require.NoError(t, s.Commit(other))
	clean, err := Open(t.TempDir(), opt)
	require.NoError(t, err)
	require.NoError(t, clean.CommitGroup([]*BlockCommit{partsBlock(1, 1), other}))
	require.Equal(t, stateAt(t, clean, 1), stateAt(t, s, 1))
	require.Equal(t, stateAt(t, clean, 2), stateAt(t, s, 2))
	_, _, found, err := s.LocateTx(ledger.Hash{2, 2, 7})
	require.NoError(t, err)
	require.False(t, found)
	require.NoError(t, clean.Close())
	require.NoError(t, s.Commit(partsBlock(3, 3)))
	require.NoError(t, s.Close())
	s, err = Open(dir, opt)
	require.NoError(t, err)
	got, err := s.Block(3)
	require.NoError(t, err)
	require.True(t, bytes.Equal(partsBlock(3, 3).Txs[0], got.Txs[0]))
	require.NoError(t, s.Close())
}

func TestAMissingBlockBelowTheTipIsFoundAtOpen(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{Ledger: ledger.ID{1}, MemTableBytes: 8 << 20})
	require.NoError(t, err)
	require.NoError(t, s.commitOne(partsBlock(1, 1), 1))
	require.NoError(t, s.commitOne(partsBlock(3, 3), 3)) // as if a power cut had lost the log with block 2
	require.NoError(t, s.Close())
	_, err = Open(dir, Options{Ledger: ledger.ID{1}, MemTableBytes: 8 << 20})
	var damaged *CorruptError
	require.ErrorAs(t, err, &damaged)
	require.Equal(t, ledger.Height(2), damaged.Height)
}
