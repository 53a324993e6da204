package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/node/devnet"
)

// concordat runs a command of the program, and returns what it printed.
func concordat(ctx context.Context, args ...string) (stdout, stderr string, err error) {
	var out, errors strings.Builder
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Stdout, cmd.Stderr = &out, &errors
	err = cmd.Run()
	return out.String(), errors.String(), err
}

// figures runs a command that must succeed, and reads what it prints as JSON.
func (n *network) figures(ctx context.Context, args ...string) map[string]any {
	stdout, stderr, err := concordat(ctx, append(args, "-o", "json")...)
	require.NoError(n.t, err, "%v: %s", args, stderr)
	var out map[string]any
	require.NoError(n.t, json.Unmarshal([]byte(stdout), &out), stdout)
	return out
}

func (n *network) genesisFile() string { return filepath.Join(n.Dir, "genesis.json") }

// loseAndRestore takes a replica's machine away, and brings the replica back in another
// folder, of a backup.
func (n *network) loseAndRestore(ctx context.Context, i int, backup, key string) {
	require.NoError(n.t, n.replicas[i].Kill())
	require.NoError(n.t, os.RemoveAll(n.Replicas[i]))
	n.Replicas[i] = filepath.Join(n.Dir, "elsewhere", name(i))
	done := n.figures(ctx, "restore", backup, "--home", n.Replicas[i], "--genesis", n.genesisFile(), "--identity", key)
	require.Contains(n.t, done["next"], "replica run")
	require.NotContains(n.t, done, "missing_keys")
	n.startReplica(i)
}

// settlesAndVotes waits until a restored replica votes again, and then lets the ledger
// depend on it.
func (n *network) settlesAndVotes(ctx context.Context, i int) {
	require.FileExists(n.t, filepath.Join(n.Replicas[i], "data", "probation"))
	silent := func() bool {
		s := n.status(ctx, i)
		return s == nil || !s.GetReachable() || strings.Contains(s.GetSummary(), "votes were lost")
	}
	signer := n.signer("bench@org0")
	for k := 0; silent(); k++ {
		require.NotNil(n.t, n.insist(ctx, signer, fmt.Sprintf("settle-%d-%d", i, k)))
	}
	require.NoFileExists(n.t, filepath.Join(n.Replicas[i], "data", "probation"))
	other := (i + 1) % len(n.replicas)
	require.NoError(n.t, n.replicas[other].Kill())
	require.NotNil(n.t, n.insist(ctx, signer, fmt.Sprint("depends on ", i)))
	n.startReplica(other)
	n.joins(ctx, other)
}

// reaches submits in small blocks until the ledger is so high.
func (n *network) reaches(ctx context.Context, h ledger.Height) {
	signer := n.signer("alice@org0")
	for k := 0; ; k++ {
		s := n.insist(ctx, signer, fmt.Sprintf("reach-%d-%d", h, k))
		require.NotNil(n.t, s)
		if s.Receipt.Header.Height >= h {
			return
		}
	}
}

// Snapshots are taken under load and verified; two replicas lose their machines, one
// after the other, and come back elsewhere: the first of a backup that is far behind, the
// second of one that is nearly new. Nothing that was acknowledged is lost.
func TestReplicasComeBackFromBackups(t *testing.T) {
	limits := ledger.DefaultLimits()
	limits.Window = 16 // what must be settled is little
	n := startWith(t, devnet.Options{F: 1, Limits: limits})
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	identity, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	key := filepath.Join(n.Dir, "age.key")
	require.NoError(t, os.WriteFile(key, []byte(identity.String()+"\n"), 0o600))
	backup := func(i int, file string) ledger.Height {
		note := n.figures(ctx, "backup", "--home", n.Replicas[i], "--out", filepath.Join(n.Dir, file), "--keys", "--recipient", identity.Recipient().String())
		require.GreaterOrEqual(t, note["tip"], note["height"])
		return ledger.Height(note["height"].(float64))
	}

	loading, stop := context.WithCancel(ctx)
	loaded := make(chan map[string]ledger.Place, 1)
	go func() { loaded <- n.load(loading, "b", 4) }()
	n.reaches(ctx, 12)
	heights := map[float64]bool{}
	for len(heights) < 3 {
		s := n.figures(ctx, "snapshot", "create", "--home", n.Replicas[1], "--keep", "2")
		heights[s["height"].(float64)] = true
		require.Equal(t, true, s["verified"])
		n.figures(ctx, "snapshot", "verify", s["path"].(string), "--genesis", n.genesisFile())
	}
	left, err := filepath.Glob(filepath.Join(n.Replicas[1], "snapshots", "snapshot-*"))
	require.NoError(t, err)
	require.Len(t, left, 2, "--keep deletes the older ones")
	old := backup(3, "old.age")
	n.reaches(ctx, old+60)

	begun := time.Now()
	n.loseAndRestore(ctx, 3, filepath.Join(n.Dir, "old.age"), key)
	took, said := n.joins(ctx, 3)
	t.Logf("a backup of height %d: %s after the command it stands where the others are: %v", old, time.Since(begun).Round(time.Millisecond), said)
	require.Less(t, took, time.Minute)
	stop()
	acknowledged := <-loaded
	require.Greater(t, len(acknowledged), 100)
	n.settlesAndVotes(ctx, 3)

	n.hasThePast(ctx, 2)
	fresh := backup(2, "new.age")
	n.loseAndRestore(ctx, 2, filepath.Join(n.Dir, "new.age"), key)
	_, said = n.joins(ctx, 2)
	t.Logf("a backup of height %d: %v", fresh, said)
	require.NotContains(t, strings.Join(said, "\n"), "fetching the state", "what the backup has is enough")
	n.settlesAndVotes(ctx, 2)
	n.hasThePast(ctx, 3)
	n.hasThePast(ctx, 2)
	n.answersOfBefore(ctx, acknowledged)
	n.check(acknowledged)
	n.provesAll(2, 3)
}

