package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/fb"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/badger/v4/y"
	"google.golang.org/protobuf/proto"
)

// Badger's tables are read here a second time, by code of our own: Badger drops a table
// whose index is damaged and goes on, reports a key whose block is damaged as absent,
// and ends the process over a table that is cut off. The layout is that of badger/v4:
// blocks, an index, its length, its checksum, and the length of that.

// errTable says that a table cannot be what Badger wrote.
var errTable = errors.New("a table is damaged")

// sstable is the checked index of one of Badger's tables.
type sstable struct {
	path   string
	blocks []sstBlock
	bloom  y.Filter
	bytes  int // that the index takes in memory
}

// sstBlock is where a block lies, and its first key, with Badger's version behind it.
type sstBlock struct {
	first       []byte
	offset, len int64
}

func tablePath(dir string, id uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%06d.sst", id))
}

// openTable reads a table's index and compares its checksum.
func openTable(path string) (t *sstable, err error) {
	defer damagedLayout(&err)
	f, err := os.Open(path) // #nosec G304 -- our folder
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	end := info.Size()
	rawSum, end, err := tail(f, end)
	if err != nil {
		return nil, err
	}
	index, end, err := tail(f, end)
	if err != nil {
		return nil, err
	}
	if err := verifySum(index, rawSum); err != nil {
		return nil, fmt.Errorf("%w: its index: %w", errTable, err)
	}
	root := fb.GetRootAsTableIndex(index, 0)
	t = &sstable{path: path, bloom: y.Filter(root.BloomFilterBytes()), bytes: len(index)}
	for i := range root.OffsetsLength() {
		var o fb.BlockOffset
		if !root.Offsets(&o, i) || int64(o.Offset())+int64(o.Len()) > end {
			return nil, fmt.Errorf("%w: a block lies outside of it", errTable)
		}
		t.blocks = append(t.blocks, sstBlock{first: o.KeyBytes(), offset: int64(o.Offset()), len: int64(o.Len())})
	}
	if len(t.blocks) == 0 {
		return nil, fmt.Errorf("%w: it has no blocks", errTable)
	}
	return t, nil
}

// damagedLayout turns a panic over impossible offsets into an error: the index and the
// blocks are read by a library that trusts them.
func damagedLayout(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %v", errTable, r)
	}
}

// tail reads what stands, before its length, at the end of a file.
func tail(f io.ReaderAt, end int64) (raw []byte, begin int64, err error) {
	var n [4]byte
	if end < 4 {
		return nil, 0, fmt.Errorf("%w: it is cut off", errTable)
	}
	if _, err := f.ReadAt(n[:], end-4); err != nil {
		return nil, 0, err
	}
	size := int64(binary.BigEndian.Uint32(n[:]))
	if size > end-4 {
		return nil, 0, fmt.Errorf("%w: it is cut off", errTable)
	}
	raw = make([]byte, size)
	_, err = f.ReadAt(raw, end-4-size)
	return raw, end - 4 - size, err
}

func verifySum(data, rawSum []byte) error {
	var sum pb.Checksum
	if err := proto.Unmarshal(rawSum, &sum); err != nil {
		return err
	}
	if sum.GetAlgo() != pb.Checksum_CRC32C {
		return errors.New("an unknown checksum")
	}
	return y.VerifyChecksum(data, &sum)
}

// readBlock reads a block as it lies on the disk.
func (t *sstable) readBlock(i int) ([]byte, error) {
	f, err := os.Open(t.path) // #nosec G304 -- our folder
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	raw := make([]byte, t.blocks[i].len)
	_, err = f.ReadAt(raw, t.blocks[i].offset)
	return raw, err
}

// splitBlock gives the part of a block that its checksum covers, and the checksum.
func splitBlock(raw []byte) (data, sum []byte, err error) {
	n := len(raw) - 4
	if n < 0 {
		return nil, nil, errTable
	}
	size := int(binary.BigEndian.Uint32(raw[n:]))
	if size > n {
		return nil, nil, fmt.Errorf("%w: a block's checksum is cut off", errTable)
	}
	return raw[:n-size], raw[n-size : n], nil
}

func blockHolds(raw []byte) error {
	data, sum, err := splitBlock(raw)
	if err == nil {
		err = verifySum(data, sum)
	}
	if err != nil && !errors.Is(err, errTable) {
		err = fmt.Errorf("%w: %w", errTable, err)
	}
	return err
}

// stored is an entry of a block.
type stored struct {
	key     []byte // ours, without Badger's version
	version uint64
	framed  []byte // nil: the key was removed
}

