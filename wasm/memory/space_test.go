package memory_test

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/wasm/memory"
)

const wasmPage = 64 << 10

func forms(t *testing.T, test func(t *testing.T, portable memory.Portable)) {
	t.Run("mapped", func(t *testing.T) { test(t, false) })
	t.Run("portable", func(t *testing.T) { test(t, true) })
}

func TestResetPutsEveryWrittenPageBack(t *testing.T) {
	forms(t, func(t *testing.T, portable memory.Portable) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		space, err := memory.Reserve(64*wasmPage, portable)
		require.NoError(t, err)
		defer space.Free()
		b := space.Reallocate(20 * wasmPage)
		random := rand.New(rand.NewPCG(1, 2))
		for range 500 {
			b[random.IntN(len(b))] = byte(random.Uint32())
		}
		snapshot, err := space.Capture()
		require.NoError(t, err)
		require.True(t, space.Matches())
		second, err := memory.Reserve(64*wasmPage, portable)
		require.NoError(t, err)
		second.Reallocate(wasmPage)
		require.NoError(t, second.Attach(snapshot))
		for round := range 200 {
			for _, s := range []memory.Space{space, second} {
				s.Begin()
				view := s.Reallocate(20 * wasmPage)
				if round%3 == 0 {
					view = s.Reallocate(uint64(21+random.IntN(43)) * wasmPage)
				}
				writes := random.IntN(10)
				if round%17 == 0 {
					writes = 2000 // more pages than are copied one by one
				}
				for range writes {
					view[random.IntN(len(view))]++
				}
				_, err := s.Reset()
				require.NoError(t, err)
				require.True(t, s.Matches(), "round %d", round)
			}
		}
		second.Free()
		space.Free()
		require.NoError(t, snapshot.Close())
	})
}

// Pages that are no longer written are given up one day, and put back when they are
// written again.
func TestPagesThatAreNoLongerWrittenAreForgotten(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	space, err := memory.Reserve(64*wasmPage, false)
	require.NoError(t, err)
	defer space.Free()
	view := space.Reallocate(20 * wasmPage)
	view[5] = 7
	snapshot, err := space.Capture()
	require.NoError(t, err)
	call := func(pages ...int) int {
		space.Begin()
		view := space.Reallocate(20 * wasmPage)
		for _, page := range pages {
			view[page*memory.PageBytes+5]++
		}
		n, err := space.Reset()
		require.NoError(t, err)
		require.True(t, space.Matches())
		return n
	}
	first := call(0, 1, 2, 100, 200)
	for round := range 1000 {
		call(1)
		if round%300 == 299 {
			call(100)
		}
	}
	if first < 20*wasmPage/memory.PageBytes { // where all pages are copied there is nothing to forget
		require.Equal(t, 5, first)
		require.LessOrEqual(t, call(1), 2, "page 1, and perhaps 100")
		require.LessOrEqual(t, call(0, 200), 4)
	}
	space.Free()
	require.NoError(t, snapshot.Close())
}

func TestMemoryIsBounded(t *testing.T) {
	forms(t, func(t *testing.T, portable memory.Portable) {
		space, err := memory.Reserve(2*wasmPage, portable)
		require.NoError(t, err)
		defer space.Free()
		require.Nil(t, space.Reallocate(3*wasmPage))
		require.Len(t, space.Reallocate(2*wasmPage), 2*wasmPage)
	})
	_, err := memory.Reserve(1<<33, false)
	require.Error(t, err)
}

func TestSnapshotTooLargeIsRefused(t *testing.T) {
	forms(t, func(t *testing.T, portable memory.Portable) {
		large, err := memory.Reserve(4*wasmPage, portable)
		require.NoError(t, err)
		defer large.Free()
		large.Reallocate(4 * wasmPage)
		snapshot, err := large.Capture()
		require.NoError(t, err)
		small, err := memory.Reserve(wasmPage, portable)
		require.NoError(t, err)
		defer small.Free()
		require.ErrorContains(t, small.Attach(snapshot), "does not fit")
		large.Free()
		require.NoError(t, snapshot.Close())
	})
}

func BenchmarkReset(b *testing.B) {
	for _, portable := range []memory.Portable{false, true} {
		b.Run(map[memory.Portable]string{false: "mapped", true: "portable"}[portable], func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			space, err := memory.Reserve(256*wasmPage, portable)
			require.NoError(b, err)
			defer space.Free()
			space.Reallocate(53 * wasmPage)
			_, err = space.Capture()
			require.NoError(b, err)
			view := space.Reallocate(53 * wasmPage)
			for b.Loop() {
				space.Begin()
				for page := range 8 {
					view[page*memory.PageBytes*7]++
				}
				if _, err := space.Reset(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
