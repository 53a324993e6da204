package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/retention"
)

// tester is what the checks need of *testing.T and *rapid.T.
type tester interface {
	require.TestingT
	Helper()
}

// past is what a store should know of a chain: every block as it was, how far it is pruned,
// and what was held when it was.
type past struct {
	blocks []*storage.BlockCommit // from height 1
	held   map[ledger.Place]bool
	places map[ledger.Hash][]ledger.Place // where each transaction stands, ascending
}

// someOf is which transactions of a block are looked at: each so many.
func someOf(b *storage.BlockCommit) int { return 1 + len(b.Txs)/100 }

func newPast() *past {
	return &past{held: map[ledger.Place]bool{}, places: map[ledger.Hash][]ledger.Place{}}
}

func (p *past) add(b *storage.BlockCommit) {
	p.blocks = append(p.blocks, b)
	for i, id := range b.TxIDs {
		if _, again := p.places[id]; again || i%someOf(b) == 0 {
			p.places[id] = append(p.places[id], ledger.Place{Height: b.Height, Index: uint32(i)})
		}
	}
}

func (p *past) block(h ledger.Height) *storage.BlockCommit { return p.blocks[h-1] }

// hold notes what must be held of the blocks from one height to below another.
func (p *past) hold(from, to ledger.Height, holds storage.Holds) {
	for h := from; h < to && holds != nil; h++ {
		b := p.block(h)
		stays := map[ledger.Hash]bool{}
		for i, raw := range b.Txs {
			env, _ := ledger.ParseEnvelope(raw)
			tx, _ := ledger.ParseTransaction(env.Payload)
			r, _ := ledger.ParseResult(b.Results[i])
			stays[r.TxID] = stays[r.TxID] || holds(tx, r)
		}
		for i, id := range b.TxIDs {
			if stays[id] {
				p.held[ledger.Place{Height: h, Index: uint32(i)}] = true
			}
		}
	}
}

// check compares a store with the past. Nothing of what is below the floor may be seen but
// what stays.
func (p *past) check(t tester, s *storage.Store) {
	t.Helper()
	floor := s.Oldest()
	for _, b := range p.blocks {
		if b.Height < s.Base() {
			continue
		}
		head, err := s.Head(b.Height)
		require.NoError(t, err)
		require.Equal(t, [][]byte{b.Header, b.Commit, b.Outcome}, [][]byte{head.Header, head.Commit, head.Outcome})
		require.Equal(t, [2]ledger.Hash{b.BlockHash, b.CommandsSum}, [2]ledger.Hash{head.Hash, head.CommandsSum})
		at, found, err := s.LocateBlock(b.BlockHash)
		require.NoError(t, err)
		require.True(t, found && at == b.Height)
		whole, err := s.Block(b.Height)
		if b.Height < floor {
			var pruned *storage.PrunedError
			require.ErrorAs(t, err, &pruned)
			require.ErrorIs(t, err, storage.ErrPruned)
			require.Equal(t, [2]ledger.Height{b.Height, floor}, [2]ledger.Height{pruned.Height, pruned.Oldest})
			_, err = s.Results(b.Height)
			require.ErrorIs(t, err, storage.ErrPruned)
		} else {
			require.NoError(t, err)
			require.True(t, equalItems(b.Txs, whole.Txs) && equalItems(b.Results, whole.Results))
		}
		p.checkItems(t, s, b, floor)
	}
	p.checkPlaces(t, s, floor)
}

func (p *past) checkItems(t tester, s *storage.Store, b *storage.BlockCommit, floor ledger.Height) {
	t.Helper()
	header, err := ledger.ParseHeader(b.Header)
	require.NoError(t, err)
	outcome, err := ledger.ParseOutcome(b.Outcome)
	require.NoError(t, err)
	for i := 0; i < len(b.Txs); i += someOf(b) {
		at := ledger.Place{Height: b.Height, Index: uint32(i)}
		tx, err := s.Tx(at.Height, at.Index)
		if b.Height < floor && !p.held[at] {
			require.ErrorIs(t, err, storage.ErrPruned)
			continue
		}
		require.NoError(t, err)
		result, err := s.Result(at.Height, at.Index)
		require.NoError(t, err)
		require.True(t, string(b.Txs[i]) == string(tx) && string(b.Results[i]) == string(result))
		if b.Height >= floor {
			continue
		}
		held, ok, err := s.Held(at.Height, at.Index)
		require.NoError(t, err)
		require.True(t, ok)
		r, err := ledger.ParseResult(held.Result)
		require.NoError(t, err)
		require.NoError(t, ledger.VerifyMerklePath(header.TxRoot, uint64(i), uint64(header.TxCount), held.Tx, held.TxPath))
		require.NoError(t, ledger.VerifyMerklePath(outcome.ResultsRoot, uint64(i), uint64(header.TxCount), r.Leaf(), held.ResultPath))
	}
}

