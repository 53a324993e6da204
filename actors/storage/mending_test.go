package storage_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
)

// opened is a store of twelve whole blocks, and the chain.
func opened(t *testing.T) (*whole, *storage.Store) {
	c := newWhole(t, 12, 12, 60)
	dir := t.TempDir()
	c.write(t, dir)
	s, err := storage.Open(dir, baseOptions)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	s.BelieveNothing()
	return c, s
}

// third holds the commands that end with 3.
func third(tx *ledger.Transaction, _ *ledger.Result) bool {
	return bytes.HasSuffix(tx.Command, []byte("-3"))
}

func pruneAll(t *testing.T, s *storage.Store, below ledger.Height, holds storage.Holds) {
	for n := 1; n > 0; {
		var err error
		n, err = s.PruneBlocks(below, 4, holds)
		require.NoError(t, err)
	}
}

// scrub is one pass, after which everything is known that is damaged.
func scrub(t *testing.T, s *storage.Store) []storage.Finding {
	sc := s.NewScrubber(nil)
	defer sc.Close()
	for done := false; !done; {
		var err error
		_, done, err = sc.Step()
		require.NoError(t, err)
	}
	open, _ := s.Damage()
	return open
}

// What leads to a pruned block, or to a transaction that outlived it, is written again:
// nothing else in the store has it, so it must not count as something that no block has.
func TestTheIndexOfPrunedBlocksIsRepaired(t *testing.T) {
	c, s := opened(t)
	pruneAll(t, s, 9, func(tx *ledger.Transaction, _ *ledger.Result) bool { return string(tx.Command) == "5-3" })
	for _, key := range [][]byte{storage.KeyOfHash(c.blocks[2].BlockHash), storage.KeyOfTx(c.blocks[4].TxIDs[3]), storage.KeyOfHash(c.blocks[10].BlockHash)} {
		require.NoError(t, s.Spoil(key))
		require.NoError(t, s.MendHere(storage.Finding{Kind: storage.DamagedIndex, Key: string(key)}, validity))
	}
	h, ok, err := s.LocateBlock(c.blocks[2].BlockHash)
	require.NoError(t, err)
	require.True(t, ok && h == 3)
	h, i, ok, err := s.LocateTx(c.blocks[4].TxIDs[3])
	require.NoError(t, err)
	require.True(t, ok && h == 5 && i == 3)
	_, _, ok, err = s.LocateTx(c.blocks[4].TxIDs[4])
	require.NoError(t, err)
	require.False(t, ok, "what was pruned does not come back")
	h, ok, err = s.LocateBlock(c.blocks[10].BlockHash)
	require.NoError(t, err)
	require.True(t, ok && h == 11)
	require.Empty(t, scrub(t, s))
}

// A block that is pruned while its index is looked at has lost its ids with its contents,
// and only its hash is found again.
func TestAPrunedBlockHasNoIndexToRepair(t *testing.T) {
	c, s := opened(t)
	b, err := s.Block(4)
	require.NoError(t, err)
	pruneAll(t, s, 9, nil)
	require.NoError(t, s.CheckIndex(b))
	open, _ := s.Damage()
	require.Empty(t, open)
	require.NoError(t, s.Spoil(storage.KeyOfHash(c.blocks[3].BlockHash)))
	require.NoError(t, s.MendHere(storage.Finding{Kind: storage.DamagedIndex, Height: 4}, validity))
	h, ok, err := s.LocateBlock(c.blocks[3].BlockHash)
	require.NoError(t, err)
	require.True(t, ok && h == 4)
	_, _, ok, err = s.LocateTx(c.blocks[3].TxIDs[0])
	require.NoError(t, err)
	require.False(t, ok)
}

// Whoever gives the right record is not to blame when our own block cannot be read.
func TestOurOwnDamageIsNobodysLie(t *testing.T) {
	c, s := opened(t)
	key := c.blocks[11].Changes[5].Key
	record, ok, err := s.RecordAt(key, 12)
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, s.Spoil(storage.KeyOfBlock(12)))
	err = s.MendRecord(storage.Finding{Kind: storage.DamagedRecord, Key: string(key), Height: 12}, 12, record)
	var damaged *storage.CorruptError
	require.ErrorAs(t, err, &damaged)
	require.NotErrorIs(t, err, storage.ErrNotIt)
}

