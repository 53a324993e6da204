package pagelog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// SegmentBytesDefault is the size at which a segment ends. Smaller ones are dropped
// sooner; each has a file open.
const SegmentBytesDefault = 16 << 20

// bufferBytes are written together.
const bufferBytes = 256 << 10

var (
	// ErrDropped says that a page was dropped.
	ErrDropped = errors.New("the page was dropped")
	errReading = errors.New("the log of pages is open for reading only")
)

// Log is an open log. Read may be called at any time and any number of times at once;
// what writes is for one caller at a time.
type Log struct {
	dir      string
	size     uint32 // of a segment
	readOnly bool

	mu    sync.RWMutex
	files map[uint32]*os.File
	base  uint32 // segments below are dropped

	end   uint64 // where the next page goes; for the writer, as what follows
	buf   []byte // ends there, and is not written yet
	dirty map[uint32]bool
	names bool // a segment was made since the last Sync
}

// Open opens the log in a folder, which is made if need be. end is where it ended when
// all was durable; what stands behind goes. 0: nothing ever was. Lost or short files are
// not an error here: reading what was in them is. segmentBytes 0 means the default.
func Open(dir string, end uint64, segmentBytes uint32) (*Log, error) {
	l, err := open(dir, segmentBytes)
	if err != nil {
		return nil, err
	}
	if end == 0 {
		end = First(1)
	}
	if err := l.Rewind(end); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// OpenAll opens a log of which nobody knows where it ended: it goes on in a new segment,
// behind all that is there.
func OpenAll(dir string, segmentBytes uint32) (*Log, error) {
	l, err := open(dir, segmentBytes)
	if err != nil {
		return nil, err
	}
	last := uint32(0)
	for n := range l.files {
		last = max(last, n)
	}
	l.end = First(last + 1)
	return l, nil
}

// OpenReadOnly opens a log that is only read. A folder that is not there is an empty one.
func OpenReadOnly(dir string) (*Log, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return &Log{dir: dir, readOnly: true, files: map[uint32]*os.File{}}, nil
	}
	l, err := openFiles(dir, os.O_RDONLY)
	if err == nil {
		l.readOnly = true
	}
	return l, err
}

func open(dir string, segmentBytes uint32) (*Log, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the log of pages: %w", err)
	}
	l, err := openFiles(dir, os.O_RDWR)
	if err == nil {
		if l.size = segmentBytes; l.size == 0 {
			l.size = SegmentBytesDefault
		}
	}
	return l, err
}

func openFiles(dir string, flag int) (*Log, error) {
	l := &Log{dir: dir, files: map[uint32]*os.File{}, dirty: map[uint32]bool{}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open the log of pages: %w", err)
	}
	for _, e := range entries {
		n, ok := segmentNumber(e.Name())
		if !ok {
			continue
		}
		f, err := os.OpenFile(filepath.Join(dir, e.Name()), flag, 0) // #nosec G304 -- our folder
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open the log of pages: %w", err), l.Close())
		}
		l.files[n] = f
	}
	if len(l.files) > 0 {
		l.base = slices.Min(slices.Collect(maps.Keys(l.files)))
	}
	return l, nil
}

// End is where the next page goes, unless a new segment begins before it.
func (l *Log) End() uint64 { return l.end }

// Append adds a page and returns its address. It can be read after Sync. After an error
// Rewind is the only thing to do.
func (l *Log) Append(page []byte) (uint64, error) {
	if l.readOnly {
		return 0, errReading
	}
	if len(page) == 0 || len(page) > PageBytesMax {
		return 0, fmt.Errorf("a page of %d bytes", len(page))
	}
	room := int64(frameBytes + len(page))
	if at := int64(place(l.end)); at > headerBytes && at+room > int64(l.size) {
		if err := l.write(); err != nil {
			return 0, err
		}
		before := l.end
		l.end = address(Segment(l.end)+1, 0)
		l.buf = append(l.buf, header(Segment(l.end), before)...)
		l.end += headerBytes
	} else if at == headerBytes && len(l.buf) == 0 { // the first page of all, or of one that was rewound
		l.end -= headerBytes
		l.buf = append(l.buf, header(Segment(l.end), l.end)...)
		l.end += headerBytes
	}
	addr := l.end
	l.buf = appendFrame(l.buf, addr, page)
	l.end += uint64(room) // #nosec G115 -- positive
	if len(l.buf) < bufferBytes {
		return addr, nil
	}
	return addr, l.write()
}

