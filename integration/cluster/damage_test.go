package cluster

import (
	"context"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/integration/history"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/node/devnet"
)

// Replicas of these tests read their stores through all the time.
const scrubbing = "scrub_bytes_per_second: 50000000\n"

// flipIn changes so many bytes of a file, each at a place that is drawn.
func flipIn(t *testing.T, rnd *rand.Rand, path string, count int) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	info, err := f.Stat()
	require.NoError(t, err)
	size := written(t, f, info.Size())
	for range count {
		var b [1]byte
		at := rnd.Int63n(size)
		_, err := f.ReadAt(b[:], at)
		require.NoError(t, err)
		b[0] ^= byte(1 + rnd.Intn(255))
		_, err = f.WriteAt(b[:], at)
		require.NoError(t, err)
	}
	require.NoError(t, f.Close())
}

// written is where a file ends that was made longer than what is in it.
func written(t *testing.T, f *os.File, size int64) int64 {
	raw := make([]byte, size)
	_, err := f.ReadAt(raw, 0)
	require.NoError(t, err)
	end := size
	for end > 1 && raw[end-1] == 0 {
		end--
	}
	return end
}

// filesOf are a replica's files of a pattern below its data folder.
func (n *network) filesOf(i int, pattern string) []string {
	files, err := filepath.Glob(filepath.Join(n.Replicas[i], "data", pattern))
	require.NoError(n.t, err)
	return files
}

// well waits until a replica stands where the others are, has all blocks, knows of no
// damage, votes, and has read its store through often enough. It returns how often it has.
func (n *network) well(ctx context.Context, i, passes int, say string) int {
	signer := n.signer("bench@org0")
	for k := 0; ctx.Err() == nil; k++ {
		st, err := n.c.Status(ctx)
		if err == nil {
			top := uint64(0)
			for _, r := range st.GetReplicas() {
				top = max(top, r.GetHeight())
			}
			for _, r := range st.GetReplicas() {
				done := 0
				_, _ = fmt.Sscanf(r.GetStore(), "read through %d times", &done)
				if r.GetId() == name(i) && r.GetReachable() && r.GetHeight()+5 >= top && done >= passes && fine(r.GetSummary()) {
					return done
				}
			}
		}
		require.NotNil(n.t, n.insist(ctx, signer, fmt.Sprintf("%s-%d-%d-%d", say, i, passes, k)))
		pause(ctx, 20*time.Millisecond)
	}
	raw, _ := os.ReadFile(filepath.Join(n.Dir, name(i), "log.txt"))
	n.t.Fatalf("%s: replica %d is not well again: %v\n%s", say, i, n.status(context.Background(), i), raw[max(0, len(raw)-6000):])
	return 0
}

// fine says of a summary that nothing of ours is open.
func fine(summary string) bool {
	for _, word := range []string{"damaged", "snapshot", "joining", "catching up", "votes were lost"} {
		if strings.Contains(summary, word) {
			return false
		}
	}
	return true
}

