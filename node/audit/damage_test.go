package audit_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/export"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
	"github.com/concordat-ledger/concordat/node/audit"
)

// every is how many blocks share one certificate in large: certificates are what takes
// the time here.
const every = 10

// large is a ledger of a few hundred blocks.
var large = sync.OnceValue(func() *made {
	return makeLedger(panicking{}, 200, 3, func(h ledger.Height) bool { return h%every == 0 })
})

// panicking ends what no single test is to blame for.
type panicking struct{ testing.TB }

func (panicking) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (panicking) FailNow()                          {}
func (panicking) Helper()                           {}

// place is one byte of a ledger.
type place struct {
	part   chain.Part
	height ledger.Height
	index  int // of the transaction, or chain.Unknown
	record int
	bytes  []byte // in which it is
	at     int
	bits   byte
}

var parts = []chain.Part{chain.PartHeader, chain.PartTransactions, chain.PartCommit, chain.PartResults, chain.PartOutcome,
	chain.PartExecution, chain.PartRecord}

// draw chooses a byte.
func draw(t *rapid.T, m *made) place {
	p := place{part: rapid.SampledFrom(parts).Draw(t, "part"), index: chain.Unknown,
		height: every * ledger.Height(rapid.IntRange(1, len(m.blocks)/every).Draw(t, "tenth block"))}
	b := m.blocks[p.height-1]
	item := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "item") }
	switch p.part {
	case chain.PartHeader:
		p.bytes = b.Header
	case chain.PartCommit:
		p.bytes = b.Commit
	case chain.PartOutcome:
		p.bytes = b.Outcome
	case chain.PartExecution:
		p.bytes = b.Certificate
	case chain.PartTransactions:
		p.index = item(len(b.Txs))
		p.bytes = b.Txs[p.index]
	case chain.PartResults:
		p.index = item(len(b.Results))
		p.bytes = b.Results[p.index]
	case chain.PartRecord:
		p.height, p.record = ledger.Height(len(m.blocks)), item(len(m.records))
		p.bytes = m.records[p.record].Value
	}
	p.at = item(len(p.bytes))
	p.bits = byte(rapid.IntRange(1, 255).Draw(t, "bits"))
	return p
}

func (p *place) spoilt() []byte {
	out := bytes.Clone(p.bytes)
	out[p.at] ^= p.bits
	return out
}

// forge is the ledger with that byte changed, and all checksums right.
func (p *place) forge(m *made) *made {
	if p.part == chain.PartRecord {
		return p.forgeRecord(m)
	}
	b := *m.blocks[p.height-1]
	switch p.part {
	case chain.PartHeader:
		b.Header = p.spoilt()
	case chain.PartCommit:
		b.Commit = p.spoilt()
	case chain.PartOutcome:
		b.Outcome = p.spoilt()
	case chain.PartExecution:
		b.Certificate = p.spoilt()
	case chain.PartTransactions:
		b.Txs = slices.Clone(b.Txs)
		b.Txs[p.index] = p.spoilt()
	case chain.PartResults:
		b.Results = slices.Clone(b.Results)
		b.Results[p.index] = p.spoilt()
	}
	return m.with(p.height, &b)
}

// forgeRecord changes the record in the listing, and in the block that wrote it last.
func (p *place) forgeRecord(m *made) *made {
	key := m.records[p.record].Key
	for h := len(m.blocks); h > 0; h-- {
		b := *m.blocks[h-1]
		for i := len(b.Changes) - 1; i >= 0; i-- {
			if bytes.Equal(b.Changes[i].Key, key) {
				b.Changes = slices.Clone(b.Changes)
				b.Changes[i].Value = p.spoilt()
				out := m.with(ledger.Height(h), &b)
				out.records = slices.Clone(m.records)
				out.records[p.record].Value = p.spoilt()
				return out
			}
		}
	}
	panic("no block wrote the record")
}

// refused demands that a ledger is refused with this place named. A transaction may not
// be known, but no other one is named.
func (p *place) refused(t *rapid.T, err error) {
	var f *chain.Fault
	require.ErrorAs(t, err, &f)
	require.Equal(t, p.part, f.Part, "%v", err)
	require.Equal(t, p.height, f.Height, "%v", err)
	require.Contains(t, []int{chain.Unknown, p.index}, f.Index, "%v", err)
}

