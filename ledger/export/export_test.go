package export_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/export"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
	"github.com/concordat-ledger/concordat/ledger/verify/sample"
)

// write makes an export of a sample ledger.
func write(t testing.TB, blocks, txs int) []byte {
	l, err := sample.New(rand.New(rand.NewSource(1)), certificate.SchemeEd25519)
	require.NoError(t, err)
	var out bytes.Buffer
	w, err := export.NewWriter(&out, &export.Begin{Genesis: l.Genesis, First: 1})
	require.NoError(t, err)
	require.ErrorIs(t, w.Record([]byte("k"), nil), export.ErrOrder)
	_, err = w.End()
	require.ErrorIs(t, err, export.ErrOrder)
	for range blocks {
		b, err := l.Next(txs, true)
		require.NoError(t, err)
		require.NoError(t, w.Block(&b.Block, b.Hash))
		require.ErrorIs(t, w.Block(&b.Block, b.Hash), export.ErrOrder)
	}
	require.NoError(t, w.State(ledger.Height(blocks)))
	for _, p := range l.Records() {
		require.NoError(t, w.Record(p.Key, p.Value))
	}
	total, err := w.End()
	require.NoError(t, err)
	require.Equal(t, uint64(blocks), total.Blocks)
	return out.Bytes()
}

// copied reads a whole export and writes what it read.
func copied(raw []byte) ([]byte, int, error) {
	r, begin, err := export.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, 0, err
	}
	var out bytes.Buffer
	w, err := export.NewWriter(&out, begin)
	if err != nil {
		return nil, 0, err
	}
	for n := 1; ; n++ {
		offset := r.Offset()
		s, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out.Bytes(), n, nil
		}
		if err != nil {
			return nil, n, err
		}
		if s.Offset != offset {
			return nil, n, fmt.Errorf("the section at %d says that it is at %d", offset, s.Offset)
		}
		switch s.Kind {
		case export.KindBlock:
			if s.Block.Height != begin.First+ledger.Height(n)-1 {
				return out.Bytes(), n, nil // not consecutive: this is for the chain to refuse
			}
			var h *ledger.Header
			if h, err = ledger.ParseHeader(s.Block.Header); err != nil {
				h = &ledger.Header{}
			}
			err = w.Block(s.Block, h.Hash())
		case export.KindState:
			err = w.State(s.State)
		case export.KindRecord:
			err = w.Record(s.Key, s.Record)
		case export.KindEnd:
			before := out.Len()
			var total export.End
			if total, err = w.End(); total != s.End {
				out.Truncate(before) // other totals: this is for whoever verifies to refuse
			}
		}
		if err != nil {
			return nil, n, err
		}
	}
}

func TestAnExportIsReadAsItWasWritten(t *testing.T) {
	raw := write(t, 12, 7)
	again, _, err := copied(raw)
	require.NoError(t, err)
	require.True(t, bytes.Equal(raw, again))
}

// A block of megabytes is read in steps.
func TestALargeBlockIsReadAsItWasWritten(t *testing.T) {
	var out bytes.Buffer
	w, err := export.NewWriter(&out, &export.Begin{Genesis: []byte("genesis"), First: 1})
	require.NoError(t, err)
	large := &chain.Block{Height: 1, Txs: [][]byte{bytes.Repeat([]byte("large"), 1<<20), {1}}, Results: [][]byte{{2}, bytes.Repeat([]byte{3}, 1<<20)}}
	require.NoError(t, w.Block(large, (&ledger.Header{}).Hash()))
	require.NoError(t, w.State(1))
	_, err = w.End()
	require.NoError(t, err)
	again, _, err := copied(out.Bytes())
	require.NoError(t, err)
	require.True(t, bytes.Equal(out.Bytes(), again))
	large.Txs[0] = make([]byte, export.BlockBytesMax)
	large.Height++
	w, err = export.NewWriter(&out, &export.Begin{First: 2})
	require.NoError(t, err)
	require.ErrorContains(t, w.Block(large, ledger.Hash{}), "the limit is")
}

// Every single byte counts: none can be changed, left out or put behind.
func TestADamagedExportIsRefused(t *testing.T) {
	raw := write(t, 4, 4)
	for _, other := range [][]byte{nil, []byte("short"), bytes.Repeat([]byte("no export"), 99)} {
		_, _, err := copied(other)
		require.ErrorIs(t, err, export.ErrNoExport)
	}
	for n := range raw {
		_, _, err := copied(raw[:n])
		require.Error(t, err, "the first %d bytes", n)
	}
	for at := range raw {
		forged := bytes.Clone(raw)
		forged[at] ^= 0x11
		_, _, err := copied(forged)
		require.Error(t, err, "byte %d", at)
	}
	_, _, err := copied(append(bytes.Clone(raw), 'x'))
	require.ErrorContains(t, err, "end mark: something follows it")
}