// Bytes of every kind of file are changed while a replica is stopped. It comes back by
// itself; in the end all stores are alike, and hold everything that was acknowledged.
func TestDamagedFilesAreRepairedByThemselves(t *testing.T) {
	n := startSet(t, devnet.Options{F: 1}, scrubbing)
	ctx, cancel := context.WithTimeout(context.Background(), duration(t, 3*time.Minute, 10*time.Minute))
	defer cancel()
	n.settle(ctx)
	require.Equal(t, ledger.StatusOK, n.deploy(ctx, register, history.Contract()).Status)
	n.fill(ctx, 2000, 40)
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewSource(seed))
	kinds := []struct {
		pattern string
		flips   int
		killed  bool
	}{
		{"store/badger/*.sst", 1, false}, {"store/badger/MANIFEST", 1, false}, {"store/badger/*.mem", 20, true}, {"store/tree/*.pages", 40, false},
		{"votes/*", 3, true}, {"compiled/*/*", 30, false},
	}
	if os.Getenv("CONCORDAT_LONG") != "" {
		more := slices.Clone(kinds)
		for _, pattern := range []string{"store/badger/KEYREGISTRY", "store/badger/*.vlog", "store/badger/DISCARD", "store/FORMAT", "store/PID"} {
			more = append(more, kinds[0], kinds[2])
			more[len(more)-2].pattern, more[len(more)-2].flips = pattern, 1
			more[len(more)-1].pattern, more[len(more)-1].flips = "store/badger/*.sst", 40
		}
		kinds = append(more, more...)
	}
	for k, kind := range kinds {
		i := 1 + k%3
		if kind.killed {
			require.NoError(t, n.replicas[i].Kill())
		} else { // which makes tables of the logs
			require.NoError(t, n.replicas[i].Stop(ctx))
		}
		files := n.filesOf(i, kind.pattern)
		require.NotEmpty(t, files, kind.pattern)
		for range min(kind.flips, 4) {
			flipIn(t, rnd, files[rnd.Intn(len(files))], max(1, kind.flips/4))
		}
		begun := time.Now()
		n.startReplica(i)
		n.well(ctx, i, 1, kind.pattern)
		n.contractGoesOn(ctx, i, k)
		t.Logf("%d bytes of %s: well after %s; it said: %s", kind.flips, kind.pattern, time.Since(begun).Round(time.Millisecond), n.said(i))
	}
	n.strangeFiles(ctx)
	n.blast(ctx, 3)
	acknowledged := map[string]ledger.Place{}
	s := n.insist(ctx, n.signer("alice@org0"), "afterwards")
	require.NotNil(t, s)
	acknowledged["afterwards"] = ledger.Place{Height: s.Receipt.Header.Height, Index: s.Receipt.Index}
	n.check(acknowledged)
}

// contractGoesOn has a contract called, which every replica must run.
func (n *network) contractGoesOn(ctx context.Context, i, k int) {
	s := n.insistOn(ctx, n.signer("bench@org0"), history.Swapping(register, 77, uint64(k), fmt.Sprint("swap-", k))) // #nosec G115 -- small
	require.NotNil(n.t, s)
	for h := uint64(0); h < uint64(s.Receipt.Header.Height); pause(ctx, 10*time.Millisecond) {
		require.NoError(n.t, ctx.Err())
		if st := n.status(ctx, i); st != nil {
			h = st.GetHeight()
		}
	}
}

// strangeFiles are those that are no part of the ledger.
func (n *network) strangeFiles(ctx context.Context) {
	const i = 2
	require.NoError(n.t, n.replicas[i].Stop(ctx))
	data := filepath.Join(n.Replicas[i], "data")
	for _, file := range []string{"evidence/0000-aa.evidence", "incoming/manifest", "incoming/state-00000", "incoming/block", "probation"} {
		require.NoError(n.t, os.MkdirAll(filepath.Dir(filepath.Join(data, file)), 0o700))
		require.NoError(n.t, os.WriteFile(filepath.Join(data, file), []byte("nonsense"), 0o600))
	}
	n.startReplica(i)
	n.well(ctx, i, 1, "strange files")
	require.NotEmpty(n.t, n.filesOf(i, "evidence/*.damaged"))
}

