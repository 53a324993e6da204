package replica

import (
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/catchup"
	"github.com/concordat-ledger/concordat/actors/catchup/transfer"
	"github.com/concordat-ledger/concordat/actors/consensus"
	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/retention"
)

// ward is a replica of which nothing runs, with so many blocks, and its mender.
func ward(t *testing.T, blocks int) (*instance, *mender) {
	s := newShelf(t)
	for range blocks {
		s.block(write{key: "secret", value: "of alice"})
	}
	r := &instance{cfg: Config{DataDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)}, id: s.id, store: s.lookups.Store, records: s.lookups.records,
		genesis: s.lookups.genesis, metrics: consensus.NewMetrics(nil)}
	r.mender = newMender(r)
	return r, r.mender
}

// wounded is what is asked of others for a piece that is damaged.
func wounded(t *testing.T, m *mender, f storage.Finding) transfer.Wound {
	m.r.store.Note(f)
	wounds, beyond := m.Wounds()
	require.False(t, beyond)
	require.Len(t, wounds, 1)
	return wounds[0]
}

// A new store would not have what nobody has: the rest of this one is served, and status
// says that the block is lost.
func TestABlockThatNobodyHasIsNoReasonForANewStore(t *testing.T) {
	r, m := ward(t, 8)
	r.metrics.Stable.Store(1000)
	require.True(t, m.Lost(wounded(t, m, storage.Finding{Kind: storage.DamagedBlock, Height: 3, Reason: "the checksum does not match"})))
	wounds, beyond := m.Wounds()
	require.Empty(t, wounds)
	require.False(t, beyond)
	require.Empty(t, storage.WhyDamaged(filepath.Join(r.cfg.DataDir, storeDir)))
	summary, _ := m.words()
	require.Equal(t, "a piece of its store is damaged and cannot be repaired, as no other replica has it: block 3", summary)
}

// Nor are many of them: they are asked for some at a time, and no more are looked for
// meanwhile.
func TestManyBlocksThatNobodyHasAreNoReasonForANewStore(t *testing.T) {
	r, m := ward(t, 300)
	r.metrics.Stable.Store(1000)
	for h := ledger.Height(1); h <= 200; h++ {
		r.store.Note(storage.Finding{Kind: storage.DamagedBlock, Height: h, Reason: "the checksum does not match"})
	}
	for left := 200; left > 0; {
		require.Equal(t, left >= woundsMost, m.full())
		wounds, beyond := m.Wounds()
		require.False(t, beyond)
		require.Len(t, wounds, min(left, woundsMost))
		for _, w := range wounds {
			require.True(t, m.Lost(w))
			left--
		}
	}
	require.False(t, m.full())
	require.Len(t, r.store.Abandoned(), 200)
	require.Empty(t, m.givenUp())
}

// The others have the newest blocks, if not at once: they are asked several times. Without
// the newest of all nothing goes on.
func TestTheNewestBlocksAreAskedForAgain(t *testing.T) {
	for h, anew := range map[ledger.Height]bool{5: false, 8: true} {
		r, m := ward(t, 8)
		r.metrics.Stable.Store(8)
		w := wounded(t, m, storage.Finding{Kind: storage.DamagedBlock, Height: h, Reason: "the checksum does not match"})
		for range lostTriesMax - 1 {
			require.False(t, m.Lost(w))
		}
		require.True(t, m.Lost(w))
		require.Equal(t, anew, m.givenUp() != "")
	}
}

// Others may have forgotten the height as of which they were asked for a record: they
// are asked as of later ones before the store is given up.
func TestARecordThatNobodyHasAnyMoreIsAskedForAsOfNow(t *testing.T) {
	_, m := ward(t, 8)
	w := wounded(t, m, storage.Finding{Kind: storage.DamagedRecord, Key: "no such", Height: 2, Reason: "the checksum does not match"})
	require.Equal(t, ledger.Height(2), w.Height)
	for range lostTriesMax - 1 {
		require.False(t, m.Lost(w))
		wounds, beyond := m.Wounds()
		require.False(t, beyond)
		w = wounds[0]
		require.Equal(t, ledger.Height(8), w.Height)
	}
	require.True(t, m.Lost(w))
	_, beyond := m.Wounds()
	require.True(t, beyond)
}