func TestOneForgedByteInAStoreIsRefusedAndItsPlaceNamed(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs one thing after the other, which the race detector learns nothing from")
	}
	m := large()
	dir := filepath.Join(t.TempDir(), "store")
	rapid.Check(t, func(t *rapid.T) {
		p := draw(t, m)
		_, err := m.verifyStore(t.Context(), p.forge(m).stored(t, dir), audit.Options{Workers: 2})
		p.refused(t, err)
	})
}

func TestOneForgedByteInAnExportIsRefusedAndItsPlaceNamed(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs one thing after the other, which the race detector learns nothing from")
	}
	m := large()
	rapid.Check(t, func(t *rapid.T) {
		p := draw(t, m)
		_, err := m.verifyExport(t.Context(), p.forge(m).exported(t), audit.Options{Workers: 2})
		p.refused(t, err)
	})
}

// On the way a byte changes without its checksum: then the same places are named, and
// the record's key too.
func TestOneDamagedByteInAnExportIsRefusedAndItsPlaceNamed(t *testing.T) {
	m := large()
	whole := m.exported(t)
	sections := offsets(t, whole)
	rapid.Check(t, func(t *rapid.T) {
		p := draw(t, m)
		section := int(p.height) - 1
		if p.part == chain.PartRecord {
			section = len(m.blocks) + 1 + p.record
		}
		from, to := sections[section], sections[section+1]
		at := bytes.Index(whole[from:to], p.bytes)
		require.GreaterOrEqual(t, at, 0)
		raw := bytes.Clone(whole)
		raw[int(from)+at+p.at] ^= p.bits
		_, err := m.verifyExport(t.Context(), raw, audit.Options{Workers: 2})
		p.refused(t, err)
		require.ErrorContains(t, err, "the checksum does not match")
		if p.part == chain.PartRecord {
			var f *chain.Fault
			require.ErrorAs(t, err, &f)
			require.Equal(t, m.records[p.record].Key, f.Key)
		}
	})
}

// offsets are where the sections of an export begin, without the first.
func offsets(t testing.TB, raw []byte) (out []int64) {
	r, _, err := export.NewReader(bytes.NewReader(raw))
	require.NoError(t, err)
	for {
		s, err := r.Next()
		if err != nil {
			return out
		}
		out = append(out, s.Offset)
	}
}

func TestAnExportThatIsCutOffIsRefused(t *testing.T) {
	m := large()
	whole := m.exported(t)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2<<10, len(whole)-1).Draw(t, "bytes")
		_, err := m.verifyExport(t.Context(), whole[:n], audit.Options{Workers: 2})
		require.True(t, chain.IsFault(err), "%v", err)
		require.ErrorContains(t, err, "cut off")
	})
}

// A byte that changes on the replica's disk is found by the store's own checksum.
func TestOneDamagedByteOnTheDiskIsNamed(t *testing.T) {
	m := makeLedger(t, 100, 3, func(h ledger.Height) bool { return h%every == 0 })
	b := m.blocks[19]
	record := m.records[len(m.records)/2]
	for part, what := range map[chain.Part][]byte{chain.PartTransactions: b.Txs[2], chain.PartResults: b.Results[2], chain.PartExecution: b.Certificate,
		chain.PartBlock: b.Commit, chain.PartRecord: framed(record)} {
		t.Run(string(part), func(t *testing.T) {
			dir := m.stored(t, filepath.Join(t.TempDir(), "store"))
			spoil(t, dir, what)
			_, err := m.verifyStore(t.Context(), dir, audit.Options{})
			var f *chain.Fault
			require.ErrorAs(t, err, &f)
			require.Equal(t, part, f.Part, "%v", err)
			if part == chain.PartRecord {
				require.Equal(t, record.Key, f.Key)
				return
			}
			require.Equal(t, b.Height, f.Height)
		})
	}
}

// framed is a record's value as the store keeps it: short values are found by the
// checksum that follows.
func framed(p state.Pair) []byte {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(crc32.Checksum(append([]byte("s"), p.Key...), table), table, p.Value)
	return binary.BigEndian.AppendUint32(bytes.Clone(p.Value), sum)
}

// spoil changes the first byte of what stands in one of the store's tables.
func spoil(t *testing.T, dir string, what []byte) {
	tables, err := filepath.Glob(filepath.Join(dir, "badger", "*.sst"))
	require.NoError(t, err)
	for _, table := range tables {
		raw, err := os.ReadFile(table)
		require.NoError(t, err)
		if found := bytes.Index(raw, what); found >= 0 {
			raw[found] ^= 1
			require.NoError(t, os.WriteFile(table, raw, 0o600))
			return
		}
	}
	t.Fatal("it is not in the store")
}
