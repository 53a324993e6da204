package pagelog_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/actors/storage/pagelog"
)

const segment = 4096

func page(n, size int) []byte { return bytes.Repeat([]byte{byte(n), byte(n >> 8), 7}, size/3+1)[:size] }

type written struct {
	addr uint64
	raw  []byte
}

// Whatever is appended, cut off, dropped and opened again: a durable page is read as it
// was, a dropped one is said to be dropped, and a check finds nothing wrong.
func TestPagesAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "log")
		require.NoError(rt, err)
		l, err := pagelog.Open(dir, 0, segment)
		require.NoError(rt, err)
		var pages []written // durable
		end, begin := uint64(0), uint64(0)
		for i := range rapid.IntRange(1, 30).Draw(rt, "steps") {
			var fresh []written
			for range rapid.IntRange(0, 12).Draw(rt, "pages") {
				raw := page(i, rapid.IntRange(1, 1500).Draw(rt, "size"))
				addr, err := l.Append(raw)
				require.NoError(rt, err)
				fresh = append(fresh, written{addr, raw})
			}
			switch rapid.IntRange(0, 4).Draw(rt, "then") {
			case 0: // cut off
				if rapid.Bool().Draw(rt, "synced") {
					require.NoError(rt, l.Sync())
				}
				require.NoError(rt, l.Rewind(max(end, pagelog.First(1))))
			case 1: // the process ends
				require.NoError(rt, l.Close())
				l, err = pagelog.Open(dir, end, segment)
				require.NoError(rt, err)
			default:
				require.NoError(rt, l.Sync())
				pages, end = append(pages, fresh...), l.End()
			}
			if len(pages) > 0 && rapid.IntRange(0, 5).Draw(rt, "drop") == 0 {
				begin = max(begin, pagelog.First(pagelog.Segment(pages[len(pages)/2].addr)))
				require.NoError(rt, l.Drop(begin))
				require.False(rt, l.Drops(begin))
			}
			check(rt, l, pages, begin, end)
		}
		require.NoError(rt, l.Close())
		l, err = pagelog.OpenReadOnly(dir)
		require.NoError(rt, err)
		check(rt, l, pages, begin, end)
		_, err = l.Append([]byte{1})
		require.Error(rt, err)
		require.NoError(rt, l.Close())
	})
}

func check(t require.TestingT, l *pagelog.Log, pages []written, begin, end uint64) {
	total := 0
	for _, p := range pages {
		raw, err := l.Read(p.addr, len(p.raw))
		if p.addr < begin {
			require.ErrorIs(t, err, pagelog.ErrDropped)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, p.raw, raw)
		total += len(raw) + 8
	}
	if end == 0 {
		return
	}
	seen := 0
	for at := max(begin, pagelog.First(1)); at < end; {
		next, read, err := l.Check(at, end, 2000)
		require.NoError(t, err)
		require.Greater(t, next, at)
		at, seen = next, seen+read
	}
	require.Equal(t, total, seen, "a check reads every page")
}

// A byte that is changed anywhere is found by the check, and no page that it hit is read.
func TestAnyChangedByteIsFound(t *testing.T) {
	dir := t.TempDir()
	l, err := pagelog.Open(dir, 0, segment)
	require.NoError(t, err)
	var pages []written
	for i := range 24 {
		raw := page(i, 100+i*37)
		addr, err := l.Append(raw)
		require.NoError(t, err)
		pages = append(pages, written{addr, raw})
	}
	require.NoError(t, l.Sync())
	end := l.End()
	require.NoError(t, l.Close())
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Greater(t, len(files), 2)
	for f, path := range files {
		good, err := os.ReadFile(path)
		require.NoError(t, err)
		for at := range good {
			if f == 0 && at < 32 { // the first segment has none before it
				continue
			}
			if at%5 != 0 && at > 64 { // five times faster
				continue
			}
			bad := slices.Clone(good)
			bad[at] ^= 0x40
			require.NoError(t, os.WriteFile(path, bad, 0o600))
			hit := find(t, dir, pages, end)
			require.Error(t, hit, "%s, byte %d", filepath.Base(path), at)
			var corrupt *pagelog.Corrupt
			require.ErrorAs(t, hit, &corrupt)
		}
		require.NoError(t, os.WriteFile(path, good, 0o600))
		if f > 0 {
			require.NoError(t, os.Truncate(path, int64(len(good)/2)))
			require.Error(t, find(t, dir, pages, end))
			require.NoError(t, os.Remove(path))
			require.Error(t, find(t, dir, pages, end))
			require.NoError(t, os.WriteFile(path, good, 0o600))
		}
	}
	require.NoError(t, find(t, dir, pages, end))
}

// find reads and checks everything; pages are right or refused.
func find(t *testing.T, dir string, pages []written, end uint64) (found error) {
	l, err := pagelog.OpenReadOnly(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	for _, p := range pages {
		raw, err := l.Read(p.addr, len(p.raw))
		if err == nil {
			require.Equal(t, p.raw, raw)
		}
	}
	for at, steps := pagelog.First(1), 0; at < end; steps++ {
		next, _, err := l.Check(at, end, 1<<20)
		found = errors.Join(found, err)
		require.Less(t, steps, 100)
		if err != nil && next <= at {
			break
		}
		at = next
	}
	return found
}

// Whoever does not know where the log ended goes on behind everything.
func TestALogGoesOnBehindWhatNobodyKnows(t *testing.T) {
	dir := t.TempDir()
	l, err := pagelog.Open(dir, 0, segment)
	require.NoError(t, err)
	first, err := l.Append([]byte("first"))
	require.NoError(t, err)
	require.NoError(t, l.Sync())
	require.NoError(t, l.Close())
	l, err = pagelog.OpenAll(dir, segment)
	require.NoError(t, err)
	second, err := l.Append([]byte("second"))
	require.NoError(t, err)
	require.NoError(t, l.Sync())
	for addr, want := range map[uint64]string{first: "first", second: "second"} {
		raw, err := l.Read(addr, len(want))
		require.NoError(t, err)
		require.Equal(t, want, string(raw))
	}
	require.NoError(t, l.Close())
	_, err = l.Read(first, 5)
	require.ErrorIs(t, err, os.ErrClosed)
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("concordat pages 1\n"), uint64(32), 9)
	f.Fuzz(func(t *testing.T, raw []byte, at uint64, size int) {
		dir := t.TempDir()
		for n := 1; n < 3; n++ {
			require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%010d.pages", n)), raw, 0o600))
		}
		l, err := pagelog.OpenReadOnly(dir)
		require.NoError(t, err)
		defer func() { require.NoError(t, l.Close()) }()
		if b, err := l.Read(at, size); err == nil {
			require.Len(t, b, size)
		}
		next, _, err := l.Check(pagelog.First(1), pagelog.First(2)+uint64(len(raw)), 1<<20)
		require.True(t, err != nil || next > pagelog.First(1))
	})
}