// A version of the past that somebody reads can be given up when that is over; until then
// nothing is given up for it.
func TestAPastThatIsReadIsNoReasonForANewStore(t *testing.T) {
	r, m := ward(t, 8)
	served, err := r.store.Serve(2)
	require.NoError(t, err)
	w := wounded(t, m, storage.Finding{Kind: storage.DamagedRecord, Key: "secret", Height: 2, Reason: "the checksum does not match"})
	for range 2 * lostTriesMax {
		require.False(t, m.Lost(w))
	}
	require.Empty(t, m.givenUp())
	require.NoError(t, served.Close())
	require.True(t, m.Lost(w))
	require.Empty(t, m.givenUp())
	open, _ := r.store.Damage()
	require.Empty(t, open)
	require.Equal(t, ledger.Height(3), r.store.OldestState())
}

// What outlived its block, and what nobody can be asked for, settles.
func TestWhatNobodyIsAskedForSettles(t *testing.T) {
	r, m := ward(t, 8)
	r.store.Note(storage.Finding{Kind: storage.DamagedHeld, Height: 2, Reason: "the checksum does not match"})
	m.here()
	open, _ := r.store.Damage()
	require.Empty(t, open)
	require.Len(t, r.store.Abandoned(), 1)
	require.Empty(t, m.givenUp())
}

// Status goes to clients, who may not read every record: it names none.
func TestStatusNamesNoRecords(t *testing.T) {
	r, m := ward(t, 8)
	r.store.Note(storage.Finding{Kind: storage.DamagedRecord, Key: "secret", Height: 2, Reason: "the checksum does not match"})
	one, _ := m.words()
	require.Contains(t, one, "is being repaired: state record of height 2")
	r.store.Note(storage.Finding{Kind: storage.DamagedRecord, Key: "another secret", Height: 4, Reason: "the checksum does not match"})
	open, _ := r.store.Damage()
	r.store.Abandon(open[1])
	r.keepDifference(4, &storage.Difference{Height: 4, Key: []byte("secret")})
	summary, store := m.words()
	require.Contains(t, store, "its state differed once, as of block 4;")
	for _, text := range []string{one, summary, store} {
		require.NotContains(t, text, "secret")
	}
}

// What a backup is being made of stays until it is over: its state, and the blocks since.
func TestABackupKeepsTheBlocksAboveItsSnapshot(t *testing.T) {
	r, _ := ward(t, 700)
	r.cfg.Retention = retention.Policy{Blocks: 1}
	r.metrics.Stable.Store(700)
	free, err := r.prunable()
	require.NoError(t, err)
	require.Greater(t, free, ledger.Height(300))
	r.takings.add(100)
	r.takings.add(100)
	r.behind.Store(&catchup.Progress{Serving: 200})
	kept := func() ledger.Height {
		h, err := r.prunable()
		require.NoError(t, err)
		return h
	}
	require.LessOrEqual(t, kept(), ledger.Height(100))
	r.takings.remove(100)
	require.LessOrEqual(t, kept(), ledger.Height(100))
	r.takings.remove(100)
	require.LessOrEqual(t, kept(), ledger.Height(200))
	require.Greater(t, kept(), ledger.Height(150))
	r.behind.Store(&catchup.Progress{})
	require.Equal(t, free, kept())
}

// A repair that would take long does not hold up the end: the store is closed under it.
func TestTheEndDoesNotWaitForARepair(t *testing.T) {
	r, m := ward(t, 1)
	r.mending = true
	go func() { // as a repair does, which reads on until it is told that the store is closed
		defer close(m.stopped)
		for {
			if _, err := r.store.Stats(); errors.Is(err, storage.ErrClosed) {
				return
			}
		}
	}()
	ended := make(chan struct{})
	go func() { r.close(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("it did not end")
	}
}
