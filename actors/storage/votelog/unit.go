package votelog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/concordat-ledger/concordat/ledger"
)

// Record is one remembered fact.
type Record struct {
	Seq  uint64 // the slot it belongs to; 0: kept until a newer record of the same Kind replaces it
	Kind uint8
	Data []byte // at most RecordBytesMax
}

// RecordBytesMax bounds one record's data: a proposal of the largest block
// fits. UnitBytesMax bounds what is appended as one unit, framing included.
const (
	RecordBytesMax = 8 << 20
	UnitBytesMax   = 16 << 20
)

// ErrTooBig is wrapped when a record or a unit is over its limit.
var ErrTooBig = errors.New("too big for the vote log")

const (
	headerBytes     = 64 // magic 4, version 4, segment 8, ledger 32, zero 12, CRC32C 4
	headerMagic     = 0x434f564c
	formatVersion   = 1
	unitHeaderBytes = 24 // magic 4, payload length 4, synced offset 8, record count 4, CRC32C 4
	unitMagic       = 0x554e4954
	recordHead      = 13 // seq 8, kind 1, length 4
	unitAlign       = 8  // units start at multiples, which makes the search after damage cheap
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encodeHeader(segment uint64, id ledger.ID) []byte {
	b := make([]byte, headerBytes)
	binary.BigEndian.PutUint32(b, headerMagic)
	binary.BigEndian.PutUint32(b[4:], formatVersion)
	binary.BigEndian.PutUint64(b[8:], segment)
	copy(b[16:], id[:])
	binary.BigEndian.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
	return b
}

// checkHeader returns "" for a sound header, else what is wrong with it.
func checkHeader(b []byte, segment uint64) (id ledger.ID, version uint32, reason string) {
	switch {
	case len(b) < headerBytes:
		return id, 0, "the header is cut short"
	case binary.BigEndian.Uint32(b) != headerMagic:
		return id, 0, "it does not begin like a vote log"
	case crc32.Checksum(b[:60], castagnoli) != binary.BigEndian.Uint32(b[60:]):
		return id, 0, "the header's checksum does not match"
	case binary.BigEndian.Uint64(b[8:]) != segment:
		return id, 0, "the header names another segment"
	}
	copy(id[:], b[16:])
	return id, binary.BigEndian.Uint32(b[4:]), ""
}

// unitSum covers the place as well as the bytes: a unit that a disk wrote
// elsewhere, or left over from a removed file, does not verify.
func unitSum(segment uint64, offset int64, unit []byte) uint32 {
	var place [16]byte
	binary.BigEndian.PutUint64(place[:], segment)
	binary.BigEndian.PutUint64(place[8:], uint64(offset)) // #nosec G115 -- offsets are positive
	sum := crc32.Update(crc32.Checksum(place[:], castagnoli), castagnoli, unit[:unitHeaderBytes-4])
	return crc32.Update(sum, castagnoli, unit[unitHeaderBytes:])
}

func unitBytes(recs []Record) (int, error) {
	n := unitHeaderBytes
	for _, r := range recs {
		if len(r.Data) > RecordBytesMax {
			return 0, fmt.Errorf("%w: a record of %d bytes, the limit is %d", ErrTooBig, len(r.Data), RecordBytesMax)
		}
		n += recordHead + len(r.Data)
		if n > UnitBytesMax-unitAlign {
			return 0, fmt.Errorf("%w: a unit of %d records passes %d bytes", ErrTooBig, len(recs), UnitBytesMax)
		}
	}
	return (n + unitAlign - 1) / unitAlign * unitAlign, nil
}

// appendUnit encodes recs for the given place; size comes from unitBytes.
func appendUnit(dst []byte, recs []Record, size int, segment uint64, offset, synced int64) []byte {
	start := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, unitMagic)
	dst = binary.BigEndian.AppendUint32(dst, uint32(size-unitHeaderBytes)) // #nosec G115 -- at most UnitBytesMax
	dst = binary.BigEndian.AppendUint64(dst, uint64(synced))               // #nosec G115 -- positive
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(recs)))            // #nosec G115 -- at most UnitBytesMax
	dst = append(dst, 0, 0, 0, 0)
	for _, r := range recs {
		dst = binary.BigEndian.AppendUint64(dst, r.Seq)
		dst = append(dst, r.Kind)
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(r.Data))) // #nosec G115 -- at most RecordBytesMax
		dst = append(dst, r.Data...)
	}
	for len(dst)-start < size {
		dst = append(dst, 0)
	}
	binary.BigEndian.PutUint32(dst[start+unitHeaderBytes-4:], unitSum(segment, offset, dst[start:]))
	return dst
}

// decodeUnit reads the unit at the start of b, which stands at offset of the
// segment. Data aliases b. reason is "" for a sound unit.
func decodeUnit(b []byte, segment uint64, offset int64) (recs []Record, synced int64, size int, reason string) {
	if len(b) < unitHeaderBytes {
		return nil, 0, 0, "the unit's header is cut short"
	}
	if binary.BigEndian.Uint32(b) != unitMagic {
		return nil, 0, 0, "no unit begins here"
	}
	length := uint64(binary.BigEndian.Uint32(b[4:]))
	// #nosec G115 -- both sides are bounded far below the limits of the type
	if length > UnitBytesMax-unitHeaderBytes || length > uint64(len(b)-unitHeaderBytes) || length%unitAlign != 0 {
		return nil, 0, 0, "the unit's length is impossible"
	}
	size = unitHeaderBytes + int(length)
	if unitSum(segment, offset, b[:size]) != binary.BigEndian.Uint32(b[unitHeaderBytes-4:]) {
		return nil, 0, 0, "the unit's checksum does not match"
	}
	mark := binary.BigEndian.Uint64(b[8:])
	// #nosec G115 -- positive
	if mark > uint64(offset) {
		return nil, 0, 0, "the unit claims a sync beyond itself"
	}
	recs, reason = decodeRecords(b[unitHeaderBytes:size], binary.BigEndian.Uint32(b[16:]))
	return recs, int64(mark), size, reason // #nosec G115 -- at most offset
}

func decodeRecords(b []byte, count uint32) ([]Record, string) {
	if uint64(count)*recordHead > uint64(len(b)) {
		return nil, "the unit counts more records than it holds"
	}
	recs := make([]Record, 0, count)
	for range count {
		if len(b) < recordHead {
			return nil, "a record is cut short"
		}
		r := Record{Seq: binary.BigEndian.Uint64(b), Kind: b[8]}
		n := uint64(binary.BigEndian.Uint32(b[9:]))
		// #nosec G115 -- both sides are bounded far below the limits of the type
		if n > RecordBytesMax || n > uint64(len(b)-recordHead) {
			return nil, "a record's length is impossible"
		}
		r.Data, b = b[recordHead:recordHead+n:recordHead+n], b[recordHead+n:]
		recs = append(recs, r)
	}
	if len(b) >= unitAlign {
		return nil, "bytes are left over after the records"
	}
	return recs, ""
}
