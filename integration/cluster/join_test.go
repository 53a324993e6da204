package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/integration/fault"
	"github.com/concordat-ledger/concordat/integration/history"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/node/devnet"
)

// fill puts so many keys into the state of the contract of the histories, and goes on in
// small blocks until there are so many of them.
func (n *network) fill(ctx context.Context, keys, blocks int) {
	var next, height atomic.Int64
	signer := n.signer("bench@org0")
	const first = 1 << 32 // a history's keys are small
	work := func(workers int, enough func(i int) bool) {
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for i := int(next.Add(1)); ctx.Err() == nil && !enough(i); i = int(next.Add(1)) {
					s := n.insistOn(ctx, signer, history.Swapping(register, first+uint64(i), 1, fmt.Sprint("fill-", i))) // #nosec G115 -- positive
					if s == nil {
						return
					}
					height.Store(max(height.Load(), int64(s.Receipt.Header.Height)))
				}
			})
		}
		wg.Wait()
		require.NoError(n.t, ctx.Err())
	}
	work(512, func(i int) bool { return i > keys })
	work(4, func(int) bool { return int(height.Load()) >= blocks })
}

// status is what a replica says of itself.
func (n *network) status(ctx context.Context, i int) *ledgerpb.ReplicaStatus {
	s, err := n.c.Status(ctx)
	if err != nil {
		return nil
	}
	for _, r := range s.GetReplicas() {
		if r.GetId() == name(i) {
			return r
		}
	}
	return nil
}

// joins waits until a replica stands where the others are, and says how long that took
// and what it said meanwhile.
func (n *network) joins(ctx context.Context, i int) (time.Duration, []string) {
	begun := time.Now()
	var said []string
	for ctx.Err() == nil {
		s, err := n.c.Status(ctx)
		if err == nil {
			top, mine := uint64(0), uint64(0)
			for _, r := range s.GetReplicas() {
				top = max(top, r.GetHeight())
				if r.GetId() != name(i) || !r.GetReachable() {
					continue
				}
				mine = r.GetHeight()
				text := strings.Map(func(c rune) rune {
					if c >= '0' && c <= '9' {
						return '#'
					}
					return c
				}, r.GetSummary())
				if text = strings.ReplaceAll(strings.ReplaceAll(text, "##", "#"), "##", "#"); len(said) == 0 || said[len(said)-1] != text {
					said = append(said, text)
				}
			}
			if mine > 0 && mine+5 >= top {
				return time.Since(begun), said
			}
		}
		pause(ctx, 20*time.Millisecond)
	}
	n.t.Fatalf("replica %d does not join: %v\n%s", i, n.status(context.Background(), i), strings.Join(said, "\n"))
	return 0, nil
}

// An empty disk joins a ledger that works, with one of the others lying to it: the
// parts of the state that this one serves are wrong, and so are its blocks.
func TestAnEmptyDiskJoinsUnderLoad(t *testing.T) {
	keys, blocks, rate, span, long := 4_000, 240, 200, 2*time.Second, os.Getenv("CONCORDAT_LONG") != ""
	if long {
		keys, blocks, rate, span = 100_000, 1_000, 500, 6*time.Second
	}
	program, err := liar()
	require.NoError(t, err)
	n := start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	const joiner, lies = 3, 1
	require.NoError(t, n.replicas[lies].Stop(ctx))
	n.startAs(lies, program, "--misbehave", "snapshot")
	n.settle(ctx)
	require.Equal(t, ledger.StatusOK, n.deploy(ctx, register, history.Contract()).Status)
	n.fill(ctx, keys, blocks)
	require.NoError(t, n.replicas[joiner].Kill())
	require.NoError(t, os.RemoveAll(filepath.Join(n.Replicas[joiner], "data")))

	var a acks
	loading, stop := context.WithCancel(ctx)
	wait := n.keepLoading(loading, rate, &a)
	pause(ctx, span/2)
	begun := time.Now()
	pause(ctx, span)
	before := float64(len(a.after(begun))) / time.Since(begun).Seconds()
	n.startReplica(joiner)
	begun = time.Now()
	took, said := n.joins(ctx, joiner)
	during := float64(len(a.after(begun))) / took.Seconds()
	t.Logf("%d keys, %d blocks, %d tx/s: joined after %s; receipts a second %.0f before, %.0f while it joined\n%s", keys, blocks, rate, took.Round(time.Millisecond), before, during, strings.Join(said, "\n"))
	require.Less(t, took, 60*time.Second)
	pause(ctx, 2*time.Second)
	stop()
	wait()
	if long { // in so short a time a busy machine decides
		require.Greater(t, during, 0.8*before)
	}

	raw, err := os.ReadFile(filepath.Join(n.Dir, name(joiner), "log.txt"))
	require.NoError(t, err)
	if long { // of so few blocks the blocks themselves may be here sooner; and with few parts the liar may not be asked for any
		require.Contains(t, strings.Join(said, "\n"), "fetching the state")
		require.Contains(t, string(raw), "a piece of a snapshot that does not hold\" actor=catchup replica=replica-1")
	}
	n.hasThePast(ctx, joiner)
	n.votesAgain(ctx, joiner)
	n.check(map[string]ledger.Place{})
}

