package sbft

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// Pages of restarts and of evidence: rules R and E.

// R1: after a restart a replica says what it had said, and nothing else, whatever the
// primary sends now.
func TestPageARestartRepeatsTheVoteAndNoOther(t *testing.T) {
	tb := newTable(t, four)
	a, b := tb.body("a"), tb.body("b")
	tb.inject(1, tb.proposal(0, 1, PathFast, a))
	tb.drop(anyone, anyone, nil)
	tb.restart(1)
	s := tb.seats[1]
	require.Equal(t, 1, s.rules[RuleR1])
	again := tb.lying(1, 0, OutSignShare{})
	require.Equal(t, []Message{OutSignShare{Slot: SlotID(at(0, 1, a)), Fast: true}}, again)
	tb.inject(1, tb.proposal(0, 1, PathFast, b))
	require.Equal(t, []ledger.Hash{a.Digest}, s.votes(0, 1))
	require.Len(t, s.proofs, 1, "the signed head was kept, so the primary is convicted over the restart")
	require.Equal(t, a.Digest, s.proofs[0].First.Digest)
}

// R1 of a primary: it offers the same proposal again, and its next one is for the next
// slot.
func TestPageAPrimaryThatRestartsDoesNotProposeTwice(t *testing.T) {
	tb := newTable(t, four)
	a := tb.offer(0, "a")
	tb.drop(anyone, anyone, nil)
	tb.restart(0)
	require.Equal(t, a.Digest, tb.lying(0, 1, OutPrePrepare{})[0].(OutPrePrepare).Body.Digest)
	b := tb.offer(0, "b")
	tb.among(0, 1, 2, 3)
	require.Equal(t, a.Digest, tb.seats[2].chain[0].Digest)
	require.Equal(t, b.Digest, tb.seats[2].chain[1].Digest)
}

// A crash before the records are written: nothing was said, so the replica is free to
// accept what comes next.
func TestPageACrashBeforeTheRecordsLeavesNoTrace(t *testing.T) {
	tb := newTable(t, four)
	a, b := tb.body("a"), tb.body("b")
	tb.think(1, tb.proposal(0, 1, PathFast, a)) // and crashes
	tb.restart(1)
	require.Empty(t, tb.mail)
	require.Zero(t, tb.seats[1].rules[RuleR1])
	tb.inject(1, tb.proposal(0, 1, PathFast, b))
	require.Equal(t, []ledger.Hash{b.Digest}, tb.seats[1].votes(0, 1))
	require.Empty(t, tb.seats[1].proofs)
}

// R2, pitfall 5 (PR 805): a replica that restarts goes on in the view that it recorded,
// with what the view had fixed, and leads it if it led.
func TestPageARestartGoesOnInItsView(t *testing.T) {
	tb := newTable(t, four)
	tb.inject(2, tb.proposal(0, 1, PathFast, tb.body("undecided")))
	tb.drop(anyone, anyone, nil)
	tb.leave(0, 1, 2, 3)
	tb.pass(anyone, 1, OutViewChange{})
	tb.drop(anyone, anyone, nil)
	lead := tb.seats[1]
	fixed, payload := lead.machine.fixed, lead.machine.NewView().Payload
	require.Equal(t, ledger.Seq(1), fixed)
	tb.restart(1)
	require.Equal(t, 1, lead.rules[RuleR2])
	require.Equal(t, ledger.View(1), lead.machine.View())
	require.True(t, lead.machine.Active())
	require.Equal(t, fixed, lead.machine.fixed)
	require.Equal(t, payload, lead.machine.NewView().Payload)
	require.Equal(t, []ledger.Hash{lead.machine.null.Digest}, lead.votes(1, 1))
	b := tb.offer(1, "next")
	require.Equal(t, ledger.Seq(2), tb.lying(1, 2, OutPrePrepare{})[0].(OutPrePrepare).Seq)
	tb.leave(0, 2, 3)
	tb.inject(1, FetchNewView{From: 2, View: 0}, FetchNewView{From: 3, View: 0})
	for range 3 {
		tb.among(1, 2, 3)
		tb.later(Milliseconds(260), 1, 2, 3)
	}
	tb.among(1, 2, 3)
	require.Equal(t, b.Digest, tb.seats[3].chain[1].Digest)
}

// Pitfall 6: the store is ahead of the vote log (it lost its tail, or the blocks came by
// catching up). What is in the store is settled: nothing is voted for there, and the
// next slot is the one above.
func TestPageTheStoreIsAheadOfTheLog(t *testing.T) {
	tb := newTable(t, four)
	for _, tx := range []string{"a", "b", "c"} {
		tb.offer(0, tx)
		tb.among(0, 1, 2, 3)
	}
	s := tb.seats[1]
	require.Equal(t, 3, s.stored)
	s.records = nil
	tb.restart(1)
	require.EqualValues(t, 3, s.machine.Committed())
	tb.inject(1, tb.proposal(0, 2, PathSlow, tb.body("again")))
	require.Empty(t, s.votes(0, 2))
	d := tb.offer(0, "d")
	tb.among(0, 1, 2, 3)
	require.Equal(t, d.Digest, s.chain[3].Digest)
	require.Equal(t, ledger.Seq(4), s.machine.low, "it has signed the checkpoint with the others")
	require.Equal(t, 1, s.rules[RuleK1])
}

