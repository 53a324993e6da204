package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/signature"
	"github.com/concordat-ledger/concordat/ledger/snapshot"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

const validity = ledger.Time(1 << 40)

// whole is a small ledger of blocks that hold: hashes, roots, index and state.
type whole struct {
	blocks []*storage.BlockCommit // of height 1 on
	states []map[string]string    // by height
}

func newWhole(t testing.TB, heights, txs, writes int) *whole {
	key, err := signature.Generate(rand.New(rand.NewSource(1)))
	require.NoError(t, err)
	c := &whole{states: []map[string]string{{}}}
	whole, hash, sum := tree.New(nil), ledger.Hash{}, ledger.Hash{}
	for h := ledger.Height(1); h <= ledger.Height(heights); h++ {
		b := &storage.BlockCommit{Height: h, CommandsBefore: sum}
		header := ledger.Header{Height: h, Parent: hash, Time: ledger.Time(h) * 10, TxCount: uint32(txs)}
		var leaves [][]byte
		var commands []ledger.ExecutedCommand
		for i := range txs {
			tx := ledger.Transaction{Party: "alice", Contract: "concordat", Method: "note", Command: fmt.Appendf(nil, "%d-%d", h, i), Args: noise(200, uint64(h)<<16+uint64(i)), ValidUntil: ledger.Time(1 << 30)}
			e := ledger.Envelope{Payload: tx.Marshal()}
			copy(e.Signature[:], key.Sign(e.Payload))
			public := key.Public()
			copy(e.PublicKey[:], public[:])
			r := ledger.Result{TxID: ledger.TransactionID(e.Payload), Command: ledger.CommandKey(tx.Party, tx.Command)}
			b.Txs, b.Results, b.TxIDs = append(b.Txs, e.Marshal()), append(b.Results, r.Marshal()), append(b.TxIDs, r.TxID)
			b.Commands = append(b.Commands, storage.Command{Key: r.Command, Height: h, Index: uint32(i), Expires: tx.ValidUntil})
			commands = append(commands, ledger.ExecutedCommand{Key: r.Command, Index: uint32(i), Expires: tx.ValidUntil})
			leaves = append(leaves, r.Leaf())
		}
		now := map[string]string{}
		for k, v := range c.states[h-1] {
			now[k] = v
		}
		var changes []tree.Change
		for i := range writes {
			k := fmt.Appendf(nil, "account %04d", (i*31+int(h)*197)%(4*writes))
			v := state.EncodeRecord(nil, state.Provenance{Height: h}, noise(120, uint64(h)<<20+uint64(i)))
			place := state.Place(nil, k)
			b.Changes, b.Places = append(b.Changes, storage.Change{Key: k, Value: v}), append(b.Places, place)
			changes = append(changes, tree.Change{Key: place, Record: state.RecordHash(v), Size: len(k) + len(v)})
			now[string(k)] = string(v)
		}
		whole, err = whole.Apply(changes)
		require.NoError(t, err)
		header.TxRoot = ledger.NewMerkleTree(b.Txs).Root()
		outcome := ledger.Outcome{StateRoot: whole.Root(), ResultsRoot: ledger.NewMerkleTree(leaves).Root()}
		sum = ledger.CommandsDigest(sum, h, header.Time, commands)
		hash = header.Hash()
		b.BlockHash, b.CommandsSum, b.Header, b.Outcome = hash, sum, header.Marshal(), outcome.Marshal()
		c.blocks, c.states = append(c.blocks, b), append(c.states, now)
	}
	return c
}

// write makes a store of the chain, with a flushed tree before the end.
func (c *whole) write(t testing.TB, dir string) {
	s, err := storage.Open(dir, baseOptions)
	require.NoError(t, err)
	for _, b := range c.blocks {
		require.NoError(t, s.Commit(b))
		if int(b.Height) == len(c.blocks)*2/3 {
			whole, err := s.Tree(b.Height)
			require.NoError(t, err)
			require.NoError(t, s.FlushTree(whole, b.Height))
		}
	}
	require.NoError(t, s.PutCertificate(3, []byte("certificate")))
	require.NoError(t, s.Close())
}

// versions are those of each key, newest first.
func (c *whole) versions() map[string][]storage.Version {
	out := map[string][]storage.Version{}
	for _, b := range slices.Backward(c.blocks) {
		for _, ch := range b.Changes {
			out[string(ch.Key)] = append(out[string(ch.Key)], storage.Version{Height: b.Height, Value: ch.Value})
		}
	}
	return out
}

