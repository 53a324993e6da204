package memory

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Up to relearnPages written pages are copied back one by one for as long as the memory
// lives. More are kept for some calls, and within a bound of the process; then the mapping is
// dropped, and the next call pays with faults for the pages that it writes. A fault takes as
// long as copying a page several times, and a call that writes to each page of a large memory
// is cheap in gas: without this, one transaction of such calls took 20 s.
const (
	relearnPages = 256
	keptCalls    = 16
	keptPagesMax = 64 << 10 // 256 MiB
)

// kept are the pages above relearnPages that all memories of the process hold.
var kept atomic.Int64

// A page that one call wrote and later ones do not is copied back after each of them,
// until it is found unwritten in idleChecks checks, one every checkEvery resets. It then
// is the snapshot's again. Writing it once more costs some 5 µs, so less than 20 ns a
// call.
const (
	checkEvery = 32
	idleChecks = 8
)

// Bits of /proc/self/pagemap (Linux, Documentation/admin-guide/mm/pagemap.rst).
const (
	pagePresent = 1 << 63
	pageSwapped = 1 << 62
	pageOfFile  = 1 << 61
)

// pagemap is opened once; without it (no /proc, a page size other than ours) the
// copying form serves.
var pagemap = sync.OnceValue(func() *os.File {
	if os.Getpagesize() != PageBytes {
		return nil
	}
	f, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return nil
	}
	return f
})

// mapped is a memory that is a private mapping of its snapshot.
type mapped struct {
	region   []byte
	size     int
	snapshot *Snapshot
	written  []written // pages known to be private copies
	kept     int       // of written, counted in kept
	calls    int       // since so many were written
	unknown  bool      // written is to be learnt anew
	resets   int
	faults   int64
	entries  []byte // of the pagemap
}

// written is a page that is a private copy.
type written struct {
	page int
	idle int // checks that found it unwritten, one after another
}

// works tells whether this kernel tells what the mapped form rests on. Some that
// pass for Linux give a page map of zeros or do not count faults; a reset would
// then put nothing back, without a word.
var works = sync.OnceValue(func() bool {
	if pagemap() == nil {
		return false
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const pages = 64
	m, err := newMapped(2 * pages * PageBytes)
	if err != nil {
		return false
	}
	defer m.Free()
	view := m.Reallocate(pages * PageBytes)
	for page := range pages {
		view[page*PageBytes] = byte(page)
	}
	s, err := m.Capture()
	if err != nil {
		return false
	}
	defer func() { _ = s.Close() }()             // it is only a trial
	for _, page := range []int{3, 3, 40, 7, 3} { // learnt, known, and found by a fault
		m.Begin()
		m.Reallocate((pages + 1) * PageBytes)[pages*PageBytes] = 1
		view[page*PageBytes+1]++
		if _, err := m.Reset(); err != nil || !m.Matches() {
			return false
		}
	}
	return true
})

func reserveMapped(max int) (Space, error) {
	if max == 0 || !works() {
		return nil, nil
	}
	m, err := newMapped(max)
	if err != nil {
		return nil, err
	}
	return m, nil
}

func newMapped(max int) (*mapped, error) {
	region, err := unix.Mmap(-1, 0, max, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("reserving %d bytes for a contract's memory: %w", max, err)
	}
	return &mapped{region: region}, nil
}

func (m *mapped) Reallocate(size uint64) []byte {
	if size > uint64(len(m.region)) {
		return nil
	}
	m.size = int(size) // #nosec G115 -- at most the region's length
	return m.region[:size]
}

func (m *mapped) Free() {
	if m.region != nil {
		m.keep(0)
		_ = unix.Munmap(m.region) // fails only for what is not mapped
		m.region = nil
	}
}

func (m *mapped) Capture() (*Snapshot, error) {
	s, err := newSnapshot(m.region[:m.size])
	if err != nil {
		return nil, err
	}
	if err := m.Attach(s); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// newSnapshot copies the pages that are not zero into a file in memory.
func newSnapshot(content []byte) (*Snapshot, error) {
	fd, err := unix.MemfdCreate("concordat-contract", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("creating a snapshot's file in memory: %w", err)
	}
	s := &Snapshot{file: fd, close: func() error { return unix.Close(fd) }}
	if len(content) == 0 {
		return s, nil
	}
	if err := unix.Ftruncate(fd, int64(len(content))); err != nil {
		return nil, errors.Join(fmt.Errorf("sizing a snapshot: %w", err), s.Close())
	}
	zero := make([]byte, PageBytes)
	for at := 0; at < len(content); at += PageBytes {
		page := content[at:min(at+PageBytes, len(content))]
		if bytes.Equal(page, zero[:len(page)]) {
			continue
		}
		if n, err := unix.Pwrite(fd, page, int64(at)); err != nil || n != len(page) {
			return nil, errors.Join(fmt.Errorf("writing a snapshot, %d of %d bytes: %w", n, len(page), err), s.Close())
		}
	}
	s.bytes, err = unix.Mmap(fd, 0, len(content), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mapping a snapshot: %w", err), s.Close())
	}
	s.close = func() error { return errors.Join(unix.Munmap(s.bytes), unix.Close(fd)) }
	return s, nil
}

func (m *mapped) Attach(s *Snapshot) error {
	if len(s.bytes) > len(m.region) {
		return fmt.Errorf("a snapshot of %d bytes does not fit into a memory of %d", len(s.bytes), len(m.region))
	}
	if len(s.bytes) > 0 {
		// #nosec G103 -- the region is ours and as long as the snapshot
		_, err := unix.MmapPtr(s.file, 0, unsafe.Pointer(&m.region[0]), uintptr(len(s.bytes)),
			unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED|unix.MAP_NORESERVE)
		if err != nil {
			return fmt.Errorf("mapping a snapshot into a contract's memory: %w", err)
		}
	}
	if rest := m.region[len(s.bytes):]; len(rest) > 0 {
		if err := unix.Madvise(rest, unix.MADV_DONTNEED); err != nil {
			return fmt.Errorf("clearing a contract's memory: %w", err)
		}
	}
	m.snapshot, m.size = s, len(s.bytes)
	m.keep(0)
	m.written, m.unknown = m.written[:0], true
	return nil
}

// threadFaults counts the page faults of this thread. Without it every reset
// looks for itself.
func threadFaults() (int64, bool) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		return 0, false
	}
	return u.Minflt + u.Majflt, true
}