// Pitfall 6, the other way round: the log knows a checkpoint that the store has not
// reached. The replica starts, keeps its window, and catches up.
func TestPageTheStoreIsBehindTheLog(t *testing.T) {
	tb := newTable(t, four)
	tb.inject(3, certified(12, ledger.Hash{6}))
	tb.restart(3)
	s := tb.seats[3]
	require.Zero(t, s.stored)
	require.Equal(t, ledger.Seq(12), s.machine.Stable().Seq)
	require.Zero(t, s.machine.Committed())
	b := tb.body("next")
	tb.inject(3, tb.proposal(0, 13, PathSlow, b), at(0, 13, b).proof(false))
	require.Zero(t, s.height(), "what is in between is missing")
	for h := ledger.Height(1); h <= 12; h++ {
		s.chain = append(s.chain, Settled{Seq: ledger.Seq(h)})
		tb.step(3, Executed{Height: h})
	}
	require.Equal(t, b.Digest, s.chain[12].Digest)
}

// Pitfall 6: execution starts again below what was delivered: it is given the same
// decisions a second time, in order.
func TestPageExecutionThatStartsAgainGetsTheSameDecisions(t *testing.T) {
	tb := newTable(t, four)
	tb.agreedOnly(3)
	out := tb.think(1, Redeliver{From: 2})
	var again []ledger.Hash
	for _, d := range out.Deliver {
		again = append(again, d.Body.Digest)
	}
	chain := tb.seats[1].chain
	require.Equal(t, []ledger.Hash{chain[1].Digest, chain[2].Digest}, again)
}

// R1, R2: a damaged log is an error at the start, never a replica that has forgotten.
func TestPageADamagedLogStopsTheStart(t *testing.T) {
	tb := newTable(t, four)
	tb.offer(0, "a")
	tb.among(0, 1, 2, 3)
	tb.inject(1, tb.proposal(0, 2, PathSlow, tb.body("b")), CheckpointShare{})
	tb.leave(0, 1)
	s := tb.seats[1]
	kinds := map[RecordKind]bool{}
	for i, r := range s.records {
		kinds[r.Kind] = true
		damaged := slices.Clone(s.records)
		damaged[i].Data = r.Data[:len(r.Data)-1]
		_, err := New(tb.c.params(s.node), Restored{Records: damaged})
		require.Error(t, err, "kind %d", r.Kind)
	}
	require.Subset(t, []RecordKind{RecordProposal, RecordVote, RecordView}, keys(kinds))
	require.Len(t, kinds, 3)
}

func keys(m map[RecordKind]bool) (out []RecordKind) {
	for k := range m {
		out = append(out, k)
	}
	return out
}

// E1: a proof holds two different values that one primary signed for one slot and view;
// the same value twice, another slot or another view is none.
func TestPageOnlyTwoValuesForOnePlaceAreAProof(t *testing.T) {
	tb := newTable(t, four)
	a, b := tb.body("a"), tb.body("b")
	accuse := func(view ledger.View, seq ledger.Seq, what *ledger.Body) {
		tb.inject(3, Accusation{From: 2, View: view, Seq: seq, Proposal: SignedProposal{PathFast, what.Digest, signed(what.Digest[:])}})
	}
	tb.inject(3, tb.proposal(0, 1, PathFast, a))
	accuse(0, 1, a)
	accuse(4, 1, b) // the same primary, a later view
	accuse(0, 2, b)
	require.Empty(t, tb.seats[3].proofs)
	accuse(0, 1, b)
	require.Equal(t, 1, tb.seats[3].rules[RuleE1])
	proof := tb.seats[3].proofs[0]
	require.Equal(t, Equivocation{View: 0, Seq: 1, First: SignedProposal{PathFast, a.Digest, signed(a.Digest[:])},
		Second: SignedProposal{PathFast, b.Digest, signed(b.Digest[:])}}, proof)
}