// provesAll looks into the stores of restored replicas: of every block they have the
// certificate, so that they can answer for it.
func (n *network) provesAll(restored ...int) {
	for _, i := range restored {
		s, err := storage.Open(filepath.Join(n.Replicas[i], "data", "store"), storage.Options{Ledger: n.ID})
		require.NoError(n.t, err)
		tip, _ := s.Tip()
		for h := s.Base(); h+16 <= tip; h++ { // of the newest they may have been on their way
			_, ok, err := s.Certificate(h)
			require.NoError(n.t, err)
			require.True(n.t, ok, "replica %d, block %d", i, h)
		}
		require.NoError(n.t, s.Close())
	}
}

// answersOfBefore asks for what was acknowledged before: the receipts are there, and a
// command that comes again is not executed again.
func (n *network) answersOfBefore(ctx context.Context, acknowledged map[string]ledger.Place) {
	signer, asked := n.signer("bench@org0"), 0
	for command, at := range acknowledged {
		s := n.insist(ctx, signer, command)
		require.NotNil(n.t, s)
		require.Equal(n.t, at, ledger.Place{Height: s.Receipt.Header.Height, Index: s.Receipt.Index}, command)
		reply, err := n.c.Lookup(ctx, &ledgerpb.LookupRequest{What: &ledgerpb.LookupRequest_Receipt{Receipt: s.Receipt.Result.TxID.String()}})
		require.NoError(n.t, err)
		require.NotEmpty(n.t, reply.GetReceipt())
		if asked++; asked == 20 {
			return
		}
	}
}

// All machines are lost at once, with votes and blocks. The members bring back what they
// have, one of them a backup so old that nobody has the blocks from there on: it takes a
// snapshot of the others. As more votes are lost than the others can settle, the
// operators of three say together that the ledger goes on from there.
func TestALedgerComesBackFromBackupsAlone(t *testing.T) {
	limits := ledger.DefaultLimits()
	limits.Window, limits.ValidityMax = 16, ledger.Duration(3*time.Second) // what must be known of the past is short
	n := startWith(t, devnet.Options{F: 1, Limits: limits})
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	submit := func(until func(h ledger.Height) bool) {
		signer := n.signer("alice@org0")
		for require.NoError(t, ctx.Err()); ; require.NoError(t, ctx.Err()) {
			s, err := n.c.Submit(ctx, signer.Sign(n.ID, client.Call{Contract: "concordat", Method: "note", Validity: 2 * time.Second}))
			if err != nil { // it ended before there was a primary
				pause(ctx, 20*time.Millisecond)
			} else if until(s.Receipt.Header.Height) {
				return
			}
		}
	}
	files := make([]string, len(n.Replicas))
	backup := func(i int) {
		files[i] = filepath.Join(n.Dir, fmt.Sprintf("backup-%d.tar", i))
		n.figures(ctx, "backup", "--home", n.Replicas[i], "--out", files[i])
	}
	submit(func(h ledger.Height) bool { return h >= 6 })
	backup(3)
	submit(func(h ledger.Height) bool { return h >= 275 })
	n.waitEqual(ctx)
	before := n.status(ctx, 0)
	for i := range 3 {
		backup(i)
	}
	for _, p := range n.replicas {
		require.NoError(t, p.Kill())
	}
	n.restoreAll(ctx, files)
	lost := func(i int) bool {
		s := n.status(ctx, i)
		return s != nil && strings.Contains(s.GetSummary(), "its votes were lost")
	}
	for i := range 3 {
		for n.startReplica(i); !lost(i) && ctx.Err() == nil; {
			pause(ctx, 20*time.Millisecond)
		}
		require.NoError(t, n.replicas[i].Stop(ctx))
		require.NoError(t, os.Remove(filepath.Join(n.Replicas[i], "data", "probation")))
	}
	for i := range 3 {
		n.startReplica(i)
	}
	soon := time.Now().Add(time.Duration(limits.ValidityMax) + time.Second)
	submit(func(h ledger.Height) bool { return h > ledger.Height(before.GetHeight())+16 && time.Now().After(soon) })
	n.startReplica(3) // what it needs of the past is there now
	submit(func(h ledger.Height) bool {
		s := n.status(ctx, 3)
		return s.GetHeight()+5 >= uint64(h) && h > ledger.Height(before.GetHeight()) && !strings.Contains(s.GetSummary(), "votes were lost")
	})
	raw, err := os.ReadFile(filepath.Join(n.Replicas[3], "log.txt"))
	require.NoError(t, err)
	require.Contains(t, string(raw), "a snapshot is complete and is being installed", "nobody has the blocks")
	n.waitSameState(ctx)
}