// write writes the buffer, which belongs to one segment.
func (l *Log) write() error {
	if len(l.buf) == 0 {
		return nil
	}
	n := Segment(l.end)
	f, err := l.segment(n)
	if err == nil {
		_, err = f.WriteAt(l.buf, int64(place(l.end))-int64(len(l.buf)))
	}
	if err != nil {
		return fmt.Errorf("write pages: %w", err)
	}
	l.dirty[n], l.buf = true, l.buf[:0]
	return nil
}

// segment is the file of a segment, made if need be.
func (l *Log) segment(n uint32) (*os.File, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.files[n]; f != nil {
		return f, nil
	}
	if l.files == nil {
		return nil, fs.ErrClosed
	}
	f, err := os.OpenFile(filepath.Join(l.dir, segmentName(n)), os.O_RDWR|os.O_CREATE, 0o600) // #nosec G304 -- our folder
	if err != nil {
		return nil, err
	}
	l.files[n], l.names = f, true
	if l.base == 0 {
		l.base = n
	}
	return f, nil
}

// Sync makes all pages durable, and readable.
func (l *Log) Sync() error {
	if err := l.write(); err != nil {
		return err
	}
	for _, n := range slices.Sorted(maps.Keys(l.dirty)) {
		f, err := l.segment(n)
		if err == nil {
			err = f.Sync()
		}
		if err != nil {
			return fmt.Errorf("make pages durable: %w", err)
		}
	}
	if l.names {
		if err := syncDir(l.dir); err != nil {
			return fmt.Errorf("make pages durable: %w", err)
		}
	}
	clear(l.dirty)
	l.names = false
	return nil
}

// Rewind makes the log end where it once did: what came after is not needed.
func (l *Log) Rewind(end uint64) error {
	if l.readOnly {
		return errReading
	}
	l.end, l.buf = end, l.buf[:0]
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range slices.Sorted(maps.Keys(l.files)) {
		if n < Segment(end) {
			continue
		}
		f := l.files[n]
		if n > Segment(end) {
			delete(l.files, n)
			delete(l.dirty, n)
			if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
				return fmt.Errorf("cut the log of pages: %w", err)
			}
			continue
		}
		info, err := f.Stat()
		if err == nil && info.Size() > int64(place(end)) {
			err = f.Truncate(int64(place(end)))
		}
		if err != nil {
			return fmt.Errorf("cut the log of pages: %w", err)
		}
	}
	return nil
}

// Read reads the page at an address, which has so many bytes. Errors: *Corrupt,
// ErrDropped, fs.ErrClosed.
func (l *Log) Read(addr uint64, size int) ([]byte, error) {
	if size <= 0 || size > PageBytesMax {
		return nil, &Corrupt{addr, "no page has such a length"}
	}
	b, err := l.bytes(addr, frameBytes+size)
	if err != nil {
		return nil, err
	}
	return unframe(addr, b)
}

func (l *Log) bytes(addr uint64, n int) ([]byte, error) {
	l.mu.RLock()
	defer l.mu.RUnlock() // a file is not closed while it is read
	f := l.files[Segment(addr)]
	switch {
	case l.files == nil:
		return nil, fs.ErrClosed
	case f == nil && Segment(addr) < l.base:
		return nil, fmt.Errorf("page at %d of segment %d: %w", place(addr), Segment(addr), ErrDropped)
	case f == nil:
		return nil, &Corrupt{addr, "the segment is missing"}
	}
	b := make([]byte, n)
	got, err := f.ReadAt(b, int64(place(addr)))
	if errors.Is(err, io.EOF) && got < n {
		return nil, &Corrupt{addr, "the segment is cut short"}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read a page: %w", err)
	}
	return b, nil
}

// Drop removes the segments that lie below an address as a whole. It may be called at any
// time; the writer is above.
func (l *Log) Drop(below uint64) error {
	if l.readOnly {
		return errReading
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.base = max(l.base, Segment(below))
	for _, n := range slices.Sorted(maps.Keys(l.files)) {
		if n >= Segment(below) {
			break
		}
		f := l.files[n]
		delete(l.files, n)
		if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
			return fmt.Errorf("drop pages: %w", err)
		}
	}
	return nil
}

// Drops reports whether Drop would remove anything.
func (l *Log) Drops(below uint64) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.base > 0 && l.base < Segment(below)
}

// Bytes is the size of all files.
func (l *Log) Bytes() (sum int64) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, f := range l.files {
		if info, err := f.Stat(); err == nil {
			sum += info.Size()
		}
	}
	return sum
}

// Close closes the files. Pages that are not synced may be lost.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, f := range l.files {
		errs = append(errs, f.Close())
	}
	l.files = nil
	return errors.Join(errs...)
}

func syncDir(dir string) error {
	d, err := os.Open(dir) // #nosec G304 -- our folder
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