// E2: whoever sees another value than it accepted, in a vote, a certificate or another's
// half of the same view, tells its own signed half, once.
func TestPageWhoeverSeesAnotherValueTellsItsHalfOnce(t *testing.T) {
	for name, see := range map[string]func(tb *table, b *ledger.Body) Input{
		"a vote": func(_ *table, b *ledger.Body) Input {
			return SignShare{From: 2, Slot: SlotID(at(0, 1, b)), Prepare: []byte("share")}
		},
		"a view-change message": func(tb *table, b *ledger.Body) Input {
			return tb.shows(2, SlotEvidence{Seq: 1, Accepted: &Known{0, b.Digest}})
		},
		"a certificate in one": func(tb *table, b *ledger.Body) Input {
			return tb.shows(2, SlotEvidence{Seq: 1, Prepared: proven(0, b)})
		},
		"a certificate": func(_ *table, b *ledger.Body) Input { return at(0, 1, b).proof(true) },
		"an accusation": func(_ *table, b *ledger.Body) Input {
			return Accusation{From: 2, Seq: 1, Proposal: SignedProposal{PathFast, b.Digest, signed(b.Digest[:])}}
		},
	} {
		tb := newTable(t, four)
		a, b := tb.body("a"), tb.body("b")
		tb.inject(1, tb.proposal(0, 1, PathFast, a))
		for range 2 {
			tb.inject(1, see(tb, b))
		}
		require.Equal(t, 1, tb.seats[1].rules[RuleE2], name)
		told := tb.lying(1, 3, OutAccusation{})
		require.Equal(t, []Message{OutAccusation{Seq: 1, Proposal: SignedProposal{PathFast, a.Digest, signed(a.Digest[:])}}}, told, name)
		tb.inject(3, tb.proposal(0, 1, PathFast, b))
		tb.pass(1, 3, OutAccusation{})
		require.Len(t, tb.seats[3].proofs, 1, "with the other half it is a proof")
	}
}

// shows is the message of a replica that leaves view 0 and knows something of a slot.
func (tb *table) shows(from ledger.ReplicaID, e SlotEvidence) *ViewChange {
	vc := &ViewChange{From: from, View: 1, Slots: []SlotEvidence{e}, Complaints: tb.complaints(0)}
	vc.Seal(ledger.ID{}, 0)
	vc.Signature = signed(vc.Payload)
	return vc
}

// A8: an equivocation of which nobody's vote arrived is named all the same, when those
// who were shown different values leave the view.
func TestPageAnEquivocationWithoutVotesIsProvenByTheViewChange(t *testing.T) {
	tb := newTable(t, four)
	a, b := tb.body("a"), tb.body("b")
	tb.inject(1, tb.proposal(0, 1, PathSlow, a))
	tb.inject(2, tb.proposal(0, 1, PathSlow, b))
	for _, id := range []ledger.ReplicaID{1, 2} {
		for to := range ledger.ReplicaID(4) {
			tb.drop(id, to, OutSignShare{})
		}
	}
	tb.leave(0, 1, 2, 3)
	tb.among(1, 2, 3)
	for range 5 {
		tb.later(Milliseconds(260), 1, 2, 3)
		tb.among(1, 2, 3)
	}
	require.Positive(t, tb.fired(RuleE2))
	require.NotEmpty(t, append(tb.seats[1].proofs, tb.seats[2].proofs...))
	require.Equal(t, ledger.ReplicaID(0), tb.q.Primary(append(tb.seats[1].proofs, tb.seats[2].proofs...)[0].View))
}

// A null that an earlier view agreed on is known to everyone: nobody asks for it.
func TestPageAPreparedNullIsNotFetched(t *testing.T) {
	tb := newTable(t, four)
	null := tb.seats[3].machine.null
	nv := tb.announced(2, func(vc *ViewChange) {
		vc.Slots = []SlotEvidence{{Seq: 1, Prepared: proven(1, null)}}
	})
	tb.inject(3, nv)
	require.Equal(t, ledger.View(2), tb.seats[3].machine.View())
	require.Positive(t, tb.seats[3].rules[RuleW3])
	require.Empty(t, tb.lying(3, 0, OutFetchBody{}))
	require.Empty(t, tb.lying(3, 1, OutFetchBody{}))
}

// A checkpoint that is certified far ahead costs no step for each number before it.
func TestPageACheckpointFarAheadIsTakenAtOnce(t *testing.T) {
	tb := newTable(t, four)
	tb.offer(0, "a")
	tb.among(0, 1, 2, 3)
	tb.inject(3, Checkpoint{Seq: 1 << 60, Digest: ledger.Hash{1}, Certificate: certificate.Certificate("cert")})
	require.Equal(t, ledger.Seq(1<<60), tb.seats[3].machine.Stable().Seq)
	require.LessOrEqual(t, tb.seats[3].machine.SlotsKept(), 2*tb.seats[3].machine.p.Window)
}

// A8: votes of liars for a value that the primary never signed frame nobody: there is
// talk, but no proof.
func TestPageVotesForWhatNobodyProposedFrameNobody(t *testing.T) {
	tb := newTable(t, four)
	a, invented := tb.offer(0, "a"), tb.body("invented")
	tb.pass(0, anyone, OutPrePrepare{})
	for _, id := range []ledger.ReplicaID{0, 1, 2} {
		tb.inject(id, SignShare{From: 3, Slot: SlotID(at(0, 1, invented)), Prepare: share(3, certificate.Prepare, SlotID(at(0, 1, invented)))})
	}
	tb.among(0, 1, 2)
	tb.later(Milliseconds(200), 0, 1, 2)
	tb.among(0, 1, 2)
	for _, s := range tb.seats {
		require.Empty(t, s.proofs)
		require.Zero(t, s.reported(ReportEquivocation, 0))
	}
	require.Equal(t, a.Digest, tb.seats[2].chain[0].Digest)
}
