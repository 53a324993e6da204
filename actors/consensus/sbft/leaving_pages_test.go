package sbft

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
)

// Pages of leaving a view: rules C and V.

// C1, pitfall 5 (a trigger that never fired, June 2022): something is pending and does
// not move, while the primary sends its heartbeats. The replica complains when its
// patience is over, not before, and again as long as there is reason.
func TestPageAPrimaryThatOnlyBeatsItsHeartIsComplainedAbout(t *testing.T) {
	tb := newTable(t, four)
	tb.step(1, Pending{Transactions: 1, Oldest: 1})
	tb.judge(1, Milliseconds(270))
	require.Equal(t, [3]int{}, tb.seats[1].complaints(), "patience: 250 ms and a replica's own share of it")
	tb.judge(1, Milliseconds(10))
	require.Equal(t, [3]int{1, 0, 0}, tb.seats[1].complaints())
	require.Len(t, tb.lying(1, anyone, OutComplaint{}), 3)
	tb.judge(1, Milliseconds(100))
	require.Equal(t, [3]int{1, 0, 0}, tb.seats[1].complaints(), "not with every look")
	tb.judge(1, Milliseconds(200))
	require.Equal(t, [3]int{2, 0, 0}, tb.seats[1].complaints())
	require.True(t, tb.seats[1].machine.Active(), "one complaint moves nobody, not even its sender")
}

// Nothing is pending and the primary is heard: a quiet ledger is no reason.
func TestPageAnIdleLedgerHasNothingToComplainAbout(t *testing.T) {
	tb := newTable(t, four)
	for range 100 {
		for id := ledger.ReplicaID(1); id < 4; id++ {
			tb.judge(id, Milliseconds(100))
			require.Equal(t, [3]int{}, tb.seats[id].complaints())
		}
	}
}

// C1 while moving: the next primary is dead, too. Those who wait for it complain about
// its view, twice as patiently, and meet in the one after.
func TestPageTwoDeadPrimariesInARow(t *testing.T) {
	tb := newTable(t, four)
	tb.leave(0, 0, 2, 3)
	tb.among(0, 2, 3)
	tb.now += Milliseconds(140)
	for _, id := range []ledger.ReplicaID{0, 2, 3} {
		tb.fire(id, TimerView, 0)
		require.Equal(t, [3]int{}, tb.seats[id].complaints(), "two messages may take 5/8 of the patience for a slot")
	}
	tb.now += Milliseconds(60)
	for _, id := range []ledger.ReplicaID{0, 2, 3} {
		tb.fire(id, TimerView, 0)
		require.Equal(t, [3]int{1, 0, 0}, tb.seats[id].complaints())
	}
	tb.among(0, 2, 3)
	for _, id := range []ledger.ReplicaID{0, 2, 3} {
		require.Equal(t, ledger.View(2), tb.seats[id].machine.View())
		require.True(t, tb.seats[id].machine.Active())
	}
	b := tb.offer(2, "goes on")
	tb.among(0, 2, 3)
	require.Equal(t, b.Digest, tb.seats[3].chain[0].Digest)
}

// C1: with each view that brings nothing, a new primary is given twice the time, up to the cap.
func TestPagePatienceWithNewPrimariesDoubles(t *testing.T) {
	tb := newTable(t, four)
	m := tb.seats[3].machine
	var took []Instant
	for view := range ledger.View(8) {
		tb.leave(view, 3)
		took = append(took, m.movePatience())
	}
	base := tb.seats[3].machine.pace.base()
	for i, want := range []Instant{base * 5 / 8, 2 * base, 4 * base, 8 * base, 16 * base, Milliseconds(5000), Milliseconds(5000)} {
		i = min(i, len(took)-1)
		if i == 0 {
			require.InDelta(t, float64(want), float64(took[0]), float64(want)/4)
			continue
		}
		require.InDelta(t, float64(min(want, Milliseconds(5000))), float64(took[i]), float64(want)/4, "view %d", i)
	}
}

// C2: the primary leaves one request out while everything else moves. After ten seconds
// that is a reason; another oldest request starts the count anew.
func TestPageACensoredRequestIsAReason(t *testing.T) {
	tb := newTable(t, four)
	for id := ledger.ReplicaID(1); id < 3; id++ {
		tb.step(id, Pending{Transactions: 1, Oldest: 7})
	}
	for i := range 52 {
		if i == 40 {
			tb.step(2, Pending{Transactions: 1, Oldest: 8}) // 7 was served, as replica 2 sees it
		}
		tb.offer(0, string(rune('a'+i)))
		tb.among(0, 1, 2, 3)
		tb.judge(1, Milliseconds(100))
		tb.judge(2, Milliseconds(100))
		if i < 48 {
			require.Equal(t, [3]int{}, tb.seats[1].complaints(), "slot %d", i)
		}
	}
	require.Equal(t, [3]int{0, 1, 0}, [3]int{tb.seats[1].rules[RuleC1], min(1, tb.seats[1].rules[RuleC2]), tb.seats[1].rules[RuleC3]})
	require.Equal(t, [3]int{}, tb.seats[2].complaints())
}