// checkPlaces demands that a transaction is found where it stands last, or else, if it is
// held, where it was executed. Of an envelope that came several times the repetitions
// between those two need not be found.
func (p *past) checkPlaces(t tester, s *storage.Store, floor ledger.Height) {
	t.Helper()
	seen := func(at ledger.Place) bool { return at.Height >= floor || p.held[at] }
	for id, places := range p.places {
		if len(places) == 0 {
			continue
		}
		h, i, found, err := s.LocateTx(id)
		require.NoError(t, err)
		at := ledger.Place{Height: h, Index: i}
		if !found {
			require.False(t, seen(places[0]) || seen(places[len(places)-1]), "%v", places)
			continue
		}
		require.Contains(t, places, at)
		if !seen(at) {
			continue // not erased yet: whoever reads there is told; see Leftovers
		}
		if last := places[len(places)-1]; seen(last) {
			require.Equal(t, last, at)
		}
	}
}

var holdSome = &retention.Policy{Parties: []ledger.Party{"carol@org2"}, Contracts: []string{"contract-1", "events-3"}}

func openAt(t tester, dir string) *storage.Store {
	s, err := storage.Open(dir, storage.Options{Ledger: ledger.ID{1}, MemTableBytes: 8 << 20, FreeBytesMin: 1})
	require.NoError(t, err)
	return s
}

// copyStore copies an open store as a crash would leave it. Badger may be turning a log
// into a table meanwhile: what it lists first and last must be the same.
func copyStore(t tester, from, to string) {
	for {
		before, err := os.ReadFile(filepath.Join(from, "badger", "MANIFEST"))
		require.NoError(t, err)
		require.NoError(t, os.RemoveAll(to))
		err = copyFiles(from, to)
		after, _ := os.ReadFile(filepath.Join(from, "badger", "MANIFEST"))
		if err == nil && bytes.Equal(before, after) {
			return
		}
		require.True(t, err == nil || errors.Is(err, fs.ErrNotExist), "%v", err)
	}
}

// copyFiles leaves out the zeros at the ends of files, which are most of a young log.
func copyFiles(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		if d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		raw, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(target, bytes.TrimRight(raw, "\x00"), 0o600)
		}
		if err == nil {
			err = os.Truncate(target, int64(len(raw)))
		}
		return err
	})
}

type pruneModel struct {
	*past
	dir   string
	store *storage.Store
	chain *chain
}

func (m *pruneModel) commit(t *rapid.T) {
	for range rapid.IntRange(1, 4).Draw(t, "blocks") {
		m.chain.txs = rapid.SampledFrom([]int{0, 1, 3, 8, 30}).Draw(t, "txs")
		if len(m.blocks) > 0 && rapid.Bool().Draw(t, "an envelope comes again") {
			b := m.block(ledger.Height(rapid.IntRange(max(1, len(m.blocks)-6), len(m.blocks)).Draw(t, "of block")))
			if len(b.Txs) > 0 {
				i := rapid.IntRange(0, len(b.Txs)-1).Draw(t, "envelope")
				m.chain.repeat = &sent{raw: b.Txs[i], first: m.places[b.TxIDs[i]][0]}
			}
		}
		b := m.chain.next()
		require.NoError(t, m.store.Commit(b))
		m.add(b)
	}
}

