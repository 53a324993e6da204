package sbft

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// Pages of the normal case: rules N, F and S.

// N1: four proposals are in flight at most; the fifth leaves when the first is agreed,
// and is not lost meanwhile.
func TestPageAPrimaryStopsAtFourInFlight(t *testing.T) {
	tb := newTableOf(t, four, 64) // execution and window would allow more
	for _, tx := range []string{"a", "b", "c", "d"} {
		tb.offer(0, tx)
	}
	fifth := tb.offer(0, "e")
	require.Len(t, tb.lying(0, 1, OutPrePrepare{}), 4)
	require.Equal(t, 4, tb.seats[0].rules[RuleN1])
	tb.among(0, 1, 2, 3)
	require.Equal(t, 5, tb.seats[3].height())
	require.Equal(t, fifth.Digest, tb.seats[3].chain[4].Digest)
}

// N1, pitfall 7: execution that lags stops proposals, so that agreed blocks do not pile
// up in memory before it.
func TestPageAgreedBlocksDoNotPileUpBeforeExecution(t *testing.T) {
	tb := newTable(t, four)
	tb.stall(0)
	for _, tx := range []string{"a", "b", "c", "d"} {
		tb.offer(0, tx)
		tb.among(0, 1, 2, 3)
	}
	require.Equal(t, 4, tb.seats[0].height(), "agreed, not executed")
	tb.offer(0, "e")
	require.Empty(t, tb.lying(0, anyone, OutPrePrepare{}))
	tb.step(0, executed(tb.seats[0].chain[0]))
	require.Len(t, tb.lying(0, 1, OutPrePrepare{}), 1)
	require.Equal(t, 5, tb.seats[0].rules[RuleN1])
}

// N2: one value a slot and view. The second proposal gets no vote, and convicts the
// primary (E1).
func TestPageOneValueASlotAndView(t *testing.T) {
	tb := newTable(t, four)
	a, b := tb.body("a"), tb.body("b")
	tb.inject(1, tb.proposal(0, 1, PathFast, a), tb.proposal(0, 1, PathFast, b), tb.proposal(0, 1, PathFast, a))
	require.Equal(t, 1, tb.seats[1].rules[RuleN2])
	require.Equal(t, []ledger.Hash{a.Digest}, tb.seats[1].votes(0, 1))
	for _, m := range tb.lying(1, anyone, OutSignShare{}) {
		require.Equal(t, a.Digest, m.(OutSignShare).Slot.Digest)
	}
	require.Len(t, tb.seats[1].proofs, 1)
	require.Equal(t, 1, tb.seats[1].rules[RuleE1], "a repetition of the first is no crime")
}

// N2: only the view's primary proposes, only in this view, only inside the window.
func TestPageProposalsOfOthersOtherViewsAndFarSlotsAreRefused(t *testing.T) {
	tb := newTable(t, four)
	b := tb.body("a")
	usurped := tb.proposal(0, 1, PathFast, b)
	usurped.From = 2
	tb.inject(1, usurped, tb.proposal(4, 1, PathFast, b), tb.proposal(0, 17, PathFast, b), tb.proposal(0, 1_000_000_000, PathFast, b))
	s := tb.seats[1]
	require.Equal(t, 1, s.reported(ReportNotPrimary, 2))
	require.Equal(t, 1, s.reported(ReportWrongView, 0))
	require.Equal(t, 2, s.reported(ReportOutsideWindow, 0))
	require.Empty(t, s.records)
	require.Zero(t, s.rules[RuleN2])
	require.LessOrEqual(t, s.machine.SlotsKept(), 1)
	tb.inject(1, tb.proposal(0, 16, PathFast, b))
	require.Equal(t, []ledger.Hash{b.Digest}, s.votes(0, 16), "the window's last slot is inside")
}

