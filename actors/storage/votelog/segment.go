package votelog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/concordat-ledger/concordat/ledger"
)

const segmentSuffix = ".votes"

func segmentName(index uint64) string { return fmt.Sprintf("%016x%s", index, segmentSuffix) }

func segmentIndex(name string) (uint64, bool) {
	hex, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(hex) != 16 {
		return 0, false
	}
	index, err := strconv.ParseUint(hex, 16, 64)
	return index, err == nil && segmentName(index) == name
}

// Corrupt says that bytes which were once durable are damaged. The log is not
// opened: what this replica signed is then unknown.
type Corrupt struct {
	File   string
	Offset int64 // bytes from the file's start
	Reason string
}

func (e *Corrupt) Error() string {
	return fmt.Sprintf("the vote log is damaged: %s at byte %d: %s", e.File, e.Offset, e.Reason)
}

// Foreign says that the log was written for another ledger.
type Foreign struct {
	File        string
	Found, Want ledger.ID
}

func (e *Foreign) Error() string {
	return fmt.Sprintf("the vote log %s belongs to ledger %s, not to %s", e.File, e.Found.Short(), e.Want.Short())
}

// segment is what the log remembers of one file.
type segment struct {
	index  uint64
	size   int64  // bytes of header and sound units
	seqMax uint64 // highest Seq of any record
}

// scan calls fn for each sound unit of a file and returns the offset after the
// last one, with the reason why it stopped there ("" at the end of the file).
func scan(f File, index uint64, fn func([]Record) error) (end int64, reason string, err error) {
	size, err := f.Size()
	if err != nil {
		return 0, "", err
	}
	in := &window{file: f, size: size}
	for end = headerBytes; end < size; {
		head, err := in.at(end, unitHeaderBytes)
		if err != nil {
			return end, "", err
		}
		need := unitHeaderBytes
		if len(head) == unitHeaderBytes {
			need += int(min(binary.BigEndian.Uint32(head[4:]), UnitBytesMax))
		}
		unit, err := in.at(end, need)
		if err != nil {
			return end, "", err
		}
		recs, _, n, why := decodeUnit(unit, index, end)
		if why != "" {
			return end, why, nil
		}
		if err := fn(recs); err != nil {
			return end, "", err
		}
		end += int64(n)
	}
	return end, "", nil
}

// syncedBeyond looks behind damage at offset for a sound unit that was written
// after a sync which covered the damaged place.
func syncedBeyond(f File, index uint64, offset int64) (bool, error) {
	size, err := f.Size()
	if err != nil {
		return false, err
	}
	in := &window{file: f, size: size}
	var magic [4]byte
	binary.BigEndian.PutUint32(magic[:], unitMagic)
	for at := offset + unitAlign; at+unitHeaderBytes <= size; at += unitAlign {
		head, err := in.at(at, unitHeaderBytes)
		if err != nil {
			return false, err
		}
		if !bytes.Equal(head[:4], magic[:]) {
			continue
		}
		unit, err := in.at(at, unitHeaderBytes+int(min(binary.BigEndian.Uint32(head[4:]), UnitBytesMax)))
		if err != nil {
			return false, err
		}
		if _, synced, _, why := decodeUnit(unit, index, at); why == "" && synced > offset {
			return true, nil
		}
	}
	return false, nil
}

// window reads a file through one buffer of at most a unit and 1 MiB.
type window struct {
	file  File
	size  int64
	start int64
	buf   []byte
}

// at returns up to n bytes from off, fewer only at the end of the file. They
// are valid until the next call.
func (w *window) at(off int64, n int) ([]byte, error) {
	n = int(min(int64(n), w.size-off))
	if off < w.start || off+int64(n) > w.start+int64(len(w.buf)) {
		want := int(min(int64(max(n, 1<<20)), w.size-off))
		if cap(w.buf) < want {
			w.buf = make([]byte, want)
		}
		w.start, w.buf = off, w.buf[:want]
		if got, err := w.file.ReadAt(w.buf, off); got < want {
			w.buf = w.buf[:0]
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	from := int(off - w.start)
	return w.buf[from : from+n], nil
}
