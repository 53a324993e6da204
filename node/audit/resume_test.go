package audit_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
	"github.com/concordat-ledger/concordat/node/audit"
)

// A check that was interrupted anywhere and goes on ends like one that was not, in a
// store and in an export.
func TestAnInterruptedCheckGoesOn(t *testing.T) {
	m := makeLedger(t, 60, 2, func(h ledger.Height) bool { return h%7 == 3 || h == 60 })
	dir := m.stored(t, filepath.Join(t.TempDir(), "store"))
	raw := m.exported(t)
	kept := filepath.Join(t.TempDir(), "kept")
	want, err := m.verifyStore(t.Context(), dir, audit.Options{})
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		verify := func(ctx context.Context, opt audit.Options) (*chain.Summary, error) {
			return m.verifyStore(ctx, dir, opt)
		}
		if rapid.Bool().Draw(t, "export") {
			verify = func(ctx context.Context, opt audit.Options) (*chain.Summary, error) {
				return m.verifyExport(ctx, raw, opt)
			}
		}
		require.NoError(t, os.RemoveAll(kept))
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := errors.New("interrupted")
		after := ledger.Height(rapid.IntRange(1, 61).Draw(t, "until")) // 61: in the records
		keep := func(k *audit.Kept) error { return k.Save(kept) }
		_, err := verify(ctx, audit.Options{Workers: 2, Keep: keep, Progress: func(p audit.Progress) {
			if p.Height == after || after == 61 && p.Records > 0 {
				cancel(stop)
			}
		}})
		require.ErrorIs(t, err, stop)
		k, err := audit.LoadKept(kept)
		require.NoError(t, err)
		require.GreaterOrEqual(t, k.Mark.Height, min(after, 60))
		checked := ledger.Height(0)
		got, err := verify(t.Context(), audit.Options{Workers: 2, Kept: k, Progress: func(p audit.Progress) {
			if checked == 0 {
				checked = p.Height
			}
		}})
		require.NoError(t, err)
		require.Equal(t, want, got)
		if k.Mark.Height < 60 {
			require.Equal(t, k.Mark.Height+1, checked, "it goes on behind what was checked")
		}
	})
}

// What was kept is of one ledger and one block; and it is kept now and then.
func TestACheckGoesOnOnlyWhereItWas(t *testing.T) {
	m := makeLedger(t, 20, 2, always)
	raw := m.exported(t)
	var last *audit.Kept
	times := 0
	_, err := m.verifyExport(t.Context(), raw, audit.Options{KeepEvery: 6, Keep: func(k *audit.Kept) error { last, times = k, times+1; return nil }})
	require.NoError(t, err)
	require.Equal(t, 3, times)
	require.Equal(t, ledger.Height(18), last.Mark.Height)

	forged := *m.blocks[17]
	forged.Header = bytes.Clone(m.blocks[16].Header)
	_, err = m.verifyStore(t.Context(), m.with(18, &forged).stored(t, filepath.Join(t.TempDir(), "store")), audit.Options{Kept: last})
	anew(t, err)
	shorter := *m
	shorter.blocks = m.blocks[:10]
	_, err = m.verifyStore(t.Context(), shorter.stored(t, filepath.Join(t.TempDir(), "short")), audit.Options{Kept: last})
	require.ErrorContains(t, err, "no block 18")
	elsewhere := *last
	elsewhere.At.Offset += 5
	_, err = m.verifyExport(t.Context(), raw, audit.Options{Kept: &elsewhere})
	anew(t, err)
	require.ErrorContains(t, err, "go on after block 18")
	foreign := *last
	foreign.Mark.Ledger[0]++
	_, err = m.verifyExport(t.Context(), raw, audit.Options{Kept: &foreign})
	anew(t, err)
	require.ErrorContains(t, err, "the progress file is of ledger")

	file := filepath.Join(t.TempDir(), "kept")
	none, err := audit.LoadKept(file)
	require.NoError(t, err)
	require.Nil(t, none)
	require.NoError(t, os.WriteFile(file, []byte("something else"), 0o600))
	_, err = audit.LoadKept(file)
	require.ErrorContains(t, err, "remove it to check from the beginning")
}

// anew holds that an error is no verdict, and says what to do.
func anew(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, audit.ErrUnreadable)
	require.False(t, chain.IsFault(err), "%v is no fault of the ledger", err)
	require.ErrorContains(t, err, "remove")
	require.ErrorContains(t, err, "to check from the beginning")
}

