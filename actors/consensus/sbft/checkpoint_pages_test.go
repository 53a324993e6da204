package sbft

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// Pages of checkpoints and of bodies that are fetched: rules K and B.

// agreedOnly agrees on slots that nobody executes.
func (tb *table) agreedOnly(n int) {
	tb.stall(0, 1, 2, 3)
	for i := range n {
		tb.offer(0, string(rune('a'+i)))
		tb.among(0, 1, 2, 3)
	}
}

// execute lets a stalled replica execute everything that it was given.
func (tb *table) execute(id ledger.ReplicaID) {
	for _, b := range tb.seats[id].chain {
		tb.step(id, executed(b))
	}
}

func certified(seq ledger.Seq, digest ledger.Hash) Checkpoint {
	return Checkpoint{Seq: seq, Digest: digest, Certificate: certificate.Certificate("cert")}
}

// K1: a checkpoint is signed when its state is in the store, not when it was executed:
// whoever signs it must still hold it after a crash.
func TestPageACheckpointIsSignedWhenItsStateIsDurable(t *testing.T) {
	tb := newTable(t, four)
	tb.agreedOnly(4)
	tb.execute(1)
	require.Zero(t, tb.seats[1].rules[RuleK1])
	tb.step(1, Durable{Height: 3})
	require.Zero(t, tb.seats[1].rules[RuleK1])
	require.Empty(t, tb.lying(1, anyone, OutCheckpointShare{}))
	tb.step(1, Durable{Height: 4})
	require.Equal(t, 1, tb.seats[1].rules[RuleK1])
	state := tb.seats[1].chain[3].Checkpoint
	require.Equal(t, OutCheckpointShare{Seq: 4, Digest: state}, tb.lying(1, anyone, OutCheckpointShare{})[0])
	require.True(t, tb.seats[1].voted(certificate.Checkpoint, SlotID{Seq: 4, Digest: state}))
}

// K2: 2f+c+1 shares over one state make it stable; only then is evidence forgotten. A
// share that is repeated, and one over another state, do not count.
func TestPageACheckpointIsStableByItsQuorum(t *testing.T) {
	tb := newTable(t, four)
	tb.agreedOnly(4)
	tb.execute(2)
	s := tb.seats[2]
	state := s.chain[3].Checkpoint
	say := func(from ledger.ReplicaID, digest ledger.Hash) {
		tb.inject(2, CheckpointShare{From: from, Seq: 4, Digest: digest, Share: share(from, certificate.Checkpoint, SlotID{Seq: 4, Digest: digest})})
	}
	say(0, state)
	say(1, state)
	say(1, state)
	say(3, ledger.Hash{66})
	say(3, state)
	require.Equal(t, 1, s.reported(ReportConflictingVote, 3), "one vote a height")
	require.Zero(t, s.rules[RuleK2])
	require.Equal(t, 4, s.machine.SlotsKept())
	require.Zero(t, s.machine.low)
	say(2, state)
	require.Equal(t, 1, s.rules[RuleK2])
	require.Equal(t, ledger.Seq(4), s.machine.low)
	require.Zero(t, s.machine.SlotsKept(), "what is certified needs no evidence")
	require.Len(t, tb.lying(2, anyone, OutCheckpoint{}), 3, "everyone is told")
	tb.restart(2)
	require.Equal(t, ledger.Seq(4), s.machine.Stable().Seq, "and it is kept")
}

// A share that was lost is given to one replica after the other, so that a checkpoint is
// not lost with its collector.
func TestPageLostCheckpointSharesAreRepeatedToEveryone(t *testing.T) {
	tb := newTable(t, four)
	tb.agreedOnly(4)
	tb.execute(1)
	tb.step(1, Durable{Height: 4})
	given := map[ledger.ReplicaID]bool{}
	for range 4 {
		tb.drop(anyone, anyone, nil)
		tb.fire(1, TimerStatus, 0)
		for _, id := range []ledger.ReplicaID{0, 2, 3} {
			if len(tb.lying(1, id, OutCheckpointShare{})) > 0 {
				given[id] = true
			}
		}
	}
	require.Len(t, given, 3)
}

