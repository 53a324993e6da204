package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// used is what the process has used so far, and what it holds now.
type used struct {
	CPU     float64 // seconds, user and system
	Written uint64  // bytes of pages made dirty on the way to the disk: write_bytes of /proc/self/io
	Own     uint64  // bytes of memory that are not files: RssAnon
	Mapped  uint64  // bytes of files mapped and resident: RssFile
}

func usedNow() (u used, err error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return u, err
	}
	u.CPU = float64(r.Utime.Sec+r.Stime.Sec) + float64(r.Utime.Usec+r.Stime.Usec)/1e6
	io, err := fields("/proc/self/io")
	if err != nil {
		return u, err
	}
	status, err := fields("/proc/self/status")
	u.Written, u.Own, u.Mapped = io["write_bytes"], status["RssAnon"]<<10, status["RssFile"]<<10
	return u, err
}

// fields reads a file of names and numbers.
func fields(path string) (map[string]uint64, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	out := map[string]uint64{}
	for line := range strings.Lines(string(raw)) {
		name, rest, _ := strings.Cut(line, ":")
		var v uint64
		if _, err := fmt.Sscan(rest, &v); err == nil {
			out[name] = v
		}
	}
	return out, nil
}

// quiet waits until nothing has been written for a second, or half a minute has passed.
func quiet() error {
	last, since := uint64(0), time.Now()
	for begin := time.Now(); time.Since(begin) < 30*time.Second && time.Since(since) < time.Second; time.Sleep(100 * time.Millisecond) {
		u, err := usedNow()
		if err != nil {
			return err
		}
		if u.Written != last {
			last, since = u.Written, time.Now()
		}
	}
	return nil
}

// diskBytes is what the blocks of a folder's files take.
func diskBytes(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		var st syscall.Stat_t
		if err := syscall.Stat(path, &st); err != nil {
			return err
		}
		total += st.Blocks * 512
		return nil
	})
	return total, err
}

// forget has the page cache drop a folder's files, so that the next process reads them from
// the disk.
func forget(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := f.Sync(); err != nil {
			return err
		}
		return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	})
}

// quantile of values that it puts in order.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[min(int(q*float64(len(values))), len(values)-1)]
}

func median(values []float64) float64 { return quantile(slices.Clone(values), 0.5) }
