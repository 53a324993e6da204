package votelog_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage/votelog"
	"github.com/concordat-ledger/concordat/actors/storage/votelog/memfs"
	"github.com/concordat-ledger/concordat/ledger"
)

const firstSegment = "0000000000000001.votes"

var home = ledger.ID{1}

func replay(t testing.TB, l *votelog.Log) []votelog.Record {
	var out []votelog.Record
	require.NoError(t, l.Replay(func(r votelog.Record) error {
		r.Data = bytes.Clone(r.Data)
		out = append(out, r)
		return nil
	}))
	return out
}

func TestSyncedRecordsSurviveAReopen(t *testing.T) {
	dir := t.TempDir()
	l, err := votelog.Open(votelog.OS{}, dir+"/votes", votelog.Options{Ledger: home})
	require.NoError(t, err)
	want := []votelog.Record{{Seq: 1, Kind: 2, Data: []byte("vote")}, {Kind: 3, Data: make([]byte, votelog.RecordBytesMax)}}
	require.NoError(t, l.Append(want))
	require.NoError(t, l.Sync())
	require.ErrorIs(t, l.Append([]votelog.Record{{Data: make([]byte, votelog.RecordBytesMax+1)}}), votelog.ErrTooBig)
	require.Equal(t, want, replay(t, l))
	require.NoError(t, l.Close())
	require.ErrorIs(t, l.Append(want[:1]), votelog.ErrClosed)

	l, err = votelog.Open(votelog.OS{}, dir+"/votes", votelog.Options{Ledger: home})
	require.NoError(t, err)
	require.Equal(t, want, replay(t, l))
	require.NoError(t, l.Close())

	_, err = votelog.Open(votelog.OS{}, dir+"/votes", votelog.Options{Ledger: ledger.ID{2}})
	var foreign *votelog.Foreign
	require.ErrorAs(t, err, &foreign)
}

// One seed is one life: units, syncs, truncations, a disk that may fail, a crash.
func TestACrashKeepsSyncedUnitsWhole(t *testing.T) {
	for seed := range uint64(4000) {
		fs := memfs.New()
		rng := rand.New(rand.NewPCG(seed, 7))
		var units [][]votelog.Record // appended, in order
		durable, truncated := 0, uint64(0)
		seq := uint64(0)
		for life := range 3 {
			l, err := votelog.Open(fs, "", votelog.Options{Ledger: home, SegmentBytes: 4096})
			require.NoError(t, err, "seed %d life %d", seed, life)
			units = checkPrefix(t, seed, replay(t, l), units, durable, truncated)
			durable = len(units) // what is replayed was synced by Open
			if rng.IntN(3) == 0 {
				fs.FailAfter(rng.IntN(20))
			}
			for range rng.IntN(30) {
				switch rng.IntN(6) {
				case 0, 1, 2:
					seq++
					unit := makeUnit(rng, seq)
					units = append(units, unit)
					_ = l.Append(unit) // after a failure the log refuses what follows
				case 3, 4:
					n := len(units)
					if l.Sync() == nil {
						durable = n
					}
				case 5:
					upTo := truncated + uint64(rng.IntN(int(seq-truncated)+1))
					truncated = max(truncated, upTo)
					_ = l.Truncate(upTo)
				}
			}
			fs.Crash(seed*3 + uint64(life))
		}
	}
}

func makeUnit(rng *rand.Rand, seq uint64) []votelog.Record {
	var unit []votelog.Record
	for i := range 1 + rng.IntN(3) {
		data := bytes.Repeat([]byte{byte(seq)}, rng.IntN(900))
		unit = append(unit, votelog.Record{Seq: seq, Kind: uint8(i), Data: fmt.Appendf(data, "%d/%d", seq, i)})
	}
	return unit
}

// checkPrefix demands that got is a prefix of units, cut at a unit's border, at
// least as long as durable, without slots that truncation may have taken.
// It returns the units that are still there.
func checkPrefix(t *testing.T, seed uint64, got []votelog.Record, units [][]votelog.Record, durable int, truncated uint64) [][]votelog.Record {
	t.Helper()
	at := 0
	kept := 0
	for i, unit := range units {
		if at < len(got) && got[at].Seq == unit[0].Seq {
			require.GreaterOrEqual(t, len(got)-at, len(unit), "seed %d: unit %d is torn", seed, i)
			require.Equal(t, unit, got[at:at+len(unit)], "seed %d: unit %d", seed, i)
			at, kept = at+len(unit), i+1
			continue
		}
		if unit[0].Seq <= truncated && at == 0 {
			kept = i + 1
			continue
		}
		require.GreaterOrEqual(t, i, durable, "seed %d: the synced unit %d is lost", seed, i)
		break
	}
	require.Equal(t, len(got), at, "seed %d: something is replayed that was not written in this order", seed)
	return units[:kept]
}