// restoreAll makes each replica's folder of its backup, elsewhere, with the keys that were kept.
func (n *network) restoreAll(ctx context.Context, files []string) {
	t := n.t
	for i, home := range n.Replicas {
		kept := filepath.Join(n.Dir, "kept", name(i))
		require.NoError(t, os.MkdirAll(kept, 0o700))
		for _, file := range []string{"identity.json", "signing.key", "share.key"} {
			require.NoError(t, os.Rename(filepath.Join(home, file), filepath.Join(kept, file)))
		}
		require.NoError(t, os.RemoveAll(home))
		n.Replicas[i] = kept
		done := n.figures(ctx, "restore", files[i], "--home", kept, "--genesis", n.genesisFile())
		require.NotContains(t, done, "missing_keys", "the folder has them")
	}
}

// waitSameState waits until all replicas stand at one height with one state.
func (n *network) waitSameState(ctx context.Context) {
	same := func() bool {
		s, err := n.c.Status(ctx)
		require.NoError(n.t, err)
		for _, r := range s.GetReplicas() {
			if r.GetHeight() != s.GetReplicas()[0].GetHeight() || r.GetStateRoot() != s.GetReplicas()[0].GetStateRoot() {
				return false
			}
		}
		return true
	}
	for !same() {
		pause(ctx, 50*time.Millisecond)
	}
}

// A create that is killed leaves no snapshot, whatever it had written; a replica that is
// killed meanwhile ends it in words.
func TestAKilledCreateLeavesNoSnapshot(t *testing.T) {
	n := start(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	n.reaches(ctx, 40)
	dir := filepath.Join(n.Dir, "snapshots")
	require.NoError(t, os.Mkdir(dir, 0o700)) // or it is missing when nothing was written yet
	whole := 0
	for k := range 12 {
		one, kill := context.WithTimeout(ctx, time.Duration(k)*9*time.Millisecond)
		_, _, err := concordat(one, "snapshot", "create", "--home", n.Replicas[0], "--out", dir)
		kill()
		list, _, lerr := concordat(ctx, "snapshot", "list", "--home", n.Replicas[0], "--out", dir, "--verify", "-o", "json")
		require.NoError(t, lerr)
		var all []struct {
			Verified bool   `json:"verified"`
			Path     string `json:"path"`
		}
		require.NoError(t, json.Unmarshal([]byte(list), &all))
		for _, s := range all {
			require.True(t, s.Verified, s.Path)
			require.NoError(t, os.RemoveAll(s.Path))
			whole++
		}
		require.True(t, err != nil || len(all) == 1)
	}
	s := n.figures(ctx, "snapshot", "create", "--home", n.Replicas[0], "--out", dir)
	require.Equal(t, true, s["fresh"])
	left, err := filepath.Glob(filepath.Join(dir, "snapshot-*"))
	require.NoError(t, err)
	require.Len(t, left, 1, "the halves are gone")
	t.Logf("12 times killed, %d snapshots were complete", whole)

	require.NoError(t, n.replicas[0].Kill())
	stopped := n.figures(ctx, "snapshot", "create", "--home", n.Replicas[0], "--out", filepath.Join(n.Dir, "stopped"), "--tar")
	require.Equal(t, true, stopped["verified"])
	require.GreaterOrEqual(t, stopped["height"], s["height"])
	n.startReplica(0)
	n.joins(ctx, 0)
}