// Bytes of tables are changed under a running replica, again and again: what it answers is
// right or an error, and it is well in the end.
func TestTablesAreDamagedUnderARunningReplica(t *testing.T) {
	n := startSet(t, devnet.Options{F: 1}, scrubbing)
	ctx, cancel := context.WithTimeout(context.Background(), duration(t, 2*time.Minute, 10*time.Minute))
	defer cancel()
	n.settle(ctx)
	require.Equal(t, ledger.StatusOK, n.deploy(ctx, register, history.Contract()).Status)
	n.fill(ctx, 2000, 40)
	const i = 2
	require.NoError(t, n.replicas[i].Stop(ctx))
	n.startReplica(i)
	n.settle(ctx)
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewSource(seed))
	loading, stop := context.WithCancel(ctx)
	result := make(chan map[string]ledger.Place, 1)
	go func() { result <- n.load(loading, "under", 1) }()
	rounds, passes := 2, n.well(ctx, i, 1, "before")
	if os.Getenv("CONCORDAT_LONG") != "" {
		rounds = 30
	}
	for round := range rounds {
		files := n.filesOf(i, "store/badger/*.sst")
		if len(files) == 0 { // it began anew, and all is in its memory
			require.NoError(t, n.replicas[i].Stop(ctx))
			n.startReplica(i)
			passes = n.well(ctx, i, 1, fmt.Sprint("restarted ", round))
			files = n.filesOf(i, "store/badger/*.sst")
		}
		flipIn(t, rnd, files[rnd.Intn(len(files))], 1+round%3)
		begun := time.Now()
		passes = n.again(ctx, i, passes, fmt.Sprint("round ", round))
		t.Logf("round %d: well after %s; it said: %s", round, time.Since(begun).Round(time.Millisecond), n.said(i))
	}
	stop()
	n.check(<-result)
}

// blast destroys half of a table under a running replica: nobody can say what is
// lost. It serves from what it has until a new store is here, and goes on with that.
func (n *network) blast(ctx context.Context, i int) {
	require.NoError(n.t, n.replicas[i].Stop(ctx))
	require.NoError(n.t, os.RemoveAll(filepath.Join(n.Replicas[i], "data", "store.damaged")))
	n.startReplica(i)
	n.well(ctx, i, 1, "before the blast")
	files := n.filesOf(i, "store/badger/*.sst")
	raw, err := os.ReadFile(files[len(files)-1])
	require.NoError(n.t, err)
	f, err := os.OpenFile(files[len(files)-1], os.O_RDWR, 0)
	require.NoError(n.t, err)
	_, err = f.WriteAt(make([]byte, len(raw)/2), int64(len(raw)/4))
	require.NoError(n.t, err)
	require.NoError(n.t, f.Close())
	for k := 0; len(n.filesOf(i, "store.damaged/FORMAT")) == 0; k++ {
		require.NoError(n.t, ctx.Err(), "no new store is fetched")
		require.NotNil(n.t, n.insist(ctx, n.signer("bench@org0"), fmt.Sprint("blast-", k)))
	}
	n.well(ctx, i, 1, "after the blast")
	log, err := os.ReadFile(filepath.Join(n.Dir, name(i), "log.txt"))
	require.NoError(n.t, err)
	require.Contains(n.t, string(log), "this one serves until then")
	n.t.Logf("a table destroyed: it said: %s", n.said(i))
}

// again waits until a replica has read its store through twice more, or once if it has
// begun anew meanwhile.
func (n *network) again(ctx context.Context, i, passes int, say string) int {
	done := passes
	for ctx.Err() == nil && done >= passes && done < passes+2 {
		done = n.well(ctx, i, 1, fmt.Sprintf("%s-%d", say, done))
		pause(ctx, 50*time.Millisecond)
	}
	return n.well(ctx, i, 1, say+"-end")
}

// said is what a replica has told of damage since it was asked last.
func (n *network) said(i int) string {
	raw, err := os.ReadFile(filepath.Join(n.Dir, name(i), "log.txt"))
	require.NoError(n.t, err)
	if n.heard == nil {
		n.heard = map[int]int{}
	}
	fresh := string(raw[n.heard[i]:])
	n.heard[i] = len(raw)
	var out []string
	for line := range strings.Lines(fresh) {
		for _, word := range []string{"damage", "repair", "put aside", "probation", "ended early", "asked of the others", "level=ERROR", "panic"} {
			if strings.Contains(line, word) {
				_, text, _ := strings.Cut(line, "msg=")
				out = append(out, strings.TrimSpace(text[:min(len(text), 220)]))
				break
			}
		}
	}
	return strings.Join(out[:min(len(out), 8)], "\n\t")
}
