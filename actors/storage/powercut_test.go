package storage_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state/reference"
)

// image is a folder's content; of a file only pages that are not empty.
type image struct {
	tip   ledger.Height // acknowledged with it
	files map[string]*file
}

type file struct {
	size  int64
	pages map[int64][]byte
}

const sector = 512

func takeImage(t require.TestingT, dir string, tip ledger.Height) *image {
	im := &image{tip: tip, files: map[string]*file{}}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "LOCK" || d.Name() == "PID" {
			return nil // a table may go while we look
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		f := &file{size: int64(len(raw)), pages: map[int64][]byte{}}
		for at := 0; at < len(raw); at += sector {
			page := raw[at:min(len(raw), at+sector)]
			if !allZero(page) {
				f.pages[int64(at)] = page
			}
		}
		rel, err := filepath.Rel(dir, path)
		im.files[rel] = f
		return err
	}))
	return im
}

func allZero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }

// cut writes what the disk may hold when the power fails between two syncs: what Badger
// syncs itself (tables and its manifest) as before or as after, and of each log and file of pages any
// of the sectors that were written since.
func cut(t *rapid.T, dir string, before, after *image) {
	tables := before
	if rapid.Bool().Draw(t, "tables") {
		tables = after
	}
	var names []string
	for name := range tables.files {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		old, now := before.files[name], after.files[name]
		f := tables.files[name]
		if (strings.HasSuffix(name, ".mem") || strings.HasSuffix(name, ".pages")) && old != nil && now != nil {
			f = torn(t, old, now)
		}
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		w, err := os.Create(path)
		require.NoError(t, err)
		require.NoError(t, w.Truncate(f.size))
		for at, page := range f.pages {
			_, err := w.WriteAt(page, at)
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
	}
}

// torn is a log of which some sectors are as they were.
func torn(t *rapid.T, old, now *file) *file {
	out := &file{size: now.size, pages: map[int64][]byte{}}
	var changed []int64
	for at, page := range now.pages {
		out.pages[at] = page
		if !bytes.Equal(old.pages[at], page) {
			changed = append(changed, at)
		}
	}
	sort.Slice(changed, func(i, j int) bool { return changed[i] < changed[j] })
	lose := rapid.SampledFrom([]string{"none", "all", "tail", "head", "some"}).Draw(t, "lost")
	edge := rapid.IntRange(0, len(changed)).Draw(t, "edge")
	salt := rapid.Uint64().Draw(t, "salt")
	for i, at := range changed {
		salt = salt*6364136223846793005 + 1442695040888963407
		gone := lose == "all" || lose == "tail" && i >= edge || lose == "head" && i < edge || lose == "some" && salt>>63 == 1
		if !gone {
			continue
		}
		if page, ok := old.pages[at]; ok {
			out.pages[at] = page
		} else {
			delete(out.pages, at)
		}
	}
	return out
}

// The power fails between any two syncs, and any of what was written meanwhile may be
// on the disk: what was acknowledged is there, and nothing is half there.
func TestAPowerCutBetweenAnySyncs(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs one thing after the other, which the race detector learns nothing from")
	}
	checks(t, 25)
	rapid.Check(t, func(rt *rapid.T) {
		base, err := os.MkdirTemp(t.TempDir(), "cut")
		require.NoError(rt, err)
		defer func() { require.NoError(rt, os.RemoveAll(base)) }()
		dir := filepath.Join(base, "store")
		g := newGrove(rt, dir)
		var images []*image
		see := func() {
			tip, _ := g.store.Tip()
			images = append(images, takeImage(rt, dir, tip))
		}
		see()
		g.store.OnSync(see)
		numbers := rapid.SliceOfN(rapid.IntRange(0, 300), 0, 80)
		for range rapid.IntRange(1, 6).Draw(rt, "blocks") {
			g.commit(rt, numbers.Draw(rt, "set"), numbers.Draw(rt, "remove"), rapid.IntRange(0, 5).Draw(rt, "salt"))
			tip := ledger.Height(len(g.model) - 1)
			switch rapid.IntRange(0, 4).Draw(rt, "then") {
			case 0, 1:
				require.NoError(rt, g.store.FlushTree(g.tree, tip))
			case 2:
				require.NoError(rt, g.store.Prune(tip-min(tip, 2)))
			}
		}
		see()
		require.NoError(rt, g.store.Close())
		for range 3 {
			i := rapid.IntRange(0, len(images)-2).Draw(rt, "sync")
			broken := filepath.Join(base, "broken")
			cut(rt, broken, images[i], images[i+1])
			g.survives(rt, broken, images[i].tip)
			require.NoError(rt, os.RemoveAll(broken))
		}
	})
}

// checks sets how many cases a property of this test has, unless more were asked for.
func checks(t *testing.T, n int) {
	if testing.Short() { // the race detector makes each five times as long, and has little to see
		n = (n + 4) / 5
	}
	f := flag.Lookup("rapid.checks")
	if was := f.Value.String(); was == f.DefValue {
		require.NoError(t, f.Value.Set(strconv.Itoa(n)))
		t.Cleanup(func() { require.NoError(t, f.Value.Set(was)) })
	}
}

// survives opens a store after a power cut.
func (g *grove) survives(t require.TestingT, dir string, acknowledged ledger.Height) {
	s, err := storage.Open(dir, treeOptions)
	require.NoError(t, err)
	tip, hash := s.Tip()
	require.GreaterOrEqual(t, tip, acknowledged, "an acknowledged block is lost")
	require.Less(t, int(tip), len(g.model))
	if tip > 0 {
		require.Equal(t, ledger.Hash{byte(tip), byte(tip >> 8), 1}, hash)
	}
	for h := ledger.Height(1); h <= tip; h++ {
		b, err := s.Block(h)
		require.NoError(t, err)
		require.Equal(t, ledger.Hash{byte(h), byte(h >> 8), 1}, b.Hash)
	}
	want := fmt.Sprintf("%x", reference.Root(g.model[tip]))
	whole, err := s.RebuildTree(tip)
	require.NoError(t, err)
	require.Equal(t, want, whole.Root().String(), "the records of block %d", tip)
	paged, err := s.Tree(tip)
	require.NoError(t, err)
	require.Equal(t, want, paged.Root().String(), "the tree of block %d", tip)
	require.NoError(t, s.Close())
}