// N2, pitfall 12: the proposed time is part of what is agreed, so each replica holds it
// to its own clock's bound and to the slots before and after.
func TestPageATimeOutOfBoundsGetsNoVote(t *testing.T) {
	tb := newTable(t, four)
	body := func(at ledger.Time) *ledger.Body {
		return ledger.NewBody(ledger.ID{}, ledger.Proposal{Time: at, Txs: [][]byte{{1}}})
	}
	s := tb.seats[1]
	bound := tb.c.params(s.node).ClockBound
	tb.inject(1, tb.proposal(0, 1, PathFast, body(bound+1)))
	require.Equal(t, 1, s.reported(ReportBadTime, 0))
	require.Empty(t, s.records)
	tb.inject(1, tb.proposal(0, 1, PathFast, body(100)), tb.proposal(0, 2, PathFast, body(100)), tb.proposal(0, 2, PathFast, body(99)))
	require.Equal(t, 3, s.reported(ReportBadTime, 0))
	require.Empty(t, s.votes(0, 2), "time stands still or goes back")
	tb.inject(1, tb.proposal(0, 3, PathFast, body(200)), tb.proposal(0, 2, PathFast, body(200)))
	require.Empty(t, s.votes(0, 2), "nor may it reach the slot that follows")
	tb.inject(1, tb.proposal(0, 2, PathFast, body(101)))
	require.Len(t, s.votes(0, 2), 1)
}

// N3: slots are delivered in order, however they are agreed.
func TestPageAgreedSlotsWaitForTheOneBefore(t *testing.T) {
	tb := newTable(t, four)
	one, two, three := tb.body("1"), tb.body("2"), tb.body("3")
	tb.inject(3, tb.proposal(0, 3, PathFast, three), at(0, 3, three).proof(true), tb.proposal(0, 2, PathFast, two), at(0, 2, two).proof(false))
	require.Zero(t, tb.seats[3].height())
	require.Zero(t, tb.seats[3].machine.Committed())
	tb.inject(3, at(0, 1, one).proof(true))
	require.Zero(t, tb.seats[3].height(), "its body is missing")
	tb.inject(3, Fetched{From: 1, Seq: 1, Body: one})
	require.Equal(t, 3, tb.seats[3].rules[RuleN3])
	for i, b := range []*ledger.Body{one, two, three} {
		require.Equal(t, b.Digest, tb.seats[3].chain[i].Digest)
	}
}

// F1: no fast share more than a quarter of the window above what is executed here, so
// that σ proves that execution keeps up.
func TestPageNoFastShareFarAboveExecution(t *testing.T) {
	tb := newTable(t, four)
	near, far := tb.body("near"), tb.body("far")
	tb.inject(1, tb.proposal(0, 4, PathFast, near), tb.proposal(0, 5, PathFast, far))
	for _, m := range tb.lying(1, anyone, OutSignShare{}) {
		require.Equal(t, m.(OutSignShare).Slot.Seq == 4, m.(OutSignShare).Fast)
	}
	s := tb.seats[1]
	require.Equal(t, 1, s.rules[RuleF1])
	require.True(t, s.voted(certificate.Fast, SlotID(at(0, 4, near))))
	require.False(t, s.voted(certificate.Fast, SlotID(at(0, 5, far))))
	require.True(t, s.voted(certificate.Prepare, SlotID(at(0, 5, far))), "the slow path stays open")
}

// F2, pitfall 8: with c = 1 one silent replica costs nothing, no timer has to pass; two
// do. With c = 0 one is enough to lose the fast path.
func TestPageOneSilentReplicaCostsTheFastPathOnlyWithoutSpares(t *testing.T) {
	six := quorum.Config{F: 1, C: 1}
	for _, c := range []struct {
		q     quorum.Config
		there []ledger.ReplicaID
		fast  bool
	}{{six, []ledger.ReplicaID{0, 1, 2, 3, 4}, true}, {six, []ledger.ReplicaID{0, 1, 2, 3}, false},
		{four, []ledger.ReplicaID{0, 1, 2, 3}, true}, {four, []ledger.ReplicaID{0, 1, 2}, false}} {
		tb := newTable(t, c.q)
		b := tb.offer(0, "a")
		tb.among(c.there...)
		for _, id := range c.there {
			require.Equal(t, c.fast, tb.seats[id].height() == 1, "%v of %d", c.there, c.q.N())
			if c.fast {
				require.Equal(t, b.Digest, tb.seats[id].chain[0].Digest)
				require.True(t, tb.seats[id].chain[0].Proof.Fast)
			}
		}
		require.Equal(t, c.fast, tb.fired(RuleF2) > 0)
		require.Zero(t, tb.fired(RuleF3))
	}
}