// believable reads everything: what the store answers is right, or it is an error that
// tells of damage. It returns how many answers were errors.
func (c *whole) believable(t require.TestingT, s *storage.Store) (refused int) {
	told := func(err error) bool {
		if err == nil {
			return false
		}
		var damaged *storage.CorruptError
		require.True(t, errors.As(err, &damaged) || errors.Is(err, storage.ErrPruned), "%v", err)
		refused++
		return true
	}
	for _, want := range c.blocks {
		if b, err := s.Block(want.Height); !told(err) {
			require.True(t, bytes.Equal(b.Header, want.Header) && bytes.Equal(b.Outcome, want.Outcome) && len(b.Txs) == len(want.Txs))
			for i := range b.Txs {
				require.True(t, bytes.Equal(b.Txs[i], want.Txs[i]) && bytes.Equal(b.Results[i], want.Results[i]))
			}
		}
		if h, ok, err := s.LocateBlock(want.BlockHash); !told(err) {
			require.True(t, ok && h == want.Height, "block %d: %v, %d", want.Height, ok, h)
		}
		for i, id := range want.TxIDs {
			if h, at, ok, err := s.LocateTx(id); !told(err) {
				require.True(t, ok && h == want.Height && at == uint32(i), "transaction %d of block %d: %v, %d, %d", i, want.Height, ok, h, at)
			}
			if cmd, ok, err := s.LocateCommand(want.Commands[i].Key); !told(err) {
				require.True(t, ok)
				require.Equal(t, want.Commands[i], cmd)
			}
		}
	}
	for k, want := range c.versions() {
		if got, more, err := s.History([]byte(k), ledger.Height(len(c.blocks)), 100, 1<<20); !told(err) {
			require.False(t, more)
			require.True(t, slices.EqualFunc(got, want, func(a, b storage.Version) bool { return a.Height == b.Height && bytes.Equal(a.Value, b.Value) }),
				"the versions of %s", k)
		}
	}
	for _, at := range []int{len(c.blocks) / 2, len(c.blocks)} {
		for k, v := range c.states[at] {
			if got, ok, err := s.Get([]byte(k), ledger.Height(at)); !told(err) {
				require.True(t, ok, k)
				require.True(t, string(got) == v, "%s of height %d", k, at)
			}
		}
		if it, err := s.Scan([]byte("account 01"), []byte("account 02"), ledger.Height(at), at%2 == 0); !told(err) {
			n := 0
			for it.Next() {
				n++
				require.Equal(t, c.states[at][string(it.Key())], string(it.Value()))
			}
			if !told(it.Err()) {
				want := 0
				for k := range c.states[at] {
					if k >= "account 01" && k < "account 02" {
						want++
					}
				}
				require.Equal(t, want, n)
			}
			it.Close()
		}
	}
	return refused
}

// scrubbed makes whole passes until one finds nothing new, and mends what is found from
// a store that is well. It reports whether everything could be mended.
func (c *whole) scrubbed(t require.TestingT, s, well *storage.Store) bool {
	sc := s.NewScrubber(nil)
	defer sc.Close()
	for range 6 {
		before, _ := s.DamageCounts()
		for done := false; !done; {
			var err error
			_, done, err = sc.Step()
			require.NoError(t, err)
		}
		open, beyond := s.Damage()
		if beyond {
			return false
		}
		for _, f := range open {
			if l, ok := t.(interface{ Logf(string, ...any) }); ok {
				l.Logf("%s", f)
			}
			if !mend(t, s, well, f) {
				return false
			}
			s.Settle(f)
		}
		if found, _ := s.DamageCounts(); found == before && len(open) == 0 {
			return true
		}
	}
	return false
}

// mend does what a replica does with a finding; false: the store must be fetched anew.
func mend(t require.TestingT, s, well *storage.Store, f storage.Finding) bool {
	switch f.Kind {
	case storage.DamagedBlock:
		b, err := well.Block(f.Height)
		if err != nil {
			return false
		}
		whole, err := snapshot.NewBlock(b.Header, b.Outcome, b.Txs, b.Results)
		require.NoError(t, err)
		cert, _, err := well.Certificate(f.Height)
		require.NoError(t, err)
		again := &storage.BlockCommit{Height: f.Height, BlockHash: b.Hash, CommandsSum: b.CommandsSum, Header: b.Header, Outcome: b.Outcome, Txs: b.Txs, Results: b.Results}
		for _, r := range whole.Results {
			again.TxIDs = append(again.TxIDs, r.TxID)
		}
		require.NoError(t, s.MendBlock(again, cert))
	case storage.DamagedRecord:
		at := s.SeenAt(f)
		record, ok, err := well.RecordAt([]byte(f.Key), at)
		require.NoError(t, err)
		if !ok {
			return false
		}
		lie := append(bytes.Clone(record[:len(record)-1]), record[len(record)-1]+1)
		require.Error(t, s.MendRecord(f, at, lie))
		if err := s.MendRecord(f, at, record); err != nil {
			return !errors.Is(err, storage.ErrNotIt) && !errors.Is(err, storage.ErrBeyond)
		}
	default:
		err := s.MendHere(f, validity)
		if errors.Is(err, storage.ErrBeyond) {
			return false
		}
		var damaged *storage.CorruptError
		if err != nil && !errors.As(err, &damaged) { // that is found and mended first
			require.NoError(t, err)
		}
	}
	return true
}