const (
	entryHeadBytes = 4
	versionBytes   = 8
	bitDelete      = 1 // Badger's mark of a removed key
)

// parseBlock takes a block apart, whatever its checksum says; an error means that it is
// not even laid out as a block.
func parseBlock(raw []byte) (out []stored, err error) {
	defer damagedLayout(&err)
	data, _, err := splitBlock(raw)
	if err != nil {
		return nil, err
	}
	n := len(data) - 4
	count := int(binary.BigEndian.Uint32(data[n:]))
	offsets := data[n-4*count : n]
	body := data[:n-4*count]
	var base, last []byte
	for i := range count {
		from, to := int(binary.NativeEndian.Uint32(offsets[4*i:])), len(body)
		if i+1 < count {
			to = int(binary.NativeEndian.Uint32(offsets[4*i+4:]))
		}
		e := body[from:to]
		overlap, diff := int(binary.NativeEndian.Uint16(e)), int(binary.NativeEndian.Uint16(e[2:]))
		if i == 0 && overlap != 0 || overlap > len(base) {
			return nil, fmt.Errorf("%w: an entry has an impossible key", errTable)
		}
		key := append(append(make([]byte, 0, overlap+diff), base[:overlap]...), e[entryHeadBytes:entryHeadBytes+diff]...)
		if len(key) <= versionBytes || last != nil && y.CompareKeys(last, key) >= 0 {
			return nil, fmt.Errorf("%w: keys are out of order", errTable)
		}
		if i == 0 {
			base = key
		}
		last = key
		value := e[entryHeadBytes+diff:]
		_, width := binary.Uvarint(value[2:])
		if width <= 0 {
			return nil, fmt.Errorf("%w: an entry has no value", errTable)
		}
		s := stored{key: y.ParseKey(key), version: y.ParseTs(key)}
		if value[0]&bitDelete == 0 {
			s.framed = value[2+width:]
		}
		out = append(out, s)
	}
	return out, nil
}

// span are the blocks lo to hi-1 in which versions of keys from <= key <= to can stand.
func (t *sstable) span(from, to []byte) (lo, hi int) {
	lo = sort.Search(len(t.blocks), func(i int) bool { return bytes.Compare(y.ParseKey(t.blocks[i].first), from) >= 0 })
	hi = sort.Search(len(t.blocks), func(i int) bool { return bytes.Compare(y.ParseKey(t.blocks[i].first), to) > 0 })
	return max(lo-1, 0), hi
}

// checkTables looks at every table that Badger's manifest names before Badger opens
// them: what it would pass over, or end the process over, is an error. whole takes all
// blocks apart, not only the last one. Their checksums are not compared here: a value that
// is another one does Badger no harm, and is repaired when the store is open.
func checkTables(path string, whole bool) error {
	f, err := os.Open(filepath.Join(path, badger.ManifestFilename)) // #nosec G304 -- our folder
	if errors.Is(err, os.ErrNotExist) {
		if tables, _ := filepath.Glob(filepath.Join(path, "*.sst")); len(tables) > 0 {
			return corrupt([]byte{kindTable}, 0, "the list of tables is missing")
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	manifest, err := replayManifest(f)
	if err != nil {
		return corrupt([]byte{kindTable}, 0, "the list of tables cannot be read: "+err.Error())
	}
	for id := range manifest.Tables {
		if err := checkTable(tablePath(path, id), whole); err != nil {
			return corrupt([]byte{kindTable}, 0, fmt.Sprintf("table %d: %v", id, err))
		}
	}
	return nil
}

func replayManifest(f *os.File) (m badger.Manifest, err error) {
	defer damagedLayout(&err)
	m, end, err := badger.ReplayManifestFile(f, 0, badger.DefaultOptions(""))
	if err != nil {
		return m, err
	}
	// Badger ends where an entry is cut off, as a crash may leave it, and forgets the
	// rest. It writes no entries as long as this.
	info, err := f.Stat()
	if err == nil && info.Size()-end > manifestEntryMax {
		err = errors.New("an entry in its middle is damaged")
	}
	return m, err
}

const manifestEntryMax = 4 << 10

func checkTable(path string, whole bool) error {
	t, err := openTable(path)
	if err != nil {
		return err
	}
	for i := range t.blocks {
		if !whole && i < len(t.blocks)-1 { // Badger takes the last one apart when it opens
			continue
		}
		raw, err := t.readBlock(i)
		if err == nil {
			_, err = parseBlock(raw)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