func (m *mapped) Begin() {
	faults, ok := threadFaults()
	m.faults = faults
	m.unknown = m.unknown || !ok
}

// Reset puts the written pages back. A page becomes private by a fault of the
// thread that writes it, and host functions write on that thread too: no new
// fault means that no page was added to those already known.
func (m *mapped) Reset() (int, error) {
	if m.size > len(m.snapshot.bytes) { // grown: those pages are zero when they come again
		if err := unix.Madvise(m.region[len(m.snapshot.bytes):m.size], unix.MADV_DONTNEED); err != nil {
			return 0, fmt.Errorf("clearing the grown part of a contract's memory: %w", err)
		}
	}
	m.size = len(m.snapshot.bytes)
	if faults, ok := threadFaults(); !ok || m.unknown || faults != m.faults {
		if err := m.learn(); err != nil {
			return 0, err
		}
	}
	n := len(m.written)
	if !m.keep(n) {
		m.keep(0)
		if err := unix.Madvise(m.region[:m.size], unix.MADV_DONTNEED); err != nil {
			return 0, fmt.Errorf("dropping a contract's written pages: %w", err)
		}
		m.written = m.written[:0]
		return n, nil
	}
	if m.resets++; m.resets%checkEvery == 0 {
		return n, m.restoreChecked()
	}
	for _, w := range m.written {
		at := w.page * PageBytes
		copy(m.region[at:at+PageBytes], m.snapshot.bytes[at:])
	}
	return n, nil
}

// keep tells whether so many written pages may stay private, and counts them.
func (m *mapped) keep(written int) bool {
	more := max(written-relearnPages, 0)
	if m.calls++; more == 0 {
		m.calls = 0
	}
	if m.calls > keptCalls || kept.Add(int64(more-m.kept)) > keptPagesMax && more > m.kept {
		if m.calls <= keptCalls {
			kept.Add(int64(m.kept - more))
		}
		return false
	}
	m.kept = more
	return true
}

// restoreChecked puts the written pages back and gives up the copies of those that
// are long unwritten.
func (m *mapped) restoreChecked() error {
	kept := m.written[:0]
	for i, w := range m.written {
		at := w.page * PageBytes
		page, was := m.region[at:at+PageBytes], m.snapshot.bytes[at:at+PageBytes]
		if !bytes.Equal(page, was) {
			copy(page, was)
			w.idle = 0
		} else if w.idle++; w.idle == idleChecks {
			if err := unix.Madvise(page, unix.MADV_DONTNEED); err != nil {
				m.written = append(kept, m.written[i:]...)
				return fmt.Errorf("dropping a contract's unwritten page: %w", err)
			}
			continue
		}
		kept = append(kept, w)
	}
	m.written = kept
	return nil
}

// learn finds the private pages: present but not of the snapshot's file, or
// swapped out, which only a private page is.
func (m *mapped) learn() error {
	m.unknown = false
	m.written = m.written[:0]
	pages := len(m.snapshot.bytes) / PageBytes
	if pages == 0 {
		return nil
	}
	if cap(m.entries) < pages*8 {
		m.entries = make([]byte, pages*8)
	}
	entries := m.entries[:pages*8]
	// #nosec G103 G115 -- the address is only a place in the page map
	first := int64(uintptr(unsafe.Pointer(&m.region[0])) / PageBytes)
	if _, err := pagemap().ReadAt(entries, first*8); err != nil {
		return fmt.Errorf("reading which pages of a contract's memory were written: %w", err)
	}
	for i := range pages {
		e := binary.NativeEndian.Uint64(entries[i*8:])
		if e&pageSwapped != 0 || e&pagePresent != 0 && e&pageOfFile == 0 {
			m.written = append(m.written, written{page: i})
		}
	}
	return nil
}

func (m *mapped) Matches() bool {
	return matches(m.region[:max(m.size, len(m.snapshot.bytes))], m.snapshot)
}
