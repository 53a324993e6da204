package sbft

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// The pages are schedules that broke, or stalled, other protocols, played with our
// machines. Replica 0 is the primary of view 0.

var four = quorum.Config{F: 1}

// Zyzzyva's first schedule (pitfall 1, arXiv 1712.01367): a value is committed on the fast path,
// one replica alone knows the certificate and is not heard. The witnesses that remain
// must carry the value into the next view.
func TestPageFastCommitOfOneSurvivesTheViewChange(t *testing.T) {
	tb := newTable(t, four)
	body := tb.offer(0, "a")
	tb.pass(0, anyone, OutPrePrepare{})
	for range 3 {
		tb.pass(anyone, anyone, OutSignShare{})
	}
	fast := tb.seats[0].height() + tb.seats[1].height() + tb.seats[2].height() + tb.seats[3].height()
	require.Equal(t, 2, fast, "both collectors have combined, nobody was told")
	knows := []ledger.ReplicaID{}
	for _, s := range tb.seats {
		if s.height() == 0 {
			knows = append(knows, s.id)
		}
	}
	tb.drop(anyone, anyone, nil)
	tb.leave(0, 1, 2, 3)
	tb.among(1, 2, 3)
	require.NotEmpty(t, knows)
	for _, id := range []ledger.ReplicaID{1, 2, 3} {
		require.Equal(t, body.Digest, tb.seats[id].chain[0].Digest)
	}
}

func (s *seat) height() int { return len(s.chain) }

// Pitfall 1, the rule alone: a value that was accepted by everyone in view 0, but prepared as another in view 1:
// the later prepared certificate wins over earlier witnesses, and later witnesses over
// an earlier certificate. Choosing without comparing views is what broke Zyzzyva.
func TestPageLaterEvidenceWins(t *testing.T) {
	known := func(v ledger.View, d byte) *Known { return &Known{v, ledger.Hash{d}} }
	set := func(e ...Evidence) []Testimony {
		var out []Testimony
		for id := range e {
			e[id].Seq = 1
			out = append(out, Testimony{From: ledger.ReplicaID(id), Slots: []Evidence{e[id]}})
		}
		return out
	}
	for name, c := range map[string]struct {
		shown []Testimony
		want  byte
	}{
		"prepared later than the witnesses": {set(Evidence{Prepared: known(1, 'b'), Accepted: known(1, 'b')},
			Evidence{Accepted: known(0, 'a')}, Evidence{Accepted: known(0, 'a')}), 'b'},
		"witnesses later than the prepared": {set(Evidence{Prepared: known(0, 'b'), Accepted: known(1, 'a')},
			Evidence{Accepted: known(1, 'a')}, Evidence{Accepted: known(0, 'b')}), 'a'},
		"witnesses of the prepared's own view do not override it": {set(Evidence{Prepared: known(1, 'b'), Accepted: known(1, 'b')},
			Evidence{Accepted: known(1, 'a')}, Evidence{Accepted: known(1, 'a')}), 'b'},
		"a commit certificate ends it": {set(Evidence{Committed: known(0, 'c')},
			Evidence{Accepted: known(1, 'a')}, Evidence{Accepted: known(1, 'a')}), 'c'},
	} {
		_, choices, err := NewViewChoices(four, 16, c.shown)
		require.NoError(t, err, name)
		require.Equal(t, ledger.Hash{c.want}, choices[0].Digest, name)
	}
}

// FaB's liveness schedule (pitfall 1): an equivocating primary leaves every replica with another
// value and nothing provable. The new view must not wait for more.
func TestPageAllSawDifferentValuesAndTheLedgerGoesOn(t *testing.T) {
	tb := newTable(t, four)
	for id := ledger.ReplicaID(1); id < 4; id++ {
		b := tb.body(string(rune('a' + id)))
		tb.inject(id, PrePrepare{From: 0, View: 0, Seq: 1, Path: PathFast, Body: b, Signature: signed(b.Digest[:])})
	}
	tb.among(1, 2, 3)
	tb.leave(0, 1, 2, 3)
	tb.among(1, 2, 3)
	for _, id := range []ledger.ReplicaID{1, 2, 3} {
		require.Equal(t, tb.seats[id].machine.null.Digest, tb.seats[id].chain[0].Digest, "undecided becomes null")
	}
	b := tb.offer(1, "after")
	tb.among(1, 2, 3)
	require.Equal(t, b.Digest, tb.seats[3].chain[1].Digest)
}

// Pitfall 3, an uncertified last-stable (concord-bft takes the claim): a claim of a checkpoint without its
// certificate is refused, so nobody can make others leave out what was decided.
func TestPageAClaimedCheckpointNeedsItsCertificate(t *testing.T) {
	tb := newTable(t, four)
	p := tb.c.params(tb.seats[1].node)
	vc := &ViewChange{From: 3, View: 1, Complaints: tb.complaints(0), Stable: Checkpoint{Seq: 8, Digest: ledger.Hash{1}, Certificate: []byte("claimed")}}
	vc.Seal(p.Ledger, p.Epoch)
	vc.Signature = signed(vc.Payload)
	require.ErrorIs(t, vc.Check(p, honest{}), ErrEvidence)
	vc.Stable.Certificate = certificate.Certificate("cert")
	vc.Seal(p.Ledger, p.Epoch)
	vc.Signature = signed(vc.Payload)
	require.NoError(t, vc.Check(p, honest{}))
}