// C3: the primary says nothing at all. Nothing has to be pending, and f+1 who notice it
// take everyone to a view that works.
func TestPageASilentPrimaryIsLeft(t *testing.T) {
	tb := newTable(t, four)
	for id := ledger.ReplicaID(1); id < 4; id++ {
		tb.heartbeat(id)
	}
	tb.now += Milliseconds(530)
	for id := ledger.ReplicaID(1); id < 4; id++ {
		tb.fire(id, TimerView, 0)
		require.Zero(t, tb.seats[id].rules[RuleC3])
	}
	tb.now += Milliseconds(90)
	for id := ledger.ReplicaID(1); id < 3; id++ {
		tb.fire(id, TimerView, 0)
		require.Equal(t, [3]int{0, 0, 1}, tb.seats[id].complaints())
	}
	tb.among(1, 2, 3)
	for id := ledger.ReplicaID(1); id < 4; id++ {
		require.Equal(t, ledger.View(1), tb.seats[id].machine.View())
		require.True(t, tb.seats[id].machine.Active())
	}
	tb.now += Milliseconds(5000)
	tb.fire(1, TimerView, 0)
	require.Equal(t, [3]int{0, 0, 1}, tb.seats[1].complaints(), "a primary does not miss itself")
}

// C4: f+1 others say that they are ahead: the ledger moves, and what is missing is missing
// here. One who says so may lie.
func TestPageWhoeverIsBehindDoesNotComplain(t *testing.T) {
	for _, ahead := range [][]ledger.ReplicaID{{1}, {1, 2}} {
		tb := newTable(t, four)
		tb.step(3, Pending{Transactions: 1, Oldest: 1})
		for _, id := range ahead {
			tb.inject(3, PeerStatus{From: id, Active: true, Executed: 5, Durable: 5})
		}
		tb.judge(3, Milliseconds(300))
		excused := len(ahead) == 2
		require.Equal(t, excused, tb.seats[3].rules[RuleC4] == 1)
		require.Equal(t, !excused, tb.seats[3].rules[RuleC1] == 1)
		require.Equal(t, excused, len(tb.lying(3, anyone, OutComplaint{})) == 0)
	}
}

// Pitfall 7: a block that takes the whole machine looks like a dead primary; while it is
// executed here, this replica is four times as patient.
func TestPageAHeavyBlockIsNoDeadPrimary(t *testing.T) {
	tb := newTable(t, four)
	tb.stall(1)
	tb.offer(0, "heavy")
	tb.among(0, 1, 2, 3)
	s := tb.seats[1]
	require.Equal(t, 1, s.height())
	tb.step(1, Pending{Transactions: 1, Oldest: 1})
	tb.judge(1, Milliseconds(1050))
	require.Equal(t, [3]int{}, s.complaints())
	tb.step(1, executed(s.chain[0]))
	tb.judge(1, 0)
	require.Equal(t, [3]int{1, 0, 0}, s.complaints(), "now it is the primary's turn")
}

// C5: the f+1 complaints that move a replica take it past the lowest of them: a liar who
// complains about view 10^9 drags nobody there.
func TestPageALiarsFarViewDragsNobodyAlong(t *testing.T) {
	tb := newTable(t, four)
	complain := func(from ledger.ReplicaID, view ledger.View) {
		tb.inject(3, Complaint{From: from, View: view, Signature: signed(ComplaintBytes(ledger.ID{}, 0, from, view))})
	}
	complain(2, 1_000_000_000)
	require.Equal(t, ledger.View(0), tb.seats[3].machine.View())
	complain(1, 0)
	require.Equal(t, ledger.View(1), tb.seats[3].machine.View())
	require.Equal(t, 1, tb.seats[3].rules[RuleC5])
	complain(0, 1)
	require.Equal(t, ledger.View(2), tb.seats[3].machine.View(), "it counts towards each view on the way, one honest one with it")
	require.Len(t, tb.seats[3].machine.moving.complaints, 4, "one a replica is kept")
}

