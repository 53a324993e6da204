package pagelog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"strconv"
	"strings"
)

// A segment begins with a magic text, its number, and where the one before ended. Pages
// follow, each behind its length and a checksum over its address, length and bytes.
const (
	magic       = "concordat pages 1\n"
	headerBytes = 32
	frameBytes  = 8
	suffix      = ".pages"
)

// PageBytesMax bounds a page: a larger length is damage.
const PageBytesMax = 16 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Address of a page: the number of its segment, and the place of its frame in it.
func address(segment, at uint32) uint64 { return uint64(segment)<<32 | uint64(at) }

// Segment is the number of the segment of an address.
func Segment(addr uint64) uint32 { return uint32(addr >> 32) } // #nosec G115 -- the upper half

func place(addr uint64) uint32 { return uint32(addr) } // #nosec G115 -- the lower half

// First is the lowest address of a segment.
func First(segment uint32) uint64 { return address(segment, headerBytes) }

func segmentName(n uint32) string { return fmt.Sprintf("%010d%s", n, suffix) }

// segmentNumber reads a file's name; false: it is not that of a segment.
func segmentNumber(path string) (uint32, bool) {
	name := filepath.Base(path)
	n, err := strconv.ParseUint(strings.TrimSuffix(name, suffix), 10, 32)
	return uint32(n), err == nil && n > 0 && segmentName(uint32(n)) == name // #nosec G115 -- 32 bits
}

// header of a segment: before is where the log ended in the one before.
func header(n uint32, before uint64) []byte {
	b := append(make([]byte, 0, headerBytes), magic...)
	b = binary.BigEndian.AppendUint16(b, 0)
	b = binary.BigEndian.AppendUint64(b, before)
	return binary.BigEndian.AppendUint32(b, crc32.Update(uint32(n), castagnoli, b))
}

func parseHeader(n uint32, b []byte) (before uint64, err error) {
	if len(b) < headerBytes {
		return 0, &Corrupt{First(n), "the segment has no beginning"}
	}
	before = binary.BigEndian.Uint64(b[len(magic)+2:])
	if !bytes.Equal(b[:headerBytes], header(n, before)) {
		return 0, &Corrupt{First(n), "the beginning of the segment is damaged"}
	}
	return before, nil
}

// appendFrame appends a page behind its length and checksum.
func appendFrame(b []byte, addr uint64, page []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(page))) // #nosec G115 -- at most PageBytesMax
	b = binary.BigEndian.AppendUint32(b, sum(addr, page))
	return append(b, page...)
}

func sum(addr uint64, page []byte) uint32 {
	var b [12]byte
	binary.BigEndian.PutUint64(b[:], addr)
	binary.BigEndian.PutUint32(b[8:], uint32(len(page))) // #nosec G115 -- at most PageBytesMax
	return crc32.Update(crc32.Checksum(b[:], castagnoli), castagnoli, page)
}

// unframe checks what appendFrame made.
func unframe(addr uint64, b []byte) ([]byte, error) {
	if len(b) < frameBytes || int64(binary.BigEndian.Uint32(b)) != int64(len(b)-frameBytes) {
		return nil, &Corrupt{addr, "the page has another length"}
	}
	if binary.BigEndian.Uint32(b[4:]) != sum(addr, b[frameBytes:]) {
		return nil, &Corrupt{addr, "the checksum does not match"}
	}
	return b[frameBytes:], nil
}

// Corrupt says that a page is not as it was written.
type Corrupt struct {
	Addr   uint64
	Reason string
}

func (e *Corrupt) Error() string {
	return fmt.Sprintf("page at %d of segment %d: %s", place(e.Addr), Segment(e.Addr), e.Reason)
}