// A version of the past stays as long as somebody reads there; then it can be given up.
func TestAPastThatIsReadIsGivenUpLater(t *testing.T) {
	c, s := opened(t)
	key := c.blocks[1].Changes[0].Key
	served, err := s.Serve(2)
	require.NoError(t, err)
	f := storage.Finding{Kind: storage.DamagedRecord, Key: string(key), Height: 2}
	_, replaced, err := s.GiveUpPast(f)
	require.True(t, replaced)
	require.ErrorIs(t, err, storage.ErrHeld)
	require.NoError(t, served.Close())
	from, replaced, err := s.GiveUpPast(f)
	require.NoError(t, err)
	require.True(t, replaced && from > 2)
}

// What nobody can mend is known, counts for nothing, and is not found again, until it is
// looked at anew; when it is mended after all it is damage no more.
func TestWhatNobodyCanMendSettles(t *testing.T) {
	_, s := opened(t)
	require.NoError(t, s.Spoil(storage.KeyOfTxs(4)))
	require.NoError(t, s.Spoil(storage.KeyOfTxs(7)))
	open := scrub(t, s)
	require.Len(t, open, 2)
	for _, f := range open {
		s.Abandon(f)
	}
	found, mended := s.DamageCounts()
	require.Empty(t, scrub(t, s))
	again, _ := s.DamageCounts()
	require.Equal(t, found, again)
	require.Zero(t, mended)
	left := s.Abandoned()
	require.Len(t, left, 2)
	require.Equal(t, [2]ledger.Height{4, 7}, [2]ledger.Height{left[0].Height, left[1].Height})
	_, err := s.Block(4)
	var damaged *storage.CorruptError
	require.ErrorAs(t, err, &damaged)
	_, err = s.Block(5)
	require.NoError(t, err)
	s.Reconsider(1)
	open, _ = s.Damage()
	require.Len(t, open, 1)
	require.Len(t, s.Abandoned(), 1)
	for _, f := range left {
		s.Settle(f)
	}
	require.Empty(t, s.Abandoned())
	open, _ = s.Damage()
	require.Empty(t, open)
	s.Abandon(left[0])
	require.Empty(t, s.Abandoned(), "what is not known to be damaged cannot be abandoned")
}

// As many pieces as there may be of what nobody can mend: the store is not given up.
func TestManyPiecesThatNobodyCanMendAreNotTooMany(t *testing.T) {
	_, s := opened(t)
	for h := ledger.Height(1); h <= 1000; h++ {
		f := storage.Finding{Kind: storage.DamagedHeld, Height: h, Reason: "the checksum does not match"}
		s.Note(f)
		s.Abandon(f)
	}
	open, beyond := s.Damage()
	require.Empty(t, open)
	require.False(t, beyond)
	s.Reconsider(5000)
	_, beyond = s.Damage()
	require.False(t, beyond)
}

// A damaged block that nobody has any more is pruned when its time comes; the others go
// and stay as ever.
func TestABlockThatNobodyCanMendIsPruned(t *testing.T) {
	for name, spoil := range map[string]func(ledger.Height) []byte{"transactions": storage.KeyOfTxs, "results": storage.KeyOfResults, "record": storage.KeyOfBlock} {
		t.Run(name, func(t *testing.T) {
			c, s := opened(t)
			require.NoError(t, s.Spoil(spoil(4)))
			open := scrub(t, s)
			require.NotEmpty(t, open)
			_, err := s.PruneBlocks(9, 8, third)
			require.ErrorAs(t, err, new(*storage.CorruptError), "it may be mended")
			for _, f := range open {
				s.Abandon(f)
			}
			pruneAll(t, s, 9, third)
			require.Equal(t, ledger.Height(9), s.Oldest())
			tx, err := s.Tx(5, 3)
			require.NoError(t, err)
			require.Equal(t, c.blocks[4].Txs[3], tx)
			if name != "record" {
				require.Empty(t, s.Abandoned(), "nothing is left of it")
				_, err = s.Tx(4, 3)
				require.ErrorIs(t, err, storage.ErrPruned)
			}
		})
	}
}

