package storage

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/concordat-ledger/concordat/ledger"
)

// The first byte of a key says what it is. Changing any of these, or the
// layout of a value, is a new formatVersion.
const (
	kindMeta        = 'm' // name
	kindState       = 's' // state key
	kindBlock       = 'b' // height: hash, header, commit, outcome, chunk index
	kindTxs         = 'x' // height, number of the value
	kindResults     = 'r' // height, number of the value
	kindBlockHash   = 'h' // block hash: height
	kindTxID        = 't' // transaction id: height, index
	kindCommand     = 'c' // command key: height, index, expiry
	kindCertificate = 'q' // height
	kindChanged     = 'k' // height, number of the piece: places that the block changed
	kindHeld        = 'l' // height, index, number of the value
	kindTable       = 'T' // in no key: an error about one of Badger's tables, see table.go
	kindFolder      = 'F' // in no key: an error about a file beside them
)

var tipKey = []byte{kindMeta, 't', 'i', 'p'}
var partsKey = []byte{kindMeta, 'p', 'a', 'r', 't', 's'} // the last block that took several transactions
var baseKey = []byte{kindMeta, 'b', 'a', 's', 'e'}       // the oldest block; absent: 1
var treeKey = []byte{kindMeta, 't', 'r', 'e', 'e'}       // the newest flush of the state tree
var installedKey = []byte{kindMeta, 'i', 'n', 's', 't'}  // the height of the snapshot with which the store began
var prunedKey = []byte{kindMeta, 'p', 'r', 'u', 'n', 'e', 'd'}
var floorKey = []byte{kindMeta, 'f', 'l', 'o', 'o', 'r'} // how far blocks are pruned; absent: they are not

// KeyBytesMax and ValueBytesMax bound a state record; Badger takes keys of
// 65,000 bytes, and values above 1 MiB would leave the log that commits sync.
const (
	KeyBytesMax   = 60_000
	ValueBytesMax = 1<<20 - 256
)

const sumBytes = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func heightKey(kind byte, h ledger.Height) []byte {
	return binary.BigEndian.AppendUint64([]byte{kind}, uint64(h))
}

func chunkKey(kind byte, h ledger.Height, chunk int) []byte {
	return binary.BigEndian.AppendUint16(heightKey(kind, h), uint16(chunk)) // #nosec G115 -- chunks are bounded by chunksMax
}

func hashKey(kind byte, h ledger.Hash) []byte { return append([]byte{kind}, h[:]...) }

func stateKey(key []byte) []byte {
	return append(append(make([]byte, 0, len(key)+1), kindState), key...)
}

// frame appends a CRC32C over key and value: damage shows, and so does a value
// that stands under another key.
func frame(key, value []byte) []byte {
	out := append(make([]byte, 0, len(value)+sumBytes), value...)
	return binary.BigEndian.AppendUint32(out, sum(key, value))
}

func sum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}

// unframe checks what frame made; the value aliases framed.
func unframe(key, framed []byte, version uint64) ([]byte, error) {
	n := len(framed) - sumBytes
	if n < 0 {
		return nil, corrupt(key, version, "the value is cut short")
	}
	if binary.BigEndian.Uint32(framed[n:]) != sum(key, framed[:n]) {
		return nil, corrupt(key, version, "the checksum does not match")
	}
	return framed[:n:n], nil
}

func corrupt(key []byte, version uint64, reason string) error {
	return &CorruptError{Key: append([]byte(nil), key...), Height: ledger.Height(version), Reason: reason}
}
