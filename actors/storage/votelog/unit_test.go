package votelog

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
)

// FuzzUnit decodes a unit as it is, and once more with a checksum that matches:
// a disk does not forge one, but what is behind it must hold as well.
func FuzzUnit(f *testing.F) {
	add := func(recs ...Record) {
		size, err := unitBytes(recs)
		require.NoError(f, err)
		f.Add(appendUnit(nil, recs, size, 3, 64, 64), uint64(3), int64(64))
	}
	add(Record{Seq: 1, Kind: 2, Data: []byte("vote")})
	add(Record{Kind: 1}, Record{Seq: 1 << 63, Kind: 255, Data: make([]byte, 40)})
	f.Add([]byte{}, uint64(0), int64(0))
	f.Add(bytes.Repeat([]byte{0xff}, 64), uint64(1), int64(8))
	f.Fuzz(func(t *testing.T, b []byte, segment uint64, offset int64) {
		if offset < 0 {
			return
		}
		checkUnit(t, b, segment, offset)
		if len(b) < unitHeaderBytes {
			return
		}
		b = bytes.Clone(b)
		binary.BigEndian.PutUint32(b, unitMagic)
		if n := uint64(binary.BigEndian.Uint32(b[4:])); n > uint64(len(b)-unitHeaderBytes) || n%unitAlign != 0 {
			binary.BigEndian.PutUint32(b[4:], uint32((len(b)-unitHeaderBytes)/unitAlign*unitAlign))
		}
		size := unitHeaderBytes + int(binary.BigEndian.Uint32(b[4:]))
		binary.BigEndian.PutUint32(b[unitHeaderBytes-4:], unitSum(segment, offset, b[:size]))
		checkUnit(t, b, segment, offset)
	})
}

func checkUnit(t *testing.T, b []byte, segment uint64, offset int64) {
	recs, synced, size, reason := decodeUnit(b, segment, offset)
	if reason != "" {
		require.Empty(t, recs)
		return
	}
	require.True(t, size >= unitHeaderBytes && size <= len(b) && size%unitAlign == 0)
	require.True(t, synced >= 0 && synced <= offset)
	n, err := unitBytes(recs)
	require.NoError(t, err)
	require.Equal(t, size, n)
	again, mark, _, reason := decodeUnit(appendUnit(nil, recs, n, segment, offset, synced), segment, offset)
	require.Empty(t, reason)
	require.Equal(t, synced, mark)
	require.Equal(t, recs, again)
	_, _, _, reason = decodeUnit(b, segment, offset+unitAlign)
	require.NotEmpty(t, reason, "a unit is sound in its own place only")
}

func FuzzHeader(f *testing.F) {
	f.Add(encodeHeader(1, ledger.ID{1}), uint64(1))
	f.Add(encodeHeader(1, ledger.ID{1}), uint64(2))
	f.Add(make([]byte, headerBytes), uint64(0))
	f.Add([]byte("VLOG"), uint64(0))
	f.Fuzz(func(t *testing.T, b []byte, segment uint64) {
		id, version, reason := checkHeader(b, segment)
		if reason == "" && version == formatVersion && bytes.Equal(b[48:60], make([]byte, 12)) {
			require.Equal(t, b[:headerBytes], encodeHeader(segment, id))
		}
	})
}
