package simulator

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/actors/storage/votelog"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// The canary: f + 1 liars can break agreement, and a harness that does not see it sees
// nothing. This test fails when no run finds a disagreement.
func TestCanaryFPlusOneLiarsBreakAgreementAndItIsSeen(t *testing.T) {
	seen := 0
	runs := 0
	for seed := uint64(1); seed <= 400 && seen < 3; seed++ {
		r := Run(seed, Options{Liars: 1, Slots: 60, Quorums: []quorum.Config{{F: 1}, {F: 2}}, Only: []string{"equivocate", "vote-both", "collude", "delay", "partition"}})
		runs++
		if r.Err != nil && (strings.Contains(r.Err.Error(), "A1") || strings.Contains(r.Err.Error(), "A3") || strings.Contains(r.Err.Error(), "more than f")) {
			seen++
		}
	}
	t.Logf("%d disagreements in %d runs with f + 1 liars", seen, runs)
	require.Equal(t, 3, seen, "f + 1 liars broke nothing that the harness could see")
}

// hashesOf plays seeds and gives the hashes of their events.
func hashesOf(from, count uint64) string {
	var b strings.Builder
	for seed := from; seed < from+count; seed++ {
		fmt.Fprintf(&b, "%d:%016x ", seed, Run(seed, Options{Slots: 60}).Hash)
	}
	return b.String()
}

const hashSeeds = 50

// TestOneSeedGivesOneHashInEveryProcess runs the same seeds in another process with
// another GOMAXPROCS.
func TestOneSeedGivesOneHashInEveryProcess(t *testing.T) {
	if os.Getenv("SIMULATOR_HASHES") != "" {
		fmt.Printf("HASHES %s\n", hashesOf(500, hashSeeds))
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=TestOneSeedGivesOneHashInEveryProcess", "-test.v") // #nosec G204 -- ourselves
	cmd.Env = append(os.Environ(), "SIMULATOR_HASHES=1", "GOMAXPROCS=1")
	out, err := cmd.Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "HASHES "+hashesOf(500, hashSeeds))
}

// planted is a world in which something is wrong on purpose: every detector must see
// its own kind.
func planted() (*world, *node) {
	q := quorum.Config{F: 1}
	w := &world{plan: &plan{q: q, window: 16, batch: 4, inFlight: 1, syncMax: 1, execMax: 1}, r: newRandom(1), scheme: newScheme(q, 1), result: &Result{Acted: map[string]int{}}}
	w.watch = newWatch(w)
	w.net = newNetwork(w)
	for id := range 4 {
		w.nodes = append(w.nodes, newNode(w, id, ledger.ReplicaID(id))) // #nosec G115 -- small
	}
	w.nodes[0].boot()
	return w, w.nodes[0]
}

func TestEachDetectorSeesItsKind(t *testing.T) {
	body := func(b byte) *ledger.Body {
		return ledger.NewBody(ledger.ID{}, ledger.Proposal{Time: 1, Txs: [][]byte{{b}}})
	}
	proof := func(w *world, d ledger.Hash, ids ...ledger.ReplicaID) sbft.Proof {
		return sbft.Proof{Certificate: w.scheme.certify(certificate.Statement{Phase: certificate.Commit, Seq: 1, Digest: d}, ids)}
	}
	for want, plant := range map[string]func(w *world, n *node){
		"A1": func(w *world, n *node) {
			w.watch.one(n, 1, ledger.Hash{1})
			w.watch.one(n, 1, ledger.Hash{2})
		},
		"A2": func(w *world, n *node) {
			w.watch.decided(n, sbft.Decision{Seq: 1, Body: body(1), Proof: proof(w, body(1).Digest, 0, 1, 2)})
		},
		"A3": func(w *world, n *node) {
			w.watch.executed(n, 1, block{height: 1, body: body(1), state: ledger.Hash{1}})
			w.watch.executed(n, 1, block{height: 1, body: body(1), state: ledger.Hash{2}})
		},
		"A4": func(w *world, n *node) {
			w.watch.acked[ledger.Hash{9}] = 1
			n.chain = []block{{height: 1, body: body(1)}}
			w.watch.finish()
		},
		"A6": func(w *world, n *node) {
			w.watch.signed(n, certificate.Statement{Phase: certificate.Prepare, Seq: 1, Digest: ledger.Hash{1}})
			w.watch.signed(n, certificate.Statement{Phase: certificate.Prepare, Seq: 1, Digest: ledger.Hash{2}})
		},
		"A7": func(w *world, n *node) {
			w.watch.signed(n, certificate.Statement{Phase: certificate.Prepare, Seq: 1, Digest: ledger.Hash{1}})
			w.watch.restored(n, nil)
		},
		"A8": func(w *world, n *node) {
			w.watch.reports(n, []sbft.Report{{Kind: sbft.ReportBadShare, Replica: 2}})
		},
		"A9": func(w *world, _ *node) { w.watch.size("message", 1<<20) },
		"A10": func(w *world, n *node) {
			w.watch.stable(n, sbft.Checkpoint{Seq: 4, Digest: ledger.Hash{1}, Certificate: w.scheme.certify(certificate.Statement{}, []ledger.ReplicaID{0, 1, 2})})
		},
		"A11": func(w *world, n *node) { n.written = 3; w.watch.restored(n, nil) },
		"A12": func(w *world, n *node) {
			b := ledger.NewBody(ledger.ID{}, ledger.Proposal{Time: 1 << 60, Txs: [][]byte{{1}}})
			w.watch.votes[voteKey{0, certificate.Commit, 0, 1}], w.watch.votes[voteKey{1, certificate.Commit, 0, 1}], w.watch.votes[voteKey{2, certificate.Commit, 0, 1}] = b.Digest, b.Digest, b.Digest
			w.watch.decided(n, sbft.Decision{Seq: 1, Body: b, Proof: proof(w, b.Digest, 0, 1, 2)})
		},
	} {
		w, n := planted()
		plant(w, n)
		require.Error(t, w.result.Err, want)
		require.Contains(t, w.result.Err.Error(), want+":")
	}
}

// A disk that fails once must not be trusted again: the vote log says so for ever.
func TestTheSimulatedDiskLosesWhatWasNotSynced(t *testing.T) {
	d := newDisk()
	log, err := votelog.Open(d, "v", votelog.Options{Ledger: ledger.ID{1}})
	require.NoError(t, err)
	rec := func(seq uint64) []votelog.Record { return []votelog.Record{{Seq: seq, Kind: 3, Data: []byte("vote")}} }
	require.NoError(t, log.Append(rec(1)))
	require.NoError(t, log.Sync())
	require.NoError(t, log.Append(rec(2)))
	d.crashClean()
	log, err = votelog.Open(d, "v", votelog.Options{Ledger: ledger.ID{1}})
	require.NoError(t, err)
	var seqs []uint64
	require.NoError(t, log.Replay(func(r votelog.Record) error { seqs = append(seqs, r.Seq); return nil }))
	require.Equal(t, []uint64{1}, seqs)
	d.fail = errors.New("input/output error")
	require.Error(t, log.Append(rec(3)))
	d.fail = nil
	require.ErrorIs(t, log.Append(rec(3)), votelog.ErrFailed)
}