// sections are where each begins.
func sections(t *testing.T, raw []byte) (out []*export.Section) {
	r, _, err := export.NewReader(bytes.NewReader(raw))
	require.NoError(t, err)
	for {
		s, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		s.Key = bytes.Clone(s.Key)
		out = append(out, s)
	}
}

func TestWhereAnExportIsDamagedIsNamed(t *testing.T) {
	raw := write(t, 5, 5)
	all := sections(t, raw)
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, len(all)-2).Draw(t, "section")
		from, to := all[i].Offset, all[i+1].Offset
		at := rapid.Int64Range(from, to-1).Draw(t, "byte")
		forged := bytes.Clone(raw)
		if cut := rapid.Bool().Draw(t, "cut"); cut {
			forged = forged[:at]
		} else {
			forged[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		}
		_, _, err := copied(forged)
		var f *chain.Fault
		require.ErrorAs(t, err, &f)
		switch all[i].Kind {
		case export.KindBlock:
			require.Equal(t, chain.PartBlock, f.Part)
			require.Equal(t, all[i].Block.Height, f.Height)
		case export.KindRecord:
			require.Equal(t, chain.PartRecord, f.Part)
			require.Equal(t, ledger.Height(5), f.Height)
			if f.Key == nil && all[i-1].Kind == export.KindRecord {
				require.ErrorContains(t, err, fmt.Sprintf("after the record %q", all[i-1].Key))
			}
		case export.KindState:
			require.Contains(t, []chain.Part{chain.PartBlock, chain.PartRecord}, f.Part)
		}
	})
}

// A length that promises gigabytes costs no more than the bytes that are there.
func TestALengthIsNotBelieved(t *testing.T) {
	raw := write(t, 1, 1)
	first := sections(t, raw)[0].Offset
	for _, length := range [][]byte{{0x04, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff}} { // 64 MiB, which is allowed, and 4 GiB
		forged := bytes.Clone(raw)
		copy(forged[first+1:], length)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := copied(forged)
		runtime.ReadMemStats(&after)
		require.True(t, chain.IsFault(err))
		require.ErrorContains(t, err, "block 1")
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20))
	}
}

// Sections in another order, or twice, are refused.
func TestSectionsComeInOneOrder(t *testing.T) {
	raw := write(t, 3, 1)
	all := sections(t, raw)
	cut := func(i int) []byte {
		if i+1 == len(all) {
			return raw[all[i].Offset:]
		}
		return raw[all[i].Offset:all[i+1].Offset]
	}
	begin := raw[:all[0].Offset]
	last := len(all) - 1
	for name, parts := range map[string][][]byte{
		"a record among blocks":  {begin, cut(0), cut(4)},
		"a block among records":  {begin, cut(0), cut(1), cut(2), cut(3), cut(0)},
		"two states":             {begin, cut(3), cut(3)},
		"the end before records": {begin, cut(0), cut(last)},
		"two beginnings":         {begin, begin},
	} {
		_, _, err := copied(slices.Concat(parts...))
		require.ErrorContains(t, err, "what comes next does not belong here", name)
	}
}

func FuzzReader(f *testing.F) {
	var out bytes.Buffer // without cryptography: it would be what fuzzing spends its time with
	w, err := export.NewWriter(&out, &export.Begin{Genesis: []byte("genesis"), First: 3})
	require.NoError(f, err)
	for h := range ledger.Height(2) {
		require.NoError(f, w.Block(&chain.Block{Height: h + 3, Header: []byte("header"), Txs: [][]byte{{1}}, Results: [][]byte{{2}, {3}}}, ledger.Hash{}))
	}
	require.NoError(f, w.State(4))
	require.NoError(f, w.Record([]byte("key"), []byte("value")))
	_, err = w.End()
	require.NoError(f, err)
	f.Add(out.Bytes())
	f.Add(out.Bytes()[:out.Len()/2])
	f.Fuzz(func(t *testing.T, raw []byte) {
		again, n, err := copied(raw)
		if err == nil && !bytes.HasPrefix(raw, again) {
			t.Fatalf("after %d sections what was read is not what was written", n)
		}
	})
}
