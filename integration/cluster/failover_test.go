package cluster

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// acks notes when receipts come, so that the time without any can be told.
type acks struct {
	mu    sync.Mutex
	times []time.Time
}

func (a *acks) note() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.times = append(a.times, time.Now())
}

// gap is the longest time without a receipt that begins or lies after an instant; the
// silence that is still going on counts.
func (a *acks) gap(since time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	last, longest := since, time.Duration(0)
	for _, t := range a.times {
		if t.After(since) {
			longest = max(longest, t.Sub(last))
			last = t
		}
	}
	return max(longest, time.Since(last))
}

// after lists the receipts that came after an instant.
func (a *acks) after(since time.Time) []time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := len(a.times)
	for i > 0 && a.times[i-1].After(since) {
		i--
	}
	return slices.Clone(a.times[i:])
}

// keepLoading submits from some workers until the context ends. Each waits a little
// between two, so that the load is moderate and open enough to see a stall.
func (n *network) keepLoading(ctx context.Context, workers int, a *acks) (wait func() int) {
	var wg sync.WaitGroup
	total := make([]int, workers)
	signer := n.signer("bench@org0")
	for w := range workers {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if n.insist(ctx, signer, fmt.Sprintf("load-%d-%d", w, i)) != nil {
					a.note()
					total[w]++
				}
				pause(ctx, 20*time.Millisecond)
			}
		})
	}
	return func() int {
		wg.Wait()
		sum := 0
		for _, t := range total {
			sum += t
		}
		return sum
	}
}

// primary is the index of the replica that leads, as the client node sees it.
func (n *network) primary(ctx context.Context) int {
	s, err := n.c.Status(ctx)
	require.NoError(n.t, err)
	i, err := strconv.Atoi(strings.TrimPrefix(s.GetPrimary(), "replica-"))
	require.NoError(n.t, err)
	return i
}

// settle waits until all replicas stand at about one height in one view.
func (n *network) settle(ctx context.Context) {
	for ctx.Err() == nil {
		s, err := n.c.Status(ctx)
		if err == nil {
			low, high, view, same := ^uint64(0), uint64(0), uint64(0), true
			for i, r := range s.GetReplicas() {
				low, high = min(low, r.GetHeight()), max(high, r.GetHeight())
				same = same && r.GetReachable() && (i == 0 || r.GetView() == view)
				view = r.GetView()
			}
			if same && high-low < 5 {
				return
			}
		}
		pause(ctx, 50*time.Millisecond)
	}
	n.t.Fatal("the replicas do not come together again")
}

// failover kills the primary, and the next ones as well, under load, several times, and
// returns the times without a commit.
func failover(t *testing.T, f, c, rounds, bad int) []time.Duration {
	n := startSized(t, f, c)
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(30+15*rounds)*time.Second)
	defer cancel()
	var a acks
	loading, stop := context.WithCancel(ctx)
	wait := n.keepLoading(loading, 16, &a)
	var gaps []time.Duration
	for range rounds {
		n.settle(ctx)
		pause(ctx, 500*time.Millisecond)
		first := n.primary(ctx)
		killed := time.Now()
		for i := range bad {
			require.NoError(t, n.replicas[(first+i)%len(n.replicas)].Kill())
		}
		pause(ctx, 4*time.Second)
		gaps = append(gaps, a.gap(killed))
		for i := range bad {
			n.startReplica((first + i) % len(n.replicas))
		}
	}
	stop()
	require.Greater(t, wait(), 50*rounds)
	slices.Sort(gaps)
	return gaps
}

// TestThePrimaryIsKilledUnderLoad measures the time without commits. The long form
// gives the table of docs/consensus.md.
func TestThePrimaryIsKilledUnderLoad(t *testing.T) {
	if os.Getenv("CONCORDAT_FAILOVER") == "" {
		gaps := failover(t, 1, 0, 1, 1)
		t.Logf("n = 4: %s without commits", gaps[0].Round(time.Millisecond))
		require.Less(t, gaps[0], 3*time.Second)
		return
	}
	rounds, err := strconv.Atoi(os.Getenv("CONCORDAT_FAILOVER"))
	require.NoError(t, err)
	for _, k := range []struct{ f, c, bad int }{{1, 0, 1}, {1, 1, 1}, {2, 0, 1}, {2, 0, 2}} {
		gaps := failover(t, k.f, k.c, rounds, k.bad)
		at := func(p int) time.Duration { return gaps[(len(gaps)-1)*p/100].Round(time.Millisecond) }
		fmt.Printf("| n = %d, %d killed | %s | %s | %s |\n", 3*k.f+2*k.c+1, k.bad, at(50), at(99), at(100))
	}
}
