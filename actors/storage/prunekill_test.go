package storage_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
)

// childPrunes makes the re-executed test binary prune between its blocks.
const childPrunes = "CONCORDAT_STORAGE_CHILD_PRUNES"

// kept is how many blocks the child keeps.
const kept = 6

// pruneForEver commits and prunes, and says what writeForEver says. The chain is the same
// in each life.
func pruneForEver(dir string) error {
	s, err := storage.Open(dir, childOptions())
	if err != nil {
		return err
	}
	tip, _ := s.Tip()
	c := killChain()
	for {
		b := c.next()
		if b.Height <= tip {
			continue
		}
		fmt.Println("begin", b.Height)
		if err := s.Commit(b); err != nil {
			return err
		}
		fmt.Println("acked", b.Height)
		if _, err := s.PruneBlocks(max(b.Height, kept)-kept, 3, holdSome.Holds); err != nil {
			return err
		}
	}
}

func killChain() *chain { return newChain(11, 60, 100) }

func TestKilledWhilePruningKeepsWhatIsHeldAndErasesTheRest(t *testing.T) {
	t.Setenv(childPrunes, "1")
	dir := t.TempDir()
	p, c := newPast(), killChain()
	tip, leftovers := ledger.Height(0), 0
	for round := range ledger.Height(6) {
		killed := false
		acked, end := child(t, dir, func(writer *os.Process, h ledger.Height, acked bool) {
			if !killed && h > tip+20+3*round && acked { // it prunes now
				killed = true
				require.NoError(t, writer.Kill())
			}
		})
		var exit *exec.ExitError
		require.True(t, errors.As(end, &exit) && !exit.Exited(), "it was killed: %v", end)
		s, err := storage.Open(dir, childOptions())
		require.NoError(t, err)
		before := ledger.Height(len(p.blocks))
		tip, _ = s.Tip()
		require.GreaterOrEqual(t, tip, acked)
		for h := before; h < tip; h++ {
			p.add(c.next())
		}
		p.held = map[ledger.Place]bool{}
		p.hold(1, s.Oldest(), holdSome.Holds)
		require.Greater(t, s.Oldest()+4*kept, tip, "it prunes")
		p.check(t, s)
		if chunks, places := s.Leftovers(t, s.Oldest()); chunks+places > 0 {
			leftovers++
		}
		for n := 1; n > 0; {
			n, err = s.PruneBlocks(s.Oldest(), 3, nil)
			require.NoError(t, err)
		}
		chunks, places := s.Leftovers(t, s.Oldest())
		require.Equal(t, [2]int{}, [2]int{chunks, places})
		p.check(t, s)
		require.NoError(t, s.Close())
	}
	require.Positive(t, leftovers)
	t.Logf("%d blocks; %d of 6 kills left something to erase", tip, leftovers)
}