func TestSlotlessRecordsSurviveTruncation(t *testing.T) {
	fs := memfs.New()
	l, err := votelog.Open(fs, "", votelog.Options{Ledger: home, SegmentBytes: 1024})
	require.NoError(t, err)
	require.NoError(t, l.Append([]votelog.Record{{Kind: 9, Data: []byte("old view")}}))
	require.NoError(t, l.Append([]votelog.Record{{Kind: 9, Data: []byte("view")}, {Kind: 8, Data: []byte("epoch")}}))
	for seq := uint64(1); seq <= 50; seq++ {
		require.NoError(t, l.Append([]votelog.Record{{Seq: seq, Kind: 1, Data: make([]byte, 100)}}))
	}
	require.NoError(t, l.Truncate(50))
	fs.Crash(1)
	names, _ := fs.List("")
	require.Less(t, len(names), 3)
	l, err = votelog.Open(fs, "", votelog.Options{Ledger: home})
	require.NoError(t, err)
	var kept []string
	for _, r := range replay(t, l) {
		if r.Seq == 0 {
			kept = append(kept, string(r.Data))
		}
	}
	require.ElementsMatch(t, []string{"view", "epoch"}, kept)
}

func TestDamageBelowASyncIsNamedAndNeverCut(t *testing.T) {
	for bit := 0; bit < 8*150; bit += 3 {
		fs := memfs.New()
		l, err := votelog.Open(fs, "", votelog.Options{Ledger: home})
		require.NoError(t, err)
		for seq := uint64(1); seq <= 3; seq++ {
			require.NoError(t, l.Append([]votelog.Record{{Seq: seq, Data: make([]byte, 40)}}))
			require.NoError(t, l.Sync())
		}
		fs.Flip(firstSegment, bit)
		_, err = votelog.Open(fs, "", votelog.Options{Ledger: home})
		var corrupt *votelog.Corrupt
		require.ErrorAs(t, err, &corrupt, "bit %d", bit)
	}
}

func TestAFailedSyncIsForEver(t *testing.T) {
	fs := memfs.New()
	l, err := votelog.Open(fs, "", votelog.Options{Ledger: home})
	require.NoError(t, err)
	require.NoError(t, l.Append([]votelog.Record{{Seq: 1}}))
	fs.FailAfter(0)
	require.ErrorIs(t, l.Sync(), votelog.ErrFailed)
	fs.FailAfter(-1)
	require.ErrorIs(t, l.Sync(), votelog.ErrFailed)
	require.ErrorIs(t, l.Append([]votelog.Record{{Seq: 2}}), votelog.ErrFailed)
}

func TestConcurrentWritersShareSyncs(t *testing.T) {
	l, err := votelog.Open(votelog.OS{}, t.TempDir()+"/v", votelog.Options{Ledger: home, SegmentBytes: 8192})
	require.NoError(t, err)
	done := make(chan error)
	for g := range 8 {
		go func() {
			for i := range 50 {
				if err := l.Append([]votelog.Record{{Seq: uint64(g*50 + i + 1), Data: make([]byte, 100)}}); err != nil {
					done <- err
					return
				}
				if err := l.Sync(); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 8 {
		require.NoError(t, <-done)
	}
	require.Len(t, replay(t, l), 400)
	require.NoError(t, l.Close())
}

func FuzzOpen(f *testing.F) {
	fs := memfs.New()
	l, err := votelog.Open(fs, "", votelog.Options{Ledger: home})
	require.NoError(f, err)
	require.NoError(f, l.Append([]votelog.Record{{Seq: 1, Kind: 2, Data: []byte("vote")}}))
	file, err := fs.Open("", firstSegment)
	require.NoError(f, err)
	whole := make([]byte, fs.Len(firstSegment))
	_, err = file.ReadAt(whole, 0)
	require.NoError(f, err)
	f.Add(whole)
	f.Add(whole[:70])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		fs := memfs.New()
		file, err := fs.Create("", firstSegment)
		require.NoError(t, err)
		_, err = file.Write(b)
		require.NoError(t, err)
		l, err := votelog.Open(fs, "", votelog.Options{Ledger: home})
		if err != nil {
			return
		}
		before := replay(t, l)
		again, err := votelog.Open(fs, "", votelog.Options{Ledger: home})
		require.NoError(t, err)
		require.Equal(t, before, replay(t, again))
	})
}

func BenchmarkAppendSync(b *testing.B) {
	l, err := votelog.Open(votelog.OS{}, b.TempDir()+"/v", votelog.Options{Ledger: home})
	require.NoError(b, err)
	unit := []votelog.Record{{Seq: 1, Data: make([]byte, 300)}}
	for b.Loop() {
		require.NoError(b, l.Append(unit))
		require.NoError(b, l.Sync())
	}
}

// What Replay gives may be kept: many records, more than the window over the file
// holds, are all still right at the end.
func TestReplayedRecordsMayBeKept(t *testing.T) {
	dir := t.TempDir()
	log, err := votelog.Open(votelog.OS{}, dir, votelog.Options{Ledger: ledger.ID{1}})
	require.NoError(t, err)
	const records = 200
	data := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 20_000+i) }
	for i := range records {
		require.NoError(t, log.Append([]votelog.Record{{Seq: uint64(i + 1), Kind: 1, Data: data(i)}}))
	}
	require.NoError(t, log.Sync())
	require.NoError(t, log.Close())
	log, err = votelog.Open(votelog.OS{}, dir, votelog.Options{Ledger: ledger.ID{1}})
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	var kept []votelog.Record
	require.NoError(t, log.Replay(func(r votelog.Record) error {
		kept = append(kept, r)
		return nil
	}))
	require.Len(t, kept, records)
	for i, r := range kept {
		require.True(t, bytes.Equal(data(i), r.Data), "record %d", i)
	}
}
