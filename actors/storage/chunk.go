package storage

import (
	"encoding/binary"
	"errors"
	"sort"
)

// chunkBytes is where a chunk of transactions or results ends: a key for each
// would cost Badger about 100 bytes and a microsecond; one of megabytes would
// make reading a single transaction dear.
const chunkBytes = 64 << 10

// chunksMax bounds the chunks of one block, so that a number fits in two bytes.
const chunksMax = 1 << 15

// pack cuts items into chunks of about chunkBytes. A chunk is a count, the end
// offset of each item, and the items. firsts holds the index of each chunk's first item.
func pack(items [][]byte) (chunks [][]byte, firsts []uint32) {
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
		chunks, firsts = append(chunks, chunk), append(firsts, uint32(start)) // #nosec G115 -- bounded by the block
		start = end
	}
	return chunks, firsts
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

// chunkOf finds the chunk that holds item i.
func chunkOf(firsts []uint32, i uint32) int {
	return sort.Search(len(firsts), func(c int) bool { return firsts[c] > i }) - 1
}
