package storage_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
)

// twin is a damaged store and one that is well.
type twin struct {
	c       *whole
	s, well *storage.Store
	dir     string
}

// newTwin changes a byte of the value of which a piece is given, wherever that stands.
func newTwin(t *testing.T, c *whole, piece []byte) *twin {
	tw := &twin{c: c, dir: t.TempDir()}
	wellDir := t.TempDir()
	c.write(t, tw.dir)
	copyAll(t, tw.dir, wellDir)
	var err error
	tw.well, err = storage.Open(wellDir, baseOptions)
	require.NoError(t, err)
	hits := 0
	for _, path := range storeFiles(t, tw.dir, "badger/*.sst") {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		for from := 0; ; hits++ {
			at := bytes.Index(raw[from:], piece)
			if at < 0 {
				break
			}
			flip(t, path, int64(from+at+len(piece)/2), 0x20)
			from += at + len(piece)
		}
	}
	require.Equal(t, 1, hits, "the piece stands in one place")
	tw.open(t)
	t.Cleanup(func() { require.NoError(t, tw.s.Close()); require.NoError(t, tw.well.Close()) })
	return tw
}

func (tw *twin) open(t *testing.T) {
	var err error
	tw.s, err = storage.Open(tw.dir, baseOptions)
	require.NoError(t, err)
	tw.s.BelieveNothing()
}

// findings is what a pass finds.
func (tw *twin) findings(t *testing.T) []storage.Finding {
	sc := tw.s.NewScrubber(nil)
	defer sc.Close()
	for done := false; !done; {
		var err error
		_, done, err = sc.Step()
		require.NoError(t, err)
	}
	open, beyond := tw.s.Damage()
	require.False(t, beyond)
	return open
}

func (tw *twin) mend(t *testing.T) {
	require.True(t, tw.c.scrubbed(t, tw.s, tw.well))
	require.Zero(t, tw.c.believable(t, tw.s))
}

// tail is the end of a record, which is noise and stands nowhere else.
func tail(raw []byte) []byte { return raw[len(raw)-24:] }

// What is written again under its key and version is what is read: at once, after the
// store was opened again, and after Badger has written its tables anew.
func TestWhatIsWrittenAgainStays(t *testing.T) {
	c := newWhole(t, 12, 12, 120)
	key := c.blocks[11].Changes[5]
	tw := newTwin(t, c, tail(key.Value))
	_, _, err := tw.s.Get(key.Key, 12)
	var damaged *storage.CorruptError
	require.ErrorAs(t, err, &damaged)
	require.Contains(t, err.Error(), "ask another replica")
	open := tw.findings(t)
	require.Len(t, open, 1)
	require.Equal(t, storage.DamagedRecord, open[0].Kind)
	require.Equal(t, ledger.Height(12), open[0].Height)
	require.Equal(t, string(key.Key), open[0].Key)
	other, _, err := tw.well.RecordAt(c.blocks[11].Changes[6].Key, 12)
	require.NoError(t, err)
	require.ErrorIs(t, tw.s.MendRecord(open[0], 12, other), storage.ErrNotIt, "the record of another key")
	old, found, err := tw.well.RecordAt(key.Key, 3)
	require.NoError(t, err)
	if found {
		require.ErrorIs(t, tw.s.MendRecord(open[0], 12, old), storage.ErrNotIt, "an older version")
	}
	tw.mend(t)
	for range 2 { // the log becomes a table, and that one is read
		require.NoError(t, tw.s.Close())
		tw.open(t)
		require.Zero(t, c.believable(t, tw.s))
		require.Empty(t, tw.findings(t), "the damaged version is still on the disk, and nobody reads it")
	}
	for h := ledger.Height(1); h <= 10; h++ { // tables enough for Badger to put them together
		require.NoError(t, tw.s.PutCertificate(h, []byte("certificate")))
		require.NoError(t, tw.s.Close())
		tw.open(t)
	}
	require.NoError(t, tw.s.Compact())
	require.Zero(t, c.believable(t, tw.s))
	require.NoError(t, tw.s.Close())
	tw.open(t)
	require.Zero(t, c.believable(t, tw.s))
	require.NoError(t, tw.s.Verify(), "the damaged version is gone with its table")
}

func TestEachPieceOfABlockIsRepaired(t *testing.T) {
	c := newWhole(t, 12, 12, 120)
	b := c.blocks[6]
	for name, piece := range map[string][]byte{"header": b.Header[8:], "transaction": tail(b.Txs[3]), "result": b.Results[4], "certificate": []byte("certificate")} {
		t.Run(name, func(t *testing.T) {
			tw := newTwin(t, c, piece)
			open := tw.findings(t)
			require.NotEmpty(t, open)
			for _, f := range open {
				require.Equal(t, storage.DamagedBlock, f.Kind, f.String())
			}
			tw.mend(t)
		})
	}
}