// interrupted checks a store or an export up to a height, and gives what was kept.
func interrupted(t *testing.T, upto ledger.Height, verify func(context.Context, audit.Options) (*chain.Summary, error)) *audit.Kept {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("interrupted")
	var last *audit.Kept
	_, err := verify(ctx, audit.Options{KeepEvery: uint64(upto), Keep: func(k *audit.Kept) error {
		if last == nil {
			last = k
			cancel(stop)
		}
		return nil
	}})
	require.ErrorIs(t, err, stop)
	require.Equal(t, upto, last.Mark.Height)
	return last
}

// A replica goes on and prunes while its check is interrupted.
func TestACheckGoesOnInAFolderThatHasPruned(t *testing.T) {
	m := makeLedger(t, 40, 2, always)
	dir := m.stored(t, t.TempDir())
	kept := interrupted(t, 20, func(ctx context.Context, opt audit.Options) (*chain.Summary, error) {
		return m.verifyStore(ctx, dir, opt)
	})
	s, err := storage.Open(dir, storage.Options{Ledger: m.ID, FreeBytesMin: 1})
	require.NoError(t, err)
	for range 10 {
		_, err := s.PruneBlocks(30, 8, nil)
		require.NoError(t, err)
	}
	require.NoError(t, s.Close())
	got, err := m.verifyStore(t.Context(), dir, audit.Options{Kept: kept})
	require.NoError(t, err)
	require.Equal(t, ledger.Height(29), got.Pruned)
	require.Equal(t, ledger.Height(40), got.Height)
}

// What was kept of one source is of no use for another, and no reason to speak of the
// ledger. In an export that was written anew another thing stands at each place.
func TestACheckThatCannotGoOnIsNoVerdict(t *testing.T) {
	m := makeLedger(t, 20, 3, always)
	dir := m.stored(t, t.TempDir())
	raw := m.exported(t)
	exported := func(raw []byte) func(context.Context, audit.Options) (*chain.Summary, error) {
		return func(ctx context.Context, opt audit.Options) (*chain.Summary, error) {
			return m.verifyExport(ctx, raw, opt)
		}
	}
	ofStore := interrupted(t, 8, func(ctx context.Context, opt audit.Options) (*chain.Summary, error) {
		return m.verifyStore(ctx, dir, opt)
	})
	_, err := m.verifyExport(t.Context(), raw, audit.Options{Kept: ofStore})
	anew(t, err)
	ofExport := interrupted(t, 8, exported(raw))
	_, err = m.verifyStore(t.Context(), dir, audit.Options{Kept: ofExport})
	require.NoError(t, err, "a store needs the height alone")

	fewer := makeLedger(t, 20, 3, func(h ledger.Height) bool { return h != 3 }) // the same blocks, of which one has no certificate
	shorter := fewer.exported(t)
	require.Less(t, len(shorter), len(raw))
	_, err = m.verifyExport(t.Context(), shorter, audit.Options{Kept: ofExport})
	anew(t, err)
	for at := int64(0); at < int64(len(raw)); at += 97 { // whatever stands there
		elsewhere := *ofExport
		elsewhere.At.Offset = at
		if _, err = m.verifyExport(t.Context(), raw, audit.Options{Kept: &elsewhere}); at != ofExport.At.Offset {
			require.ErrorIs(t, err, audit.ErrUnreadable, "%d", at)
			require.False(t, chain.IsFault(err), "%d: %v", at, err)
		}
	}
	_, err = m.verifyExport(t.Context(), raw[:ofExport.At.Offset+50], audit.Options{Kept: ofExport})
	anew(t, err)
}

func FuzzParseKept(f *testing.F) {
	m := makeLedger(f, 1, 1, always)
	_, err := m.verifyExport(f.Context(), m.exported(f), audit.Options{KeepEvery: 1, Keep: func(k *audit.Kept) error { f.Add(k.Marshal()); return nil }})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := audit.ParseKept(b); err == nil {
			require.Equal(t, b, k.Marshal())
		}
	})
}

// Nothing that is kept grows with the number of blocks.
func TestMemoryDoesNotGrowWithTheLedger(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs one thing after the other, which the race detector learns nothing from")
	}
	heap := map[ledger.Height]uint64{1000: 0, 10_000: 0}
	src := newStream(t, 10_000)
	s, err := audit.Verify(t.Context(), src.rules, src, audit.Options{Workers: 2, Progress: func(p audit.Progress) {
		if _, ok := heap[p.Height]; ok {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			heap[p.Height] = m.HeapAlloc
		}
	}})
	require.NoError(t, err)
	require.Equal(t, ledger.Height(10_000), s.Height)
	require.Len(t, s.Gaps, chain.GapsMax)
	require.Greater(t, s.GapBlocks, uint64(9000))
	t.Logf("heap after 1,000 blocks: %d KiB, after 10,000: %d KiB", heap[1000]>>10, heap[10_000]>>10)
	require.Less(t, heap[10_000], heap[1000]+1<<20)
}
