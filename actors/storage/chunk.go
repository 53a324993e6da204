package storage

import (
	"encoding/binary"
	"errors"
	"sort"
)

// chunkBytes is where a chunk of transactions or results ends: a key for each
// would cost Badger about 100 bytes and a microsecond; one of megabytes would
// make reading a single transaction dear. It fits in a block of Badger's tables
// with its key: one that does not costs three times its size to build, and to keep.
const (
	chunkBytes = 60 << 10
	blockBytes = 64 << 10
)

// pieceBytes is how much of a chunk one value holds. Only a chunk of a single
// large item is longer; it takes several values, whose entries in the index
// repeat the item's number. Badger takes values of up to 1 MiB into the log
// that commits sync, and a memtable of 8 MiB takes transactions of 1.2 MiB.
const pieceBytes = 256 << 10

// chunksMax bounds the values that hold the chunks of one block, so that a
// number fits in two bytes.
const chunksMax = 1 << 15

// pack cuts items into chunks of about chunkBytes, and those into values of at
// most pieceBytes. A chunk is a count, the end offset of each item, and the
// items. firsts holds, for each value, the index of its chunk's first item.
func pack(items [][]byte) (values [][]byte, firsts []uint32) {
	for start := 0; start < len(items); {
		end, size := start, 0
		for end < len(items) && (end == start || size+len(items[end])+4 <= chunkBytes) {
			size += len(items[end]) + 4
			end++
		}
		chunk := make([]byte, 0, size+4+sumBytes)
		chunk = binary.BigEndian.AppendUint32(chunk, uint32(end-start)) // #nosec G115 -- bounded by the block
		at := uint32(0)
		for _, item := range items[start:end] {
			at += uint32(len(item)) // #nosec G115 -- bounded by the block
			chunk = binary.BigEndian.AppendUint32(chunk, at)
		}
		for _, item := range items[start:end] {
			chunk = append(chunk, item...)
		}
		for len(chunk) > 0 {
			n := min(len(chunk), pieceBytes)
			values, firsts = append(values, chunk[:n:n]), append(firsts, uint32(start)) // #nosec G115 -- bounded by the block
			chunk = chunk[n:]
		}
		start = end
	}
	return values, firsts
}

var errChunk = errors.New("a chunk's offsets are impossible")

// unpack returns the items of a chunk, which alias it.
func unpack(chunk []byte) ([][]byte, error) {
	if len(chunk) < 4 {
		return nil, errChunk
	}
	count, rest := uint64(binary.BigEndian.Uint32(chunk)), chunk[4:]
	if count*4 > uint64(len(rest)) {
		return nil, errChunk
	}
	ends, body := rest[:count*4], rest[count*4:]
	items := make([][]byte, count)
	from := uint32(0)
	for i := range items {
		to := binary.BigEndian.Uint32(ends[4*i:])
		if to < from || uint64(to) > uint64(len(body)) {
			return nil, errChunk
		}
		items[i], from = body[from:to:to], to
	}
	if uint64(from) != uint64(len(body)) {
		return nil, errChunk
	}
	return items, nil
}

// index says how many items there are, and for each value with which item its
// chunk begins: ascending, the same number again for a further piece.
type index struct {
	Count  uint32
	Firsts []uint32
}

var errIndex = errors.New("the chunk index is impossible")

// check demands what pack gives: the first chunk begins with item 0, and no
// chunk is empty.
func (x index) check() error {
	if len(x.Firsts) == 0 && x.Count > 0 {
		return errIndex
	}
	for i, first := range x.Firsts {
		if first >= x.Count || i == 0 && first != 0 || i > 0 && first < x.Firsts[i-1] {
			return errIndex
		}
	}
	return nil
}

// span finds the values lo to hi-1 that hold the chunk of item i, which is below
// Count, and the number of items in that chunk.
func (x index) span(i uint32) (lo, hi int, items uint32) {
	hi = sort.Search(len(x.Firsts), func(c int) bool { return x.Firsts[c] > i })
	first, next := x.Firsts[hi-1], x.Count
	lo = sort.Search(hi, func(c int) bool { return x.Firsts[c] >= first })
	if hi < len(x.Firsts) {
		next = x.Firsts[hi]
	}
	return lo, hi, next - first
}