func (m *pruneModel) prune(t *rapid.T) {
	tip := ledger.Height(len(m.blocks))
	below := ledger.Height(rapid.IntRange(0, len(m.blocks)+1).Draw(t, "below"))
	most := rapid.IntRange(1, 5).Draw(t, "most")
	p := &retention.Policy{}
	if rapid.Bool().Draw(t, "somebody is held") {
		p.Parties = []ledger.Party{rapid.SampledFrom(partiesOfChain).Draw(t, "party")}
	}
	if rapid.Bool().Draw(t, "a contract is held") {
		p.Contracts = []string{rapid.SampledFrom([]string{"contract-1", "events-2", "events-4"}).Draw(t, "contract")}
	}
	var holds storage.Holds
	if p.HoldsAny() {
		holds = p.Holds
	}
	before := m.store.Oldest()
	n, err := m.store.PruneBlocks(below, most, holds)
	if below > tip {
		require.ErrorIs(t, err, storage.ErrAhead)
		return
	}
	require.NoError(t, err)
	want := min(max(before, below), before+ledger.Height(most))
	require.Equal(t, want, m.store.Oldest())
	require.Equal(t, int(want-before), n)
	m.hold(before, want, holds)
	chunks, places := m.store.Leftovers(t, before) // what was raised now goes next
	require.Equal(t, [2]int{}, [2]int{chunks, places})
	m.check(t, m.store)
}

// crash opens a copy of what is on the disk, in the place of the store.
func (m *pruneModel) crash(t *rapid.T) {
	if rapid.IntRange(0, 5).Draw(t, "crash") > 0 {
		return
	}
	dir, err := os.MkdirTemp("", "store")
	require.NoError(t, err)
	copyStore(t, m.dir, dir)
	require.NoError(t, m.store.Close())
	require.NoError(t, os.RemoveAll(m.dir))
	m.dir, m.store = dir, openAt(t, dir)
	for { // what the last step did is done again, as its end was not noted
		n, err := m.store.PruneBlocks(0, 2, nil)
		require.NoError(t, err)
		if n == 0 {
			m.check(t, m.store)
			return
		}
	}
}

func TestAPrunedStoreIsThePastWithoutItsContents(t *testing.T) {
	checks(t, 20)
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "store")
		require.NoError(rt, err)
		m := &pruneModel{past: newPast(), dir: dir, store: openAt(rt, dir), chain: newChain(1, 0, 20)}
		defer func() {
			_ = m.store.Close()
			_ = os.RemoveAll(m.dir)
		}()
		rt.Repeat(map[string]func(*rapid.T){"commit": m.commit, "more": m.commit, "prune": m.prune, "prune more": m.prune, "crash": m.crash,
			"": func(*rapid.T) {}})
	})
}

// A copy of the folder after each of Badger's transactions is what a crash between it and
// the next one leaves. Whatever it is, all that should be there is, and the rest goes.
func TestPruningCutOffAnywhereIsCompleted(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs one thing after the other, which the race detector learns nothing from")
	}
	dir := t.TempDir()
	s := openAt(t, dir)
	p, c := newPast(), newChain(3, 12, 50)
	for h := ledger.Height(1); h <= 11; h++ {
		if c.txs = 12; h == 5 {
			c.txs = 14_000 // several of Badger's transactions, to hold and to erase
		}
		if h > 2 && h%3 == 0 {
			c.repeat = &sent{raw: p.block(h - 2).Txs[4], first: ledger.Place{Height: h - 2, Index: 4}}
		}
		b := c.next()
		require.NoError(t, s.Commit(b))
		p.add(b)
	}
	p.hold(1, 9, holdSome.Holds)
	var images []string
	s.Wrote(func() {
		image := filepath.Join(t.TempDir(), fmt.Sprint("image-", len(images)))
		copyStore(t, dir, image)
		images = append(images, image)
	})
	for n := 1; n > 0; {
		var err error
		n, err = s.PruneBlocks(9, 3, holdSome.Holds)
		require.NoError(t, err)
	}
	s.Wrote(nil)
	p.check(t, s)
	require.NoError(t, s.Close())
	require.Greater(t, len(images), 15)
	unfinished, every := 0, 1
	if testing.Short() {
		every = 4
	}
	for i := 0; i < len(images); i += every {
		image := images[i]
		s := openAt(t, image)
		floor := s.Oldest()
		if chunks, places := s.Leftovers(t, floor); chunks+places > 0 {
			unfinished++
		}
		p.check(t, s)
		for n := 1; n > 0; {
			var err error
			n, err = s.PruneBlocks(9, 3, holdSome.Holds)
			require.NoError(t, err, "image %d", i)
		}
		require.Equal(t, ledger.Height(9), s.Oldest())
		chunks, places := s.Leftovers(t, 9)
		require.Equal(t, [2]int{}, [2]int{chunks, places}, "image %d", i)
		p.check(t, s)
		require.NoError(t, s.Close())
		require.NoError(t, os.RemoveAll(image))
	}
	require.Greater(t, unfinished, 5/every, "crashes between raising the floor and the last erasure")
	t.Logf("%d crashes, %d of them left something to erase", len(images), unfinished)
}