// Pitfall 3 in whole: a slow honest replica, an absent one and a liar form the set: decided slots above
// the slow one's checkpoint must come out of it as they were decided.
func TestPageASlowReplicaInTheSetDoesNotUndoWhatOthersDecided(t *testing.T) {
	tb := newTable(t, four)
	for i := range 12 { // three checkpoints; replica 3 hears nothing
		tb.offer(0, string(rune('a'+i)))
		tb.among(0, 1, 2)
		tb.later(Milliseconds(160), 0, 1, 2)
		tb.among(0, 1, 2)
	}
	require.Equal(t, 12, tb.seats[1].height())
	require.Equal(t, ledger.Seq(12), tb.seats[1].machine.low)
	tb.leave(0, 1, 2, 3)
	tb.among(1, 2, 3)
	require.True(t, tb.seats[3].machine.active)
	require.Equal(t, ledger.Seq(12), tb.seats[3].machine.low, "the slow one takes the certified checkpoint and catches up")
	tb.offer(1, "next")
	tb.among(1, 2, 3)
	require.Equal(t, 13, tb.seats[1].height())
}

// Evidence that does not verify never stands before evidence that does (pitfall 4): a
// message with a bad certificate is no message.
func TestPageABadCertificateSpoilsItsMessageOnly(t *testing.T) {
	tb := newTable(t, four)
	p := tb.c.params(tb.seats[1].node)
	make := func(cert string) *ViewChange {
		vc := &ViewChange{From: 3, View: 1, Complaints: tb.complaints(0), Slots: []SlotEvidence{{Seq: 1,
			Prepared: &Proven{Known: Known{0, ledger.Hash{9}}, Certificate: certificate.Certificate(cert)}}}}
		vc.Seal(p.Ledger, p.Epoch)
		vc.Signature = signed(vc.Payload)
		return vc
	}
	require.ErrorIs(t, make("bad").Check(p, honest{}), ErrEvidence)
	good := make("cert")
	require.NoError(t, good.Check(p, honest{}))
	tb.inject(1, good)
	require.Equal(t, good.Digest, tb.seats[1].machine.moving.heard[3].Digest)
}

// Bodies are always fetchable (pitfall 5, PR 704 of concord-bft): a replica that never
// saw a proposal gets it by its digest after the view change chose it, and one that
// lacks messages of the new primary's set gets those.
func TestPageChosenBodiesAndMissingMessagesAreFetched(t *testing.T) {
	tb := newTable(t, four)
	b := tb.offer(0, "a")
	tb.drop(0, 3, OutPrePrepare{})
	tb.pass(0, anyone, OutPrePrepare{})
	tb.drop(anyone, anyone, nil) // the primary is gone
	tb.leave(0, 1, 2)
	tb.leave(0, 3)
	tb.drop(2, 3, OutViewChange{}) // replica 3 lacks one message of the set
	tb.among(1, 2, 3)
	require.Equal(t, b.Digest, tb.seats[3].chain[0].Digest)
	require.Positive(t, tb.seats[3].rules[RuleW8], "the set was fetched")
	require.Positive(t, tb.seats[3].rules[RuleB1], "the body was fetched")
}

// A replica that was away through a view change enters the view by a full message
// (pitfall 5, PR 1177): it needs no one to complain again.
func TestPageAReplicaThatWasAwayRejoinsByCertificate(t *testing.T) {
	tb := newTable(t, four)
	tb.offer(0, "a")
	tb.among(0, 1, 2, 3)
	tb.leave(0, 1, 2, 0)
	tb.among(0, 1, 2)
	require.Equal(t, ledger.View(0), tb.seats[3].machine.View())
	tb.later(Milliseconds(300), 0, 1, 2, 3)
	tb.among(0, 1, 2, 3)
	require.Equal(t, ledger.View(1), tb.seats[3].machine.View())
	require.True(t, tb.seats[3].machine.Active())
	require.Positive(t, tb.seats[3].rules[RuleW9])
}

