//go:build !race

// One goroutine, and a measurement: nothing for the race detector.

package storage_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/retention"
)

var flagLong = flag.Bool("storage.long", false, "measure pruning with more blocks, several times: minutes")

// load is a steady load of updates of a fixed set of keys.
type load struct {
	blocks, txs, args, keys int
	memtable                int64
	keep                    uint64
}

// What of a block must stay, with its keys in Badger; and by how much the disk may go up and
// down besides: tables of level 0, which are merged when there are eight, and those
// that a compaction makes before it drops the old ones.
const headBytes = 1200

func (l *load) slack() int64 { return 4 * l.memtable }

// course is what happened to a store under a load.
type course struct {
	bytes []int64 // on the disk, after each sixteenth of the blocks
	wall  time.Duration
	cpu   time.Duration
}

// run commits as fast as it can, and after each block does what the storage actor does.
// The making of blocks is not counted.
func (l *load) run(t *testing.T, p *retention.Policy) *course {
	s, err := storage.Open(t.TempDir(), storage.Options{Ledger: ledger.ID{1}, MemTableBytes: l.memtable, FreeBytesMin: 1, Sync: *flagLong})
	require.NoError(t, err)
	c := newChain(7, l.txs, l.keys)
	c.args = l.args
	out, changed := &course{}, 0
	for range 16 {
		blocks := make([]*storage.BlockCommit, l.blocks/16)
		for i := range blocks {
			blocks[i] = c.next()
		}
		wall, cpu := time.Now(), processTime(t)
		for _, b := range blocks {
			require.NoError(t, s.Commit(b))
			now := c.times[b.Height]
			if b.Height%storage.DropEvery == 0 {
				_, err := s.DropCommands(now)
				require.NoError(t, err)
			}
			below, err := retention.Floor(p, retention.Standing{Oldest: s.Oldest(), Tip: b.Height, Stable: b.Height, Behind: 64, ValidityMax: commandLife},
				func(h ledger.Height) (ledger.Time, error) { return c.times[h], nil })
			require.NoError(t, err)
			if below >= s.Oldest()+storage.PruneStep {
				_, err = s.PruneBlocks(below, storage.PruneStep, nil)
				require.NoError(t, err)
			}
			if changed += len(b.Places); changed > 16<<10 {
				changed = 0
				tree, err := s.Tree(b.Height)
				require.NoError(t, err)
				require.NoError(t, s.FlushTree(tree, b.Height))
			}
		}
		out.wall, out.cpu = out.wall+time.Since(wall), out.cpu+processTime(t)-cpu
		out.bytes = append(out.bytes, s.Bytes())
	}
	requireTrees(t, s)
	require.NoError(t, s.Close())
	return out
}

// requireTrees demands that the trees of heights that can be read are those of the records.
func requireTrees(t *testing.T, s *storage.Store) {
	tip, _ := s.Tip()
	oldest := max(s.OldestState(), 1)
	for _, at := range []ledger.Height{oldest, oldest + (tip-oldest)/2, tip} {
		kept, err := s.Tree(at)
		require.NoError(t, err)
		anew, err := s.RebuildTree(at)
		require.NoError(t, err)
		require.Equal(t, anew.Root(), kept.Root(), "height %d", at)
	}
}

func processTime(t *testing.T) time.Duration {
	var u unix.Rusage
	require.NoError(t, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// growth is how much more the last quarter took than the quarter before it: medians, for
// what is merged when goes up and down.
func (c *course) growth() int64 { return median(c.bytes[12:]) - median(c.bytes[8:12]) }

func median(of []int64) int64 {
	sorted := slices.Sorted(slices.Values(of))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

func (c *course) String() string {
	var mib []string
	for _, n := range c.bytes {
		mib = append(mib, fmt.Sprint(n>>20))
	}
	return fmt.Sprintf("%s MiB; %.1f s, %.1f s of CPU", strings.Join(mib, " "), c.wall.Seconds(), c.cpu.Seconds())
}

// The disk stops growing, but for what stays of each block, and pruning costs little: it
// writes marks of erasure, and there is less to merge. Without it the disk grows beyond what
// is allowed, so the bound can tell. Processor time is compared where others use the
// machine; on demand the rate is, too.
func TestTheDiskOfAPrunedStoreIsBounded(t *testing.T) {
	l, pairs, least := load{blocks: 1600, txs: 40, args: 4000, keys: 4000, memtable: 8 << 20, keep: 100}, 3, 0.75
	if *flagLong {
		l, pairs, least = load{blocks: 6400, txs: 200, args: 40, keys: 20_000, memtable: storage.MemTableBytesDefault, keep: 300}, 3, 0.9 // of the rate, too
	}
	var rates, costs []float64
	for range pairs {
		with, without := l.run(t, &retention.Policy{Blocks: l.keep}), l.run(t, &retention.Policy{})
		t.Logf("pruned: %s", with)
		t.Logf("whole:  %s", without)
		allowed := int64(l.blocks/4)*headBytes + l.slack()
		require.LessOrEqual(t, with.growth(), allowed)
		require.Greater(t, without.growth(), allowed, "the bound says nothing")
		rates = append(rates, without.wall.Seconds()/with.wall.Seconds())
		costs = append(costs, without.cpu.Seconds()/with.cpu.Seconds())
		if !*flagLong && costs[0] >= least {
			break // more pairs are for when the neighbours spoilt the first
		}
	}
	slices.Sort(rates)
	slices.Sort(costs)
	middle := len(costs) / 2
	t.Logf("of the blocks that it does without pruning, a second does %.2f, and a second of CPU %.2f", rates[middle], costs[middle])
	require.GreaterOrEqual(t, costs[middle], least)
	if *flagLong {
		require.GreaterOrEqual(t, rates[middle], least)
	}
}