func copyAll(t require.TestingT, from, to string) {
	require.NoError(t, os.RemoveAll(to))
	require.NoError(t, os.CopyFS(to, os.DirFS(from)))
}

// storeFiles are the files that hold something.
func storeFiles(t require.TestingT, dir string, pattern string) []string {
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

func flip(t require.TestingT, path string, at int64, mask byte) { flipRange(t, path, at, 1, mask) }

func flipRange(t require.TestingT, path string, at, count int64, mask byte) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	raw := make([]byte, count)
	_, err = f.ReadAt(raw, at)
	require.NoError(t, err)
	for i := range raw {
		raw[i] ^= mask
	}
	_, err = f.WriteAt(raw, at)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func size(t require.TestingT, path string) int64 {
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Size()
}

// Whatever byte of whatever table or file of pages is another one: nothing wrong is read, and everything is
// repaired, or the store says that it must be fetched anew.
func TestAFlippedByteIsRepairedOrSaid(t *testing.T) {
	c := newWhole(t, 12, 12, 120)
	origin, work := t.TempDir(), filepath.Join(t.TempDir(), "store")
	c.write(t, origin)
	wellDir := filepath.Join(t.TempDir(), "well")
	copyAll(t, origin, wellDir)
	well, err := storage.Open(wellDir, baseOptions)
	require.NoError(t, err)
	defer func() { require.NoError(t, well.Close()) }()
	require.Zero(t, c.believable(t, well))
	require.True(t, c.scrubbed(t, well, well))
	if n, _ := well.DamageCounts(); n != 0 {
		t.Fatalf("%d findings in a store that is well", n)
	}
	files := append(storeFiles(t, origin, "badger/*.sst"), storeFiles(t, origin, "tree/*.pages")...)
	var mended, anew, unopened, unread int
	checks(t, 30)
	rapid.Check(t, func(t *rapid.T) {
		copyAll(t, origin, work)
		running := rapid.Bool().Draw(t, "while it runs")
		name, err := filepath.Rel(origin, rapid.SampledFrom(files).Draw(t, "file"))
		require.NoError(t, err)
		path := filepath.Join(work, name)
		var s *storage.Store
		if running {
			s, err = storage.Open(work, baseOptions)
			require.NoError(t, err)
		}
		total := size(t, path)
		for range rapid.SampledFrom([]int{1, 1, 1, 3}).Draw(t, "flips") {
			at := rapid.Int64Range(0, total-1).Draw(t, "at")
			mask := byte(1 + rapid.IntRange(0, 254).Draw(t, "mask"))
			count := rapid.SampledFrom([]int64{1, 1, 1, 1, 20_000}).Draw(t, "bytes")
			flipRange(t, path, at, min(count, total-at), mask)
		}
		if !running {
			s, err = storage.Open(work, baseOptions)
			if err != nil {
				var damaged *storage.CorruptError
				require.ErrorAs(t, err, &damaged)
				unopened++
				return
			}
		}
		defer func() { require.NoError(t, s.Close()) }()
		s.BelieveNothing()
		if c.believable(t, s) > 0 {
			unread++
		}
		if !c.scrubbed(t, s, well) {
			open, beyond := s.Damage()
			require.True(t, beyond || len(open) > 0)
			anew++
			return
		}
		mended++
		require.Zero(t, c.believable(t, s), "after the repair")
		tree, err := s.Tree(ledger.Height(len(c.blocks)))
		require.NoError(t, err)
		outcome, err := ledger.ParseOutcome(c.blocks[len(c.blocks)-1].Outcome)
		require.NoError(t, err)
		require.Equal(t, outcome.StateRoot, tree.Root())
	})
	t.Logf("repaired %d, to be fetched anew %d, not opened %d; read errors before the repair in %d", mended, anew, unopened, unread)
	require.Positive(t, mended)
}