// hasThePast waits until a replica that joined has fetched all older blocks.
func (n *network) hasThePast(ctx context.Context, i int) {
	for ctx.Err() == nil {
		if s := n.status(ctx, i); s != nil && s.GetReachable() && !strings.Contains(s.GetSummary(), "snapshot") {
			return
		}
		pause(ctx, 50*time.Millisecond)
	}
	n.t.Fatal("the past is not fetched")
}

// votesAgain waits until a replica that lost its votes takes part again, which takes some
// blocks, and then lets the ledger depend on it.
func (n *network) votesAgain(ctx context.Context, i int) {
	signer := n.signer("bench@org0")
	silent := func() bool {
		s := n.status(ctx, i)
		return s == nil || strings.Contains(s.GetSummary(), "votes were lost")
	}
	for k := 0; silent(); k++ {
		require.NotNil(n.t, n.insist(ctx, signer, fmt.Sprint("probation-", k)))
	}
	raw, err := os.ReadFile(filepath.Join(n.Dir, name(i), "log.txt"))
	require.NoError(n.t, err)
	require.Contains(n.t, string(raw), "has no record of its votes")
	require.Contains(n.t, string(raw), "it votes again")
	other := (i + 1) % len(n.replicas)
	require.NoError(n.t, n.replicas[other].Kill())
	require.NotNil(n.t, n.insist(ctx, signer, "without another one"))
	n.startReplica(other)
}

func (n *network) startAs(i int, program string, more ...string) {
	p, err := devnet.StartProcess(program, "replica", n.Replicas[i], more...)
	require.NoError(n.t, err)
	n.replicas[i] = p
}

// The joining replica is killed while it fetches; it goes on where it was.
func TestAnInterruptedJoinIsResumed(t *testing.T) {
	long(t)
	tr := begin(t, 1, 0, nil)
	tr.fill(tr.ctx, 24_000, 560)
	b := (tr.leader() + 1) % len(tr.replicas)
	tr.kill(b)
	require.NoError(t, os.RemoveAll(filepath.Join(tr.Replicas[b], "data")))
	tr.links.Set(fault.Condition{Delay: 10 * time.Millisecond, BytesPerSecond: 200_000}, tr.links.Of(name(b))...)
	tr.startReplica(b)
	var have, parts, height int
	for have < 3 {
		tr.pause(20 * time.Millisecond)
		require.NoError(t, tr.ctx.Err(), "nothing is fetched")
		if s := tr.status(tr.ctx, b); s != nil {
			_, _ = fmt.Sscanf(s.GetSummary(), "joining: fetching the state of height %d, %d of %d parts", &height, &have, &parts)
		}
	}
	tr.kill(b)
	require.Less(t, have, parts)
	tr.startReplica(b)
	took, _ := tr.joins(tr.ctx, b)
	raw, err := os.ReadFile(filepath.Join(tr.Dir, name(b), "log.txt"))
	require.NoError(t, err)
	require.Regexp(t, fmt.Sprintf(`the transfer of a snapshot is resumed" actor=catchup height=%d parts=%d here=([3-9]|\d\d)`, height, parts), string(raw))
	t.Logf("killed with %d of %d parts; joined %s after the next start", have, parts, took.Round(time.Millisecond))
	tr.links.Heal()
	tr.hasThePast(tr.ctx, b)
	tr.together()
	tr.judge()
}