// K3: a replica more than half a window behind moves its window to the certified
// checkpoint and catches up; one that is nearer works on. What the window leaves behind
// is never voted for again.
func TestPageAReplicaFarBehindMovesItsWindow(t *testing.T) {
	tb := newTable(t, four)
	b := tb.body("late")
	tb.inject(3, certified(8, ledger.Hash{5}))
	s := tb.seats[3]
	require.Zero(t, s.machine.low, "half a window: what is missing may still come")
	tb.inject(3, tb.proposal(0, 2, PathSlow, b))
	require.Len(t, s.votes(0, 2), 1)
	tb.inject(3, certified(12, ledger.Hash{6}))
	require.Equal(t, 1, s.rules[RuleK3])
	require.Equal(t, ledger.Seq(12), s.machine.low)
	before := len(s.records)
	tb.inject(3, tb.proposal(0, 3, PathSlow, b), tb.proposal(0, 12, PathSlow, b), at(0, 2, b).prepare(0))
	require.Len(t, s.records, before)
	require.Zero(t, s.machine.Committed())
	for seq := ledger.Height(1); seq <= 12; seq++ { // it catches up
		tb.step(3, Executed{Height: seq})
	}
	tb.step(3, Durable{Height: 12})
	tb.inject(3, tb.proposal(0, 13, PathFast, b))
	require.Equal(t, []ledger.Hash{b.Digest}, s.votes(0, 13), "and takes part again")
}

// K4: whoever says that it lacks a checkpoint, or still votes for it, is given the
// certificate, not more often than things are repeated anyway.
func TestPageWhoeverLacksACheckpointIsGivenIt(t *testing.T) {
	tb := newTable(t, four)
	for i := range 4 {
		tb.offer(0, string(rune('a'+i)))
		tb.among(0, 1, 2, 3)
	}
	require.Equal(t, ledger.Seq(4), tb.seats[1].machine.low)
	given := func() int { return len(tb.lying(1, 3, OutCheckpoint{})) }
	before := tb.seats[1].rules[RuleK4]
	tb.inject(1, PeerStatus{From: 3, Active: true, Stable: 4})
	require.Zero(t, given(), "it has it")
	tb.inject(1, PeerStatus{From: 3, Active: true}, PeerStatus{From: 3, Active: true})
	require.Equal(t, 1, given())
	tb.now += Milliseconds(250)
	tb.inject(1, CheckpointShare{From: 3, Seq: 4, Digest: ledger.Hash{1}, Share: []byte{1}})
	require.Equal(t, 2, given())
	require.Equal(t, before+2, tb.seats[1].rules[RuleK4])
}

// Pitfall 13: what a checkpoint certifies is everything replicated. A replica whose own
// differs says nothing any more, whichever of the two came first.
func TestPageAReplicaWithAnotherStateStops(t *testing.T) {
	for _, executedFirst := range []bool{true, false} {
		tb := newTable(t, four)
		tb.agreedOnly(4)
		s := tb.seats[1]
		steps := []Input{certified(4, ledger.Hash{99})}
		for i := len(s.chain) - 1; i >= 0; i-- {
			steps = append([]Input{executed(s.chain[i])}, steps...)
		}
		if !executedFirst {
			steps = append(steps[4:], steps[:4]...)
		}
		for _, in := range steps[:4] {
			tb.step(1, in)
		}
		out := tb.think(1, steps[4])
		last := out.Reports[len(out.Reports)-1]
		require.Equal(t, ReportViolation, last.Kind)
		require.Contains(t, last.Text, "must be rebuilt")
		require.Nil(t, out.Stable)
		require.Empty(t, out.Send)
		for _, in := range []Input{tb.proposal(0, 5, PathSlow, tb.body("next")), Fired{Timer{Kind: TimerStatus}}, Durable{Height: 4}} {
			out := tb.think(1, in)
			require.Empty(t, out.Send)
			require.Empty(t, out.Records)
		}
	}
}

