package votelog_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage/votelog"
	"github.com/concordat-ledger/concordat/actors/storage/votelog/memfs"
)

// image is the first segment of a log with some units, synced now and then.
func image(t testing.TB, units int) []byte {
	fs := memfs.New()
	l, err := votelog.Open(fs, "", votelog.Options{Ledger: home})
	require.NoError(t, err)
	for i := range units {
		require.NoError(t, l.Append([]votelog.Record{{Seq: uint64(i), Kind: 2, Data: make([]byte, i*5)}, {Kind: uint8(i), Data: []byte("kept")}}))
		if i%2 == 0 {
			require.NoError(t, l.Sync())
		}
	}
	require.NoError(t, l.Close())
	b := make([]byte, fs.Len(firstSegment))
	f, err := fs.Open("", firstSegment)
	require.NoError(t, err)
	_, err = f.ReadAt(b, 0)
	require.NoError(t, err)
	return b
}

func put(t testing.TB, fs *memfs.FS, content []byte) {
	f, err := fs.Create("", firstSegment)
	require.NoError(t, err)
	_, err = f.Write(content)
	require.NoError(t, err)
	require.NoError(t, errors.Join(f.Sync(), fs.SyncDir("")))
}

// FuzzSegment opens a segment of any content. It is refused as damaged, or it
// is a log: what it replays stays, and more can be appended.
func FuzzSegment(f *testing.F) {
	whole := image(f, 6)
	f.Add(whole)
	f.Add(whole[:len(whole)-9]) // torn
	f.Add(whole[:64])
	f.Add(whole[:30])
	f.Add([]byte{})
	for _, at := range []int{5, 70, 90, 140, len(whole) - 3} {
		flipped := append([]byte(nil), whole...)
		flipped[at] ^= 4
		f.Add(flipped)
	}
	f.Add(append(append([]byte(nil), whole...), make([]byte, 4096)...)) // allocated, never written
	f.Fuzz(func(t *testing.T, content []byte) {
		fs := memfs.New()
		put(t, fs, content)
		l, err := votelog.Open(fs, "", votelog.Options{Ledger: home})
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		want := append(replay(t, l), votelog.Record{Seq: 1 << 40, Kind: 1, Data: []byte("more")})
		require.NoError(t, l.Append(want[len(want)-1:]))
		require.NoError(t, l.Sync())
		require.Equal(t, want, replay(t, l))
		require.NoError(t, l.Close())
		l, err = votelog.Open(fs, "", votelog.Options{Ledger: home})
		require.NoError(t, err)
		require.Equal(t, want, replay(t, l))
		require.NoError(t, l.Close())
	})
}