// Blocks that were fetched from the past were not written at their own height.
func TestFetchedBlocksArePrunedAndNotFetchedAgain(t *testing.T) {
	p, c := newPast(), newChain(5, 12, 50)
	for h := ledger.Height(1); h <= 24; h++ {
		if h > 8 && h%4 == 0 {
			c.repeat = &sent{raw: p.block(h - 6).Txs[4], first: ledger.Place{Height: h - 6, Index: 4}}
		}
		p.add(c.next())
	}
	dir := filepath.Join(t.TempDir(), "store")
	opt := storage.Options{Ledger: ledger.ID{1}, MemTableBytes: 8 << 20, FreeBytesMin: 1}
	require.NoError(t, storage.Install(dir, opt, p.block(16), nil, func(func(k, v []byte) error) error { return nil }))
	s := openAt(t, dir)
	for h := ledger.Height(17); h <= 24; h++ {
		require.NoError(t, s.Commit(p.block(h)))
		require.NoError(t, s.PutOlder(p.block(32-h), nil))
	}
	require.Equal(t, ledger.Height(8), s.Oldest())
	for h := ledger.Height(1); h < 8; h++ { // never here
		for _, id := range p.block(h).TxIDs {
			p.places[id] = p.places[id][1:]
		}
	}
	p.check(t, s)
	p.hold(8, 20, holdSome.Holds)
	for n := 1; n > 0; {
		var err error
		n, err = s.PruneBlocks(20, 3, holdSome.Holds)
		require.NoError(t, err)
		p.check(t, s)
	}
	chunks, places := s.Leftovers(t, 20)
	require.Equal(t, [2]int{}, [2]int{chunks, places})
	require.ErrorIs(t, s.PutOlder(p.block(7), nil), storage.ErrPruned)
	_, err := s.Head(7)
	require.ErrorIs(t, err, storage.ErrNotHeld)
	require.NoError(t, s.Close())
}

// Whoever reads while a block is pruned sees all of it, or that it is pruned.
func TestReadersSeeABlockOrThatItIsPruned(t *testing.T) {
	s := openAt(t, t.TempDir())
	p, c := newPast(), newChain(9, 40, 100)
	for range 300 {
		b := c.next()
		require.NoError(t, s.Commit(b))
		p.add(b)
	}
	var wg sync.WaitGroup
	var done atomic.Bool
	var whole, pruned atomic.Int64
	for reader := range 3 {
		wg.Go(func() {
			for h := ledger.Height(1); !done.Load(); h = max(s.Oldest()+ledger.Height(reader), h%300+1) % 300 {
				b := p.block(h + 1)
				got, err := s.Block(b.Height)
				if errors.Is(err, storage.ErrPruned) {
					pruned.Add(1)
				} else if whole.Add(1); err != nil || !equalItems(b.Txs, got.Txs) || !equalItems(b.Results, got.Results) {
					t.Errorf("block %d: %v", b.Height, err)
					return
				}
				if tx, err := s.Tx(b.Height, 7); err == nil && string(tx) != string(b.Txs[7]) || err != nil && !errors.Is(err, storage.ErrPruned) {
					t.Errorf("transaction 7 of block %d: %v", b.Height, err)
					return
				}
			}
		})
	}
	for s.Oldest() < 299 {
		_, err := s.PruneBlocks(299, 1, nil)
		require.NoError(t, err)
	}
	done.Store(true)
	wg.Wait()
	require.NoError(t, s.Close())
	t.Logf("%d blocks were read, %d times one was pruned", whole.Load(), pruned.Load())
}