// Pitfall 13, from behind: the window has moved already (K3), and what comes by catching
// up is another state than the certified one.
func TestPageCatchingUpToAnotherStateStops(t *testing.T) {
	tb := newTable(t, four)
	tb.inject(3, certified(12, ledger.Hash{6}))
	for h := ledger.Height(1); h < 12; h++ {
		tb.step(3, Executed{Height: h, Checkpoint: ledger.Hash{byte(h)}})
	}
	out := tb.think(3, Executed{Height: 12, Checkpoint: ledger.Hash{7}})
	require.Equal(t, ReportViolation, out.Reports[len(out.Reports)-1].Kind)
	require.Empty(t, tb.think(3, Fired{Timer{Kind: TimerStatus}}).Send)
}

// B1, pitfall 5 (PR 704): the body that a view chose is asked for again and again, of one
// replica after the other, and a wrong one is not taken.
func TestPageABodyIsAskedForUntilTheRightOneComes(t *testing.T) {
	tb := newTable(t, four)
	b := tb.body("wanted")
	tb.inject(3, tb.announced(1, func(vc *ViewChange) {
		if vc.From != 1 {
			vc.Slots = []SlotEvidence{{Seq: 1, Accepted: &Known{0, b.Digest}}}
		}
	}))
	s := tb.seats[3]
	require.Equal(t, 1, s.rules[RuleB1])
	require.Len(t, tb.lying(3, 0, OutFetchBody{}), 1)
	require.Len(t, tb.lying(3, 2, OutFetchBody{}), 1, "first of those that showed it")
	asked := map[ledger.ReplicaID]bool{}
	for range 4 {
		tb.drop(anyone, anyone, nil)
		tb.inject(3, Fetched{From: 0, Seq: 1, Body: tb.body("wrong")})
		require.Empty(t, s.votes(1, 1))
		tb.now += Milliseconds(260)
		tb.fire(3, TimerResend, 0)
		for id := range ledger.ReplicaID(3) {
			for _, m := range tb.lying(3, id, OutFetchBody{}) {
				asked[id] = true
				require.Equal(t, OutFetchBody{Seq: 1, Digest: b.Digest}, m)
			}
		}
	}
	require.Len(t, asked, 3)
	tb.inject(3, Fetched{From: 2, Seq: 1, Body: b})
	require.Equal(t, []ledger.Hash{b.Digest}, s.votes(1, 1))
	asksBefore := s.rules[RuleB1]
	tb.later(Milliseconds(260), 3)
	require.Equal(t, asksBefore, s.rules[RuleB1], "then nobody is asked any more")
}

// B2: a body is served by its digest, with the proof once there is one; for anything else
// there is no answer.
func TestPageABodyIsServedByItsDigest(t *testing.T) {
	tb := newTable(t, four)
	tb.stall(1)
	b := tb.body("a")
	tb.inject(1, tb.proposal(0, 1, PathFast, b))
	tb.drop(anyone, anyone, nil)
	tb.inject(1, FetchBody{From: 3, Seq: 1, Digest: ledger.Hash{1}}, FetchBody{From: 3, Seq: 2, Digest: b.Digest},
		FetchBody{From: 3, Seq: 1 << 40, Digest: b.Digest}, FetchBody{From: 1, Seq: 1, Digest: b.Digest}, FetchBody{From: 4, Seq: 1, Digest: b.Digest})
	require.Empty(t, tb.mail)
	require.Zero(t, tb.seats[1].rules[RuleB2])
	tb.inject(1, FetchBody{From: 3, Seq: 1, Digest: b.Digest})
	require.Equal(t, []Message{OutBody{Seq: 1, Body: b}}, tb.lying(1, 3, nil))
	tb.drop(anyone, anyone, nil)
	tb.inject(1, at(0, 1, b).proof(true), FetchBody{From: 3, Seq: 1, Digest: b.Digest})
	require.Equal(t, 2, tb.seats[1].rules[RuleB2])
	require.Len(t, tb.lying(1, 3, OutCommitProof{}), 1)
	tb.inject(3, at(0, 1, b).proof(true))
	require.Zero(t, tb.seats[3].height())
	tb.pass(1, 3, OutBody{})
	require.Equal(t, b.Digest, tb.seats[3].chain[0].Digest)
}
