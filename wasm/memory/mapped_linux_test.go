package memory_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/concordat-ledger/concordat/wasm/memory"
)

// A call that writes to every page of a large memory is paid for with page faults now and
// then, not each time, and is put back each time.
func TestWritingToManyPagesFaultsSeldom(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	faults := func() int64 {
		var u unix.Rusage
		require.NoError(t, unix.Getrusage(unix.RUSAGE_THREAD, &u))
		return u.Minflt + u.Majflt
	}
	const pages, calls = 2_000, 100
	space, err := memory.Reserve(pages*memory.PageBytes, false)
	require.NoError(t, err)
	defer space.Free()
	view := space.Reallocate(pages * memory.PageBytes)
	for page := range pages {
		view[page*memory.PageBytes] = byte(page)
	}
	snapshot, err := space.Capture()
	require.NoError(t, err)
	defer func() { require.NoError(t, snapshot.Close()) }()
	before := faults()
	for range calls {
		space.Begin()
		for page := range pages {
			view[page*memory.PageBytes+1]++
		}
		_, err := space.Reset()
		require.NoError(t, err)
		require.True(t, space.Matches())
	}
	require.Less(t, faults()-before, int64(pages*calls/4))
}
