//go:build wasip1

package concordat

import "unsafe"

// hot is the memory that every call writes. It stands together, because after a call
// each page that was written is put back, which costs as much as a hundred
// instructions. An instance serves one call and is then what it was before, so nothing
// of it is given back.
var hot struct {
	call  Context
	rest  []byte // none of it in use; its room is the end of bytes
	key   [KeyBytesMax + 2]byte
	bytes [32 << 10]byte
}

// sparedMin is what is not kept of the bytes, for what is of short life.
const sparedMin = 4 << 10

// spare is room for what is of short life: nothing else is written there until the
// host is asked for something, or spare is called again. What needs more than there is
// goes to the heap, as append does.
func spare() []byte { return hot.rest }

// roomForKey is room for one key, which may stand beside what is in spare.
func roomForKey() []byte { return hot.key[:0] }

// keep is b for the rest of the call. What is at the beginning of the spare room stays
// where it is, while there is enough.
func keep(b []byte) []byte {
	n := len(b)
	if n == 0 || unsafe.SliceData(b) != unsafe.SliceData(hot.rest) || cap(hot.rest)-n < sparedMin {
		return append(make([]byte, 0, n), b...)
	}
	hot.rest = hot.rest[n:n:cap(hot.rest)]
	return b[:n:n]
}

func atSpare() (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.SliceData(hot.rest)), uint32(cap(hot.rest))
}

// answered is what the host gave, of that size: it is in the spare room if it fits
// there, and fetched otherwise.
func answered(size uint32) []byte {
	if int(size) <= cap(hot.rest) {
		return hot.rest[:size:size]
	}
	out := make([]byte, size)
	importFetch(at(out))
	return out
}