// However many blocks something is held of, what is held becomes durable once a step.
func TestHoldingCostsOneSync(t *testing.T) {
	s, err := storage.Open(t.TempDir(), storage.Options{Ledger: ledger.ID{1}, MemTableBytes: 8 << 20, FreeBytesMin: 1, Sync: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	c := newChain(4, 12, 50)
	for range 12 {
		require.NoError(t, s.Commit(c.next()))
	}
	before := s.Syncs()
	n, err := s.PruneBlocks(9, 8, func(*ledger.Transaction, *ledger.Result) bool { return true })
	require.NoError(t, err)
	require.Equal(t, 8, n)
	require.Equal(t, before+1, s.Syncs())
}

// Of a store that is to keep everything nothing is ever removed: neither what cannot be
// kept beside a new one, nor what was put aside before.
func TestAnArchiveIsNeverRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	fill := func(text string) {
		require.NoError(t, os.MkdirAll(dir, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "FORMAT"), []byte(text), 0o600))
	}
	fill("first")
	_, err := storage.PutAside(dir, 1<<62, true)
	require.ErrorContains(t, err, "make room")
	require.FileExists(t, filepath.Join(dir, "FORMAT"))
	for _, text := range []string{"first", "second", "third"} {
		fill(text)
		kept, err := storage.PutAside(dir, 1, true)
		require.NoError(t, err)
		require.True(t, kept)
		require.NoDirExists(t, dir)
	}
	for name, text := range map[string]string{"": "first", "-2": "second", "-3": "third"} {
		raw, err := os.ReadFile(filepath.Join(dir+storage.DamagedSuffix+name, "FORMAT"))
		require.NoError(t, err)
		require.Equal(t, text, string(raw))
	}
}

// An error reaches clients, who may not be allowed to know of the record: it names none.
func TestAnErrorNamesNoRecord(t *testing.T) {
	c, s := opened(t)
	key := c.blocks[11].Changes[5].Key
	require.NoError(t, s.Spoil(storage.KeyOfState(key)))
	_, _, err := s.Get(key, 12)
	require.ErrorContains(t, err, "state record of height 12")
	require.NotContains(t, err.Error(), string(key))
	open, _ := s.Damage()
	require.Len(t, open, 1)
	require.Contains(t, open[0].String(), string(key), "the log names it")
	require.NotContains(t, open[0].Where(), string(key))
}

// A block that is repaired while it is pruned does not come back.
func TestARepairedBlockDoesNotComeBack(t *testing.T) {
	s := openAt(t, t.TempDir())
	defer func() { require.NoError(t, s.Close()) }()
	p, c := newPast(), newChain(9, 8, 50)
	for range 200 {
		b := c.next()
		require.NoError(t, s.Commit(b))
		p.add(b)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for s.Oldest() < 199 {
			for h := s.Oldest(); h < min(s.Oldest()+6, 199); h++ {
				again := *p.block(h)
				if err := s.MendBlock(&again, nil); err != nil {
					t.Errorf("block %d: %v", h, err)
				}
				if err := s.MendHere(storage.Finding{Kind: storage.DamagedIndex, Height: h}, validity); err != nil {
					t.Errorf("the index of block %d: %v", h, err)
				}
			}
		}
	})
	for n := 1; n > 0; {
		var err error
		n, err = s.PruneBlocks(199, 4, nil)
		require.NoError(t, err)
	}
	wg.Wait()
	chunks, places := s.Leftovers(t, 199)
	require.Equal(t, [2]int{}, [2]int{chunks, places})
	p.check(t, s)
}

// Readers of the same tables and of others do not harm each other.
func TestReadersAtOnceFindWhatIsThere(t *testing.T) {
	c, s := opened(t)
	var wg sync.WaitGroup
	for reader := range 4 {
		wg.Go(func() {
			for i := range 200 {
				key := c.blocks[11].Changes[(reader*17+i)%60].Key
				v, ok, err := s.Get(key, 12)
				if err != nil || !ok || string(v) != c.states[12][string(key)] {
					t.Errorf("%s: %v, %v", key, ok, err)
				}
				if _, ok, err := s.Get(fmt.Appendf(nil, "nothing %d", i), 12); err != nil || ok {
					t.Errorf("what is not there: %v, %v", ok, err)
				}
			}
		})
	}
	wg.Wait()
}

// What Badger cannot read is damage to an auditor, too.
func TestADamagedFolderIsDamageToAnAuditor(t *testing.T) {
	c := newWhole(t, 6, 12, 60)
	dir := t.TempDir()
	c.write(t, dir)
	flip(t, filepath.Join(dir, "badger", "KEYREGISTRY"), 18, 1)
	_, err := storage.OpenReadOnly(dir, baseOptions)
	require.ErrorAs(t, err, new(*storage.CorruptError))
}

// What makes room may use some of the reserve, also where something is held.
func TestHoldingMayUseTheReserve(t *testing.T) {
	c, s := opened(t)
	require.NoError(t, s.Demand())
	require.ErrorAs(t, s.PutCertificate(5, c.blocks[4].Header), new(*storage.DiskFullError))
	n, err := s.PruneBlocks(9, 8, third)
	require.NoError(t, err)
	require.Equal(t, 8, n)
}
