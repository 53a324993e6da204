package cluster

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
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

// failoverRate is the load during the measurement, in tx/s.
const failoverRate = 500

// keepLoading submits at a fixed rate until the context ends, whatever comes back,
// and insists on every outcome.
func (n *network) keepLoading(ctx context.Context, rate int, a *acks) (wait func() int) {
	var wg sync.WaitGroup
	var total atomic.Int64
	signer := n.signer("bench@org0")
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Hour)
	slots := make(chan struct{}, 20*rate)
	wg.Go(func() {
		begun := time.Now()
		for i := 0; ctx.Err() == nil; i++ {
			pause(ctx, time.Until(begun.Add(time.Duration(i)*time.Second/time.Duration(rate))))
			slots <- struct{}{}
			wg.Go(func() {
				if n.insist(end, signer, fmt.Sprint("load-", i)) != nil {
					a.note()
					total.Add(1)
				}
				<-slots
			})
		}
	})
	return func() int {
		defer cancel()
		wg.Wait()
		return int(total.Load())
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
	s, err := n.c.Status(context.Background())
	n.t.Fatalf("the replicas do not come together again: %v\n%v", err, strings.ReplaceAll(fmt.Sprint(s), "replicas:", "\n"))
}

// takesOver waits until a replica leads.
func (n *network) takesOver(ctx context.Context, i int) {
	wait, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for n.primary(ctx) != i {
		require.NoError(n.t, wait.Err(), "replica %d does not take over", i)
		pause(wait, 5*time.Millisecond)
	}
}

// bad says which primaries a round kills: so many, at once or each when it leads.
type bad struct {
	primaries int
	inTurn    bool
}

// failover kills primaries under load, several times, and returns the times without a
// commit.
func failover(t *testing.T, f, c, rounds int, kill bad) []time.Duration {
	n := startSized(t, f, c)
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(60+20*rounds)*time.Second)
	defer cancel()
	var a acks
	loading, stop := context.WithCancel(ctx)
	wait := n.keepLoading(loading, failoverRate, &a)
	var gaps []time.Duration
	for range rounds {
		n.settle(ctx)
		pause(ctx, 500*time.Millisecond)
		first := n.primary(ctx)
		killed := time.Now()
		for i := range kill.primaries {
			next := (first + i) % len(n.replicas)
			if i > 0 && kill.inTurn {
				n.takesOver(ctx, next)
			}
			require.NoError(t, n.replicas[next].Kill())
		}
		pause(ctx, 4*time.Second)
		gaps = append(gaps, a.gap(killed))
		for i := range kill.primaries {
			n.startReplica((first + i) % len(n.replicas))
		}
	}
	stop()
	require.Greater(t, wait(), 50*rounds)
	n.stop() // or it would share the machine with the next one
	slices.Sort(gaps)
	return gaps
}

// TestThePrimaryIsKilledUnderLoad measures the time without commits. The long form
// gives the table of docs/consensus.md.
func TestThePrimaryIsKilledUnderLoad(t *testing.T) {
	if os.Getenv("CONCORDAT_FAILOVER") == "" {
		gaps := failover(t, 1, 0, 1, bad{primaries: 1})
		t.Logf("n = 4: %s without commits", gaps[0].Round(time.Millisecond))
		require.Less(t, gaps[0], 3*time.Second)
		return
	}
	rounds, err := strconv.Atoi(os.Getenv("CONCORDAT_FAILOVER"))
	require.NoError(t, err)
	for _, k := range []struct {
		f, c int
		bad  bad
	}{{1, 0, bad{1, false}}, {1, 1, bad{1, false}}, {2, 0, bad{1, false}}, {2, 0, bad{2, false}}, {2, 0, bad{2, true}}} {
		gaps := failover(t, k.f, k.c, rounds, k.bad)
		at := func(p int) time.Duration { return gaps[(len(gaps)-1)*p/100].Round(time.Millisecond) }
		how := map[bool]string{false: "at once", true: "each when it leads"}[k.bad.inTurn]
		fmt.Printf("| n = %d, %d killed, %s | %s | %s | %s |\n", 3*k.f+2*k.c+1, k.bad.primaries, how, at(50), at(99), at(100))
	}
}
