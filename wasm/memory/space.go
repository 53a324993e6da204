// Package memory holds the linear memory of contract instances and puts it back
// to a snapshot after each call.
//
// A contract must start every call from the same bytes, or gas and results would
// depend on what ran before on this replica. Copying all of a Go contract's 3 MB
// after each call takes 70 µs. On Linux the memory is instead a private mapping of
// the snapshot: the pages that a call wrote are the only ones to copy back, and
// whether there are new ones is told by the thread's count of page faults. That
// takes 0.3 to 2 µs. Elsewhere all is copied.
package memory

import (
	"bytes"
	"fmt"
)

// Space is the memory of one instance. It grows in place and is used by one
// goroutine at a time.
type Space interface {
	// Reallocate makes the memory size bytes long; nil when size is more than was
	// reserved. The bytes stay where they are.
	Reallocate(size uint64) []byte
	// Free gives the memory back. The bytes must not be touched afterwards.
	Free()
	// Capture makes a snapshot of the present bytes and attaches it.
	Capture() (*Snapshot, error)
	// Attach makes the memory what a snapshot of another space holds.
	Attach(s *Snapshot) error
	// Begin comes before a call and Reset after it, on the same locked thread.
	// Reset returns the number of pages that were put back.
	Begin()
	Reset() (pages int, err error)
	// Matches compares all bytes with the snapshot.
	Matches() bool
}

// Snapshot is what a memory holds at the start of every call. It may be attached
// to many spaces at a time, and is closed after the last of them is freed.
type Snapshot struct {
	bytes []byte
	close func() error
	file  int
}

// Size is the snapshot's length in bytes.
func (s *Snapshot) Size() int { return len(s.bytes) }

// Compare tells whether two snapshots hold the same, and where they first do not.
func (s *Snapshot) Compare(o *Snapshot) (at int, same bool) {
	if bytes.Equal(s.bytes, o.bytes) {
		return 0, true
	}
	n := min(len(s.bytes), len(o.bytes))
	for at < n && s.bytes[at] == o.bytes[at] {
		at++
	}
	return at, false
}

// Close gives the snapshot back.
func (s *Snapshot) Close() error { return s.close() }

// Portable makes Reserve return the copying form everywhere.
type Portable bool

// Reserve sets apart room for a memory of at most max bytes.
func Reserve(max uint64, portable Portable) (Space, error) {
	if max > 1<<32 {
		return nil, fmt.Errorf("a memory of %d bytes cannot be addressed with 32 bits", max)
	}
	if !portable {
		s, err := reserveMapped(int(max)) // #nosec G115 -- checked above
		if s != nil || err != nil {
			return s, err
		}
	}
	return &copied{region: make([]byte, max)}, nil
}

// copied is the form that copies all bytes.
type copied struct {
	region   []byte
	size     int
	snapshot *Snapshot
}

func (c *copied) Reallocate(size uint64) []byte {
	if size > uint64(len(c.region)) {
		return nil
	}
	c.size = int(size) // #nosec G115 -- at most the region's length
	return c.region[:size]
}

func (c *copied) Free() { c.region = nil }

func (c *copied) Capture() (*Snapshot, error) {
	c.snapshot = &Snapshot{bytes: append([]byte(nil), c.region[:c.size]...), close: func() error { return nil }}
	return c.snapshot, nil
}

func (c *copied) Attach(s *Snapshot) error {
	if len(s.bytes) > len(c.region) {
		return fmt.Errorf("a snapshot of %d bytes does not fit into a memory of %d", len(s.bytes), len(c.region))
	}
	c.snapshot = s
	_, err := c.Reset()
	return err
}

func (c *copied) Begin() {}

func (c *copied) Reset() (int, error) {
	clear(c.region[len(c.snapshot.bytes):max(c.size, len(c.snapshot.bytes))])
	c.size = copy(c.region, c.snapshot.bytes)
	return c.size / PageBytes, nil
}

func (c *copied) Matches() bool { return matches(c.region, c.snapshot) }

// PageBytes is the size of a page of this package's counts.
const PageBytes = 4096

func matches(region []byte, s *Snapshot) bool {
	if string(region[:len(s.bytes)]) != string(s.bytes) {
		return false
	}
	for _, b := range region[len(s.bytes):] {
		if b != 0 {
			return false
		}
	}
	return true
}