// Restart while moving, and right after entering (pitfall 5, PRs 805 and 639): moving
// and having entered are one durable state.
func TestPageRestartWhileMovingAndRightAfterEntering(t *testing.T) {
	tb := newTable(t, four)
	b := tb.offer(0, "a")
	tb.pass(0, anyone, OutPrePrepare{})
	tb.drop(anyone, anyone, nil)
	tb.leave(0, 1, 2, 3)
	tb.drop(anyone, anyone, nil)
	tb.restart(1, 2, 3)
	for _, id := range []ledger.ReplicaID{1, 2, 3} {
		require.Equal(t, ledger.View(1), tb.seats[id].machine.View())
		require.False(t, tb.seats[id].machine.Active())
	}
	tb.pass(anyone, 1, OutViewChange{}) // the new primary enters
	require.True(t, tb.seats[1].machine.Active())
	tb.restart(1)
	require.True(t, tb.seats[1].machine.Active(), "what was entered stays entered")
	for range 4 {
		tb.later(Milliseconds(300), 1, 2, 3)
		tb.among(1, 2, 3)
	}
	for _, id := range []ledger.ReplicaID{1, 2, 3} {
		require.Equal(t, b.Digest, tb.seats[id].chain[0].Digest)
	}
	tb.restart(1, 2, 3)
	tb.offer(four.Primary(tb.seats[2].machine.View()), "b")
	tb.among(1, 2, 3)
	require.Equal(t, 2, tb.seats[2].height())
}

// One replica down must not make view changes endless (pitfall 5, PR 1511): the others enter the
// next view and stay there.
func TestPageOneReplicaDownCausesNoEndlessViewChanges(t *testing.T) {
	tb := newTable(t, four)
	tb.leave(0, 1, 2, 3)
	tb.among(1, 2, 3)
	for i := range 20 {
		tb.offer(1, string(rune('a'+i)))
		tb.among(1, 2, 3)
		tb.later(Milliseconds(100), 1, 2, 3)
		tb.among(1, 2, 3)
	}
	require.Equal(t, ledger.View(1), tb.seats[1].machine.View())
	require.Equal(t, 20, tb.seats[3].height())
}

// A view change does not wait for execution (pitfall 7): replicas whose execution
// stands still leave, testify and enter.
func TestPageExecutionThatStandsStillHoldsUpNoViewChange(t *testing.T) {
	tb := newTable(t, four)
	for _, s := range tb.seats {
		s.stalled = true
	}
	tb.offer(0, "a")
	tb.among(0, 1, 2, 3)
	tb.leave(0, 1, 2, 3)
	tb.among(1, 2, 3)
	require.True(t, tb.seats[2].machine.Active())
	require.Equal(t, ledger.View(1), tb.seats[2].machine.View())
}

// After it moved, a replica gives no vote in the view it left, whatever comes
// (SBFT section 7), also after a restart.
func TestPageNoVoteInAViewThatWasLeft(t *testing.T) {
	tb := newTable(t, four)
	b := tb.offer(0, "a")
	tb.leave(0, 2)
	tb.pass(0, 2, OutPrePrepare{})
	tb.drop(anyone, anyone, nil)
	tb.restart(2)
	tb.inject(2, PrePrepare{From: 0, Seq: 1, Path: PathSlow, Body: b, Signature: signed(b.Digest[:])},
		Prepare{From: 1, Slot: SlotID{Seq: 1, Digest: b.Digest}, Certificate: certificate.Certificate("cert")})
	tb.later(Milliseconds(300), 2)
	for _, p := range tb.mail {
		switch p.msg.(type) {
		case OutSignShare, OutCommitShare:
			t.Fatalf("replica 2 votes in the view it has left: %+v", p.msg)
		}
	}
}

// f complaints move nobody; one honest one more does.
func TestPageFComplaintsMoveNobody(t *testing.T) {
	tb := newTable(t, four)
	c := tb.complaints(0)
	tb.inject(2, c[0], c[0])
	require.Equal(t, ledger.View(0), tb.seats[2].machine.View())
	tb.inject(2, c[1])
	require.Equal(t, ledger.View(1), tb.seats[2].machine.View())
}

// A lone complaint of yesterday does not count towards one of today.
func TestPageOldComplaintsDoNotCount(t *testing.T) {
	tb := newTable(t, four)
	c := tb.complaints(0)
	tb.inject(2, c[0])
	tb.now += Milliseconds(60_000)
	tb.inject(2, c[1])
	require.Equal(t, ledger.View(0), tb.seats[2].machine.View())
}

// Two proposals that reached two honest replicas convict the primary once each has
// told its half (A8).
func TestPageEquivocationIsProvenByTwoHonestHalves(t *testing.T) {
	tb := newTable(t, four)
	a, b := tb.body("a"), tb.body("b")
	for id, body := range map[ledger.ReplicaID]*ledger.Body{1: a, 2: b, 3: b} {
		tb.inject(id, PrePrepare{From: 0, Seq: 1, Path: PathSlow, Body: body, Signature: signed(body.Digest[:])})
	}
	tb.among(1, 2, 3)
	tb.leave(0, 1, 2, 3)
	tb.among(1, 2, 3)
	proofs := 0
	for _, s := range tb.seats {
		for _, p := range s.proofs {
			proofs++
			require.NotEqual(t, p.First.Digest, p.Second.Digest)
			require.Equal(t, ledger.View(0), p.View)
		}
	}
	require.Positive(t, proofs)
}
