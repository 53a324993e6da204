package storage

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
)

func FuzzBlockRecord(f *testing.F) {
	rec := &blockRecord{Hash: ledger.Hash{1}, Header: []byte("header"), Commit: []byte("commit"), Outcome: []byte("outcome"),
		Txs: index{9, []uint32{0, 4, 4, 4, 5}}, Results: index{9, []uint32{0, 8}}}
	f.Add(rec.marshal())
	f.Add((&blockRecord{}).marshal())
	f.Add((&blockRecord{Txs: index{Count: 1}}).marshal())
	f.Add((&blockRecord{Txs: index{3, []uint32{0, 2, 1}}}).marshal())
	f.Add((&blockRecord{Results: index{3, []uint32{0, 3}}}).marshal())
	f.Add(rec.marshal()[:50])
	f.Fuzz(func(t *testing.T, b []byte) {
		rec, err := parseBlockRecord(b)
		if err != nil {
			return
		}
		require.Equal(t, b, rec.marshal())
		for _, x := range []index{rec.Txs, rec.Results} {
			walkIndex(t, x)
		}
	})
}

// walkIndex demands that the spans of all items together are all values, once each.
func walkIndex(t *testing.T, x index) {
	values := 0
	for i := uint32(0); i < x.Count; {
		lo, hi, count := x.span(i)
		require.True(t, lo == values && lo < hi && hi <= len(x.Firsts) && count > 0 && uint64(i)+uint64(count) <= uint64(x.Count))
		last := i + count - 1
		l, h, n := x.span(last)
		require.True(t, l == lo && h == hi && n == count, "the last item of a chunk has the same span")
		values, i = hi, i+count
	}
	require.Equal(t, len(x.Firsts), values)
}

func FuzzChunk(f *testing.F) {
	for _, items := range [][][]byte{{{1, 2}, {}, {3}}, {{}}, {bytes.Repeat([]byte{7}, chunkBytes)}} {
		values, _ := pack(items)
		f.Add(values[0])
	}
	f.Add([]byte{})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 9})
	f.Add([]byte{0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1, 9, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		items, err := unpack(b)
		if err != nil || len(items) == 0 || len(b)-4 > chunkBytes {
			return
		}
		values, firsts := pack(items)
		require.Equal(t, []uint32{0}, firsts)
		require.True(t, bytes.Equal(b, values[0]))
	})
}

// FuzzPack reads each byte as the size of an item and puts the items together again.
func FuzzPack(f *testing.F) {
	f.Add([]byte{0, 0, 9, 200, 255, 0}, uint32(1))
	f.Add([]byte{3, 255, 1}, uint32(4096))
	f.Add([]byte{200, 200, 200, 200}, uint32(1500))
	f.Add([]byte{4, 4, 4}, uint32(64<<10-1))
	f.Fuzz(func(t *testing.T, sizes []byte, unit uint32) {
		unit %= 8 << 10
		items := make([][]byte, min(len(sizes), 100))
		for i := range items {
			items[i] = bytes.Repeat([]byte{byte(i), sizes[i], byte(unit)}, int(sizes[i])*int(unit)/3)
		}
		values, firsts := pack(items)
		x := index{uint32(len(items)), firsts}
		require.NoError(t, x.check())
		walkIndex(t, x)
		for i := range items {
			lo, hi, count := x.span(uint32(i))
			got, err := unpack(bytes.Join(values[lo:hi], nil))
			require.NoError(t, err)
			require.Equal(t, int(count), len(got))
			require.True(t, bytes.Equal(items[i], got[uint32(i)-firsts[lo]]))
		}
		for _, v := range values {
			require.LessOrEqual(t, len(v), pieceBytes)
		}
	})
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("key"), []byte("value"), frame([]byte("key"), []byte("value")))
	f.Add([]byte{}, []byte{}, frame(nil, nil))
	f.Add([]byte("kex"), []byte("value"), frame([]byte("key"), []byte("value")))
	f.Add([]byte("key"), []byte{}, []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, key, value, framed []byte) {
		got, err := unframe(key, frame(key, value), 1)
		require.NoError(t, err)
		require.True(t, bytes.Equal(value, got))
		got, err = unframe(key, framed, 1)
		if err != nil {
			var damaged *CorruptError
			require.ErrorAs(t, err, &damaged)
			return
		}
		require.True(t, bytes.Equal(framed, frame(key, got)))
	})
}

// FuzzSmallRecords covers the values of fixed length and the file FORMAT.
func FuzzSmallRecords(f *testing.F) {
	f.Add(marshalCommand(Command{Height: 1, Index: 2, Expires: -3}))
	f.Add(marshalPlace(7, 8))
	f.Add(marshalHeight(1 << 63))
	f.Add((&tip{9, ledger.Hash{9}}).marshal())
	f.Add(marshalFormat(formatVersion, ledger.ID{5}))
	f.Add([]byte("concordat-store 3\nanything"))
	f.Add([]byte("concordat-store 99999999999999999999\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := parseCommand(ledger.Hash{}, b); err == nil {
			require.Equal(t, b, marshalCommand(c))
		}
		if h, i, err := parsePlace(b); err == nil {
			require.Equal(t, b, marshalPlace(h, i))
		}
		if h, err := parseHeight(b); err == nil {
			require.Equal(t, b, marshalHeight(h))
		}
		if at, err := parseTip(b); err == nil {
			require.Equal(t, b, at.marshal())
		}
		if version, id, err := parseFormat(b); err == nil && version == formatVersion {
			again, same, err := parseFormat(marshalFormat(version, id))
			require.NoError(t, err)
			require.True(t, again == version && same == id)
		}
	})
}