// F3: the collectors give the fast path up, the slot is agreed on the slow one, and after
// three such slots the primary does not try any more.
func TestPageTheFastPathIsGivenUp(t *testing.T) {
	tb := newTable(t, four)
	for seq := ledger.Seq(1); seq <= 3; seq++ {
		require.Equal(t, PathFast, tb.seats[0].machine.PathNow())
		tb.offer(0, string(rune('a'+seq)))
		tb.among(0, 1, 2)
		require.Less(t, tb.seats[0].height(), int(seq), "replica 3 is silent") // #nosec G115 -- at most 3
		tb.later(Milliseconds(160), 0, 1, 2)
		tb.among(0, 1, 2)
		require.False(t, tb.seats[1].chain[seq-1].Proof.Fast)
	}
	require.GreaterOrEqual(t, tb.seats[0].rules[RuleF3], 3)
	require.Equal(t, PathSlow, tb.seats[0].machine.PathNow())
	tb.offer(0, "nobody waits")
	tb.among(0, 1, 2)
	require.Equal(t, 4, tb.seats[2].height())
}

// F3: a collector's patience comes from agreement alone; a contract that runs for ten
// seconds does not lengthen it (a flaw that concord-bft's own comment admits).
func TestPageSlowExecutionDoesNotLengthenACollectorsPatience(t *testing.T) {
	tb := newTable(t, four)
	tb.stall(0, 1, 2, 3)
	tb.offer(0, "a")
	tb.pass(0, anyone, OutPrePrepare{})
	tb.now += Milliseconds(10)
	tb.among(0, 1, 2, 3)
	s := tb.seats[0]
	before := s.machine.patient.wait()
	require.Equal(t, Milliseconds(40), before, "twice 10 ms and two deviations of 5")
	tb.now += Milliseconds(10_000)
	tb.step(0, executed(s.chain[0]))
	require.Equal(t, before, s.machine.patient.wait())
}

// S1: the prepared certificate and the commit vote are one durable unit, written before
// the share leaves. A crash before it forgets both, one after it neither.
func TestPageAPreparedCertificateIsKeptBeforeItsShareLeaves(t *testing.T) {
	tb := newTable(t, four)
	b := tb.body("a")
	id := SlotID(at(0, 1, b))
	tb.inject(2, tb.proposal(0, 1, PathSlow, b))
	s := tb.seats[2]
	tb.think(2, at(0, 1, b).prepare(0)) // and crashes
	tb.restart(2)
	require.Nil(t, s.machine.slots[1].prepared)
	require.Empty(t, tb.lying(2, anyone, OutCommitShare{}))

	out := tb.think(2, at(0, 1, b).prepare(0))
	require.Equal(t, []RecordKind{RecordPrepared, RecordVote}, []RecordKind{out.Records[0].Kind, out.Records[1].Kind})
	tb.carryOut(s, out)
	require.Equal(t, 1, s.rules[RuleS1])
	require.NotEmpty(t, tb.lying(2, 0, OutCommitShare{}))
	tb.restart(2)
	tb.drop(anyone, anyone, nil)
	tb.later(Milliseconds(300), 2)
	require.NotEmpty(t, tb.lying(2, 0, OutCommitShare{}), "it is said again")
	require.True(t, s.voted(certificate.Commit, id))
	e, _ := s.machine.slots[1].evidence()
	require.Equal(t, proven(0, b), e.Prepared, "and shown in the next view")
}

// S2: 2f+c+1 commit shares of different replicas over one value commit, not fewer; a
// repeated share and one for another value do not count.
func TestPageASlowCommitTakesItsQuorum(t *testing.T) {
	tb := newTable(t, four)
	tb.seats[0].machine.path.now = PathSlow
	b := tb.offer(0, "a")
	tb.pass(0, anyone, OutPrePrepare{})
	tb.pass(anyone, 0, OutSignShare{})
	require.NotEmpty(t, tb.lying(0, 1, OutPrepare{}), "prepared")
	tb.drop(anyone, anyone, nil)
	say := func(from ledger.ReplicaID, b *ledger.Body) {
		id := SlotID(at(0, 1, b))
		tb.inject(0, CommitShare{From: from, Slot: id, Share: share(from, certificate.Commit, id)})
	}
	say(1, b)
	say(1, b)
	say(3, tb.body("another value"))
	require.Zero(t, tb.seats[0].height())
	require.Zero(t, tb.seats[0].rules[RuleS2])
	say(2, b)
	require.Equal(t, 1, tb.seats[0].rules[RuleS2])
	require.Equal(t, b.Digest, tb.seats[0].chain[0].Digest)
	require.False(t, tb.seats[0].chain[0].Proof.Fast)
}