// V1: the move and its reasons are written before the view-change message leaves. A crash
// before that leaves the replica in the old view, one after it in the new one.
func TestPageAMoveIsKeptBeforeItIsTold(t *testing.T) {
	tb := newTable(t, four)
	b := tb.offer(0, "a")
	tb.pass(0, 2, OutPrePrepare{})
	c := tb.complaints(0)
	tb.inject(2, c[0])
	tb.think(2, c[1]) // and crashes
	tb.restart(2)
	require.Equal(t, ledger.View(0), tb.seats[2].machine.View())
	tb.drop(anyone, anyone, nil)

	tb.inject(2, c[0])
	out := tb.think(2, c[1])
	require.Equal(t, RecordView, out.Records[0].Kind)
	tb.carryOut(tb.seats[2], out)
	require.Equal(t, 1, tb.seats[2].rules[RuleV1])
	told := tb.lying(2, 1, OutViewChange{})[0].(OutViewChange).Message
	require.Equal(t, Known{0, b.Digest}, *told.Slots[0].Accepted)
	tb.drop(anyone, anyone, nil)
	tb.restart(2)
	require.Equal(t, ledger.View(1), tb.seats[2].machine.View())
	require.False(t, tb.seats[2].machine.Active())
	again := tb.lying(2, 1, OutViewChange{})[0].(OutViewChange).Message
	require.Equal(t, told.Payload, again.Payload, "after a restart it says the same, with the same reasons")
}

// V2: a view-change message carries its reasons; they move a replica that missed every
// complaint, and it hands them on. With f of them it is no message.
func TestPageAViewChangeMessageMovesWhoMissedTheComplaints(t *testing.T) {
	tb := newTable(t, four)
	tb.leave(0, 1)
	tb.drop(1, anyone, OutComplaint{})
	require.Equal(t, 1, tb.pass(1, 3, OutViewChange{}))
	require.Equal(t, 1, tb.seats[3].rules[RuleV2])
	require.Equal(t, ledger.View(1), tb.seats[3].machine.View())
	handedOn := tb.lying(3, 2, OutViewChange{})[0].(OutViewChange).Message
	require.Equal(t, tb.complaints(0), handedOn.Complaints)
	p := tb.c.params(tb.seats[2].node)
	require.NoError(t, (&ViewChange{From: 3, View: 1, Complaints: handedOn.Complaints, Payload: handedOn.Payload, Signature: signed(handedOn.Payload)}).Check(p, honest{}))
	short := &ViewChange{From: 3, View: 1, Complaints: handedOn.Complaints[:1]}
	short.Seal(p.Ledger, p.Epoch)
	short.Signature = signed(short.Payload)
	require.ErrorIs(t, short.Check(p, honest{}), ErrEvidence)
}

// V3: one message a replica is kept, that of the highest view; neither an old one nor a
// second one for the same view takes its place.
func TestPageOneViewChangeMessageAReplicaIsKept(t *testing.T) {
	tb := newTable(t, four)
	message := func(view ledger.View, slot byte) *ViewChange {
		vc := &ViewChange{From: 3, View: view, Complaints: tb.complaints(view - 1)}
		if slot > 0 {
			vc.Slots = []SlotEvidence{{Seq: 1, Accepted: &Known{0, ledger.Hash{slot}}}}
		}
		vc.Seal(ledger.ID{}, 0)
		vc.Signature = signed(vc.Payload)
		return vc
	}
	first, newer, second, old := message(1, 0), message(3, 0), message(3, 9), message(2, 0)
	heard := func() ledger.Hash { return tb.seats[2].machine.moving.heard[3].Digest }
	tb.inject(2, first)
	require.Equal(t, first.Digest, heard())
	tb.inject(2, newer)
	require.Equal(t, newer.Digest, heard())
	tb.inject(2, second, old)
	require.Equal(t, newer.Digest, heard())
	require.Equal(t, 2, tb.seats[2].rules[RuleV3]-ownMessages(tb.seats[2]), "and its own are not counted")
	require.Len(t, tb.seats[2].machine.moving.heard, 4)
}

// ownMessages counts how often a replica kept its own message: once a view it moved to.
func ownMessages(s *seat) int { return s.rules[RuleV1] }

// A view-change message that is lost is said again, unchanged, until the view is entered.
func TestPageALostViewChangeMessageIsRepeated(t *testing.T) {
	tb := newTable(t, four)
	tb.leave(0, 1, 2, 3)
	tb.drop(anyone, anyone, nil)
	tb.now += Milliseconds(100)
	for id := ledger.ReplicaID(1); id < 4; id++ {
		tb.fire(id, TimerView, 0)
		require.Len(t, tb.lying(id, anyone, OutViewChange{}), 3)
		require.Empty(t, tb.lying(id, anyone, OutComplaint{}), "that needs more patience")
	}
	tb.among(1, 2, 3)
	require.True(t, tb.seats[3].machine.Active())
	tb.now += Milliseconds(260)
	tb.fire(3, TimerView, 0)
	require.Empty(t, tb.lying(3, anyone, OutViewChange{}), "not once it is entered")
}
