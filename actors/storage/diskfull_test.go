package storage_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
)

// smallDisk names a file system of smallDiskBytes, of which this process is the master.
const (
	smallDisk      = "CONCORDAT_SMALL_DISK"
	smallDiskBytes = 96 << 20
)

// onSmallDisk runs the calling test once more, alone, in a mount namespace of
// its own, and returns the small disk there, or "" when the run is done.
func onSmallDisk(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv(smallDisk); dir != "" {
		return dir
	}
	dir := t.TempDir()
	try := exec.Command("unshare", "-Urm", "mount", "-t", "tmpfs", "none", dir)
	if out, err := try.CombinedOutput(); err != nil {
		t.Skipf("this machine does not let a user mount a tmpfs in a namespace (unshare -Urm): %v %s", err, out)
	}
	exe, err := os.Executable()
	require.NoError(t, err)
	run := exec.Command("unshare", "-Urm", "sh", "-c", `mount -t tmpfs -o size="$3" none "$1" && exec "$0" -test.v -test.run="^$2\$"`,
		exe, dir, t.Name(), "96m")
	run.Env = append(os.Environ(), smallDisk+"="+dir)
	out, err := run.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: "+t.Name())
	t.Logf("%s", out)
	return ""
}

// ballast takes all but some bytes of the small disk.
func ballast(t *testing.T, disk string, leave int64) (remove func()) {
	t.Helper()
	var st unix.Statfs_t
	require.NoError(t, unix.Statfs(disk, &st))
	path := filepath.Join(disk, "ballast")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, unix.Fallocate(int(f.Fd()), 0, 0, int64(st.Bavail)*st.Bsize-leave))
	require.NoError(t, f.Close())
	return func() { require.NoError(t, os.Remove(path)) }
}

func requireDiskFull(t *testing.T, err error, dir string) {
	t.Helper()
	var full *storage.DiskFullError
	require.ErrorAs(t, err, &full)
	require.Less(t, full.Free, full.FreeBytes)
	require.Equal(t, dir, full.Dir)
	require.True(t, strings.HasSuffix(err.Error(), ": free some space") && !strings.Contains(err.Error(), "\n"), "one sentence: %q", err)
}

func TestAFullDiskRefusesBlocksUntilThereIsRoom(t *testing.T) {
	disk := onSmallDisk(t)
	if disk == "" {
		return
	}
	dir := filepath.Join(disk, "store")
	opt := childOptions()
	opt.FreeBytesMin = 24 << 20
	s, err := storage.Open(dir, opt)
	require.NoError(t, err)
	acked := ledger.Height(0)
	commit := func() error {
		err := s.Commit(chained(acked + 1))
		if err == nil {
			acked++
		}
		return err
	}
	for range 4 {
		require.NoError(t, commit())
	}

	remove := ballast(t, disk, 20<<20) // a running store
	for range 3 {
		requireDiskFull(t, commit(), dir)
		requireDiskFull(t, s.PutCertificate(1, []byte("certificate")), dir)
	}
	requireChain(t, s, acked)
	remove()
	require.NoError(t, commit())

	require.Equal(t, ledger.Height(5), acked) // block 6 is large, and demands more than a small one
	remove = ballast(t, disk, 26<<20)
	requireDiskFull(t, commit(), dir)
	remove()

	for err = commit(); err == nil; err = commit() { // its own blocks fill it
	}
	requireDiskFull(t, err, dir)
	requireChain(t, s, acked)
	require.NoError(t, s.Close())

	for { // closing compacts nothing away that is needed; a reopen waits for room
		s, err = storage.Open(dir, opt)
		if err != nil {
			break
		}
		requireDiskFull(t, s.Commit(full(acked+1, 300)), dir)
		require.NoError(t, s.Close())
		ballast(t, disk, 20<<20)
	}
	requireDiskFull(t, err, dir)
	_ = os.Remove(filepath.Join(disk, "ballast"))
	require.NoError(t, unix.Mount("none", disk, "tmpfs", unix.MS_REMOUNT, "size=256m"))
	s, err = storage.Open(dir, opt)
	require.NoError(t, err)
	requireChain(t, s, acked)
	for range 4 {
		require.NoError(t, commit())
	}
	requireChain(t, s, acked)
	require.NoError(t, s.Close())
	t.Logf("%d blocks on a disk of %d MiB", acked, smallDiskBytes>>20)
}

// Nothing refuses in time when others fill the disk: then Badger's write to its
// mapped log kills the process.
func TestADiskThatOthersFillKillsButLosesNothing(t *testing.T) {
	disk := onSmallDisk(t)
	if disk == "" {
		return
	}
	dir := filepath.Join(disk, "store")
	others := filepath.Join(disk, "others")
	acked, end := child(t, dir, func(writer *os.Process, h ledger.Height, _ bool) {
		if h != 12 {
			return
		}
		require.NoError(t, writer.Signal(unix.SIGSTOP)) // no further than a block or two, else it would refuse in time
		f, err := os.Create(others)
		require.NoError(t, err)
		size := int64(0)
		for n := 0; err == nil; size += int64(n) {
			n, err = f.Write(make([]byte, 4096))
		}
		require.ErrorIs(t, err, unix.ENOSPC)
		require.NoError(t, f.Truncate(size-4096)) // a page is all that a small block asks for
		require.NoError(t, f.Close())
		require.NoError(t, writer.Signal(unix.SIGCONT))
	})
	var exit *exec.ExitError
	require.True(t, errors.As(end, &exit), "it ended: %v", end)
	require.NotZero(t, acked)
	t.Logf("after %d blocks: %v", acked, end)
	require.NoError(t, os.Remove(others))
	s, err := storage.Open(dir, childOptions())
	require.NoError(t, err)
	requireChain(t, s, acked)
	tip, _ := s.Tip()
	require.NoError(t, s.Commit(chained(tip+1)))
	require.NoError(t, s.Close())
}