// A version that a later one has replaced is given up if nobody has it: reads of its
// heights are refused from then on, and nothing else is.
func TestALostVersionOfThePastIsGivenUp(t *testing.T) {
	c := newWhole(t, 12, 12, 120)
	key := c.blocks[1].Changes[0]
	next := ledger.Height(0)
	for h := ledger.Height(12); h > 2; h-- {
		for _, ch := range c.blocks[h-1].Changes {
			if bytes.Equal(ch.Key, key.Key) {
				next = h
			}
		}
	}
	require.NotZero(t, next)
	tw := newTwin(t, c, tail(key.Value))
	open := tw.findings(t)
	require.Len(t, open, 1)
	from, given, err := tw.s.GiveUpPast(open[0])
	require.NoError(t, err)
	require.True(t, given)
	require.Equal(t, next, from)
	tw.s.Settle(open[0])
	_, _, err = tw.s.Get(key.Key, next-1)
	require.ErrorIs(t, err, storage.ErrPruned)
	v, found, err := tw.s.Get(key.Key, next)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, c.states[next][string(key.Key)], string(v))
	require.Empty(t, tw.findings(t))
	newest := c.blocks[11].Changes[0]
	_, given, err = tw.s.GiveUpPast(storage.Finding{Kind: storage.DamagedRecord, Key: string(newest.Key), Height: 12})
	require.NoError(t, err)
	require.False(t, given, "what nothing has replaced")
}

// The tree, the lists of changes and the marks are made anew from what is left.
func TestWhatFollowsFromTheRestIsMadeAnew(t *testing.T) {
	c := newWhole(t, 12, 12, 120)
	dir := t.TempDir()
	c.write(t, dir)
	s, err := storage.Open(dir, baseOptions)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	before, err := s.Changed(9)
	require.NoError(t, err)
	root, err := s.Tree(12)
	require.NoError(t, err)
	for _, f := range []storage.Finding{{Kind: storage.DamagedTree}, {Kind: storage.DamagedPlaces, Height: 9}, {Kind: storage.DamagedMark, Key: "mtip"},
		{Kind: storage.DamagedMark, Key: "mpruned"}, {Kind: storage.DamagedIndex, Height: 4}, {Kind: storage.DamagedTree}} {
		require.NoError(t, s.MendHere(f, validity), f.String())
	}
	after, err := s.Changed(9)
	require.NoError(t, err)
	require.ElementsMatch(t, before, after)
	again, err := s.Tree(12)
	require.NoError(t, err)
	require.Equal(t, root.Root(), again.Root())
	require.Zero(t, c.believable(t, s))
	for _, f := range []storage.Finding{{Kind: storage.DamagedTable}, {Kind: storage.DamagedMark, Key: "mnothing"}, {Kind: storage.DamagedPlaces, Height: 99}} {
		require.ErrorIs(t, s.MendHere(f, validity), storage.ErrBeyond)
	}
}

// What Badger would pass over when it opens, or end the process over, is found before.
func TestADamagedFolderIsNotOpened(t *testing.T) {
	c := newWhole(t, 6, 12, 120)
	origin, work := t.TempDir(), filepath.Join(t.TempDir(), "store")
	c.write(t, origin)
	table := filepath.Base(storeFiles(t, origin, "badger/*.sst")[0])
	for name, harm := range map[string]func(){
		"a table is cut off": func() { require.NoError(t, os.Truncate(filepath.Join(work, "badger", table), 5000)) },
		"a table is gone":    func() { require.NoError(t, os.Remove(filepath.Join(work, "badger", table))) },
		"a table's index": func() {
			flip(t, filepath.Join(work, "badger", table), size(t, filepath.Join(work, "badger", table))-60, 1)
		},
		"the manifest is gone":    func() { require.NoError(t, os.Remove(filepath.Join(work, "badger", "MANIFEST"))) },
		"the manifest":            func() { flip(t, filepath.Join(work, "badger", "MANIFEST"), 20, 1) },
		"FORMAT is gone":          func() { require.NoError(t, os.Remove(filepath.Join(work, "FORMAT"))) },
		"a digit of FORMAT":       func() { flip(t, filepath.Join(work, "FORMAT"), 16, 1) },
		"the ledger's name in it": func() { flip(t, filepath.Join(work, "FORMAT"), 30, 1) },
	} {
		copyAll(t, origin, work)
		harm()
		_, err := storage.Open(work, baseOptions)
		var damaged *storage.CorruptError
		require.ErrorAs(t, err, &damaged, name)
	}
	require.NoError(t, storage.MarkDamaged(work, "for a test"))
	require.Equal(t, "for a test", storage.WhyDamaged(work))
	for range 2 {
		copyAll(t, origin, work)
		kept, err := storage.PutAside(work, 1, false)
		require.NoError(t, err)
		require.True(t, kept)
		require.NoDirExists(t, work)
		require.FileExists(t, filepath.Join(work+storage.DamagedSuffix, "FORMAT"))
	}
	copyAll(t, origin, work)
	kept, err := storage.PutAside(work, 1<<62, false)
	require.NoError(t, err)
	require.False(t, kept, "there is no room to keep it")
	require.NoDirExists(t, work)
	require.NoDirExists(t, work+storage.DamagedSuffix)
}
