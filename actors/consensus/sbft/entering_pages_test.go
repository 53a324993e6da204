package sbft

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// Pages of the new view: rules W.

// W1: the new primary takes exactly n - f messages, its own among them, as soon as it has
// them; what comes later changes nothing, and another number is no new view.
func TestPageANewViewRestsOnExactlyNMinusFMessages(t *testing.T) {
	tb := newTable(t, four)
	tb.leave(0, 0, 1, 2, 3)
	lead := tb.seats[1]
	tb.pass(2, 1, OutViewChange{})
	require.False(t, lead.machine.Active(), "two are not enough")
	tb.pass(3, 1, OutViewChange{})
	require.True(t, lead.machine.Active())
	nv := lead.machine.NewView()
	ids := func(nv *NewView) (out []ledger.ReplicaID) {
		for _, r := range nv.Set {
			out = append(out, r.From)
		}
		return out
	}
	require.Equal(t, []ledger.ReplicaID{1, 2, 3}, ids(nv))
	tb.pass(0, 1, OutViewChange{})
	require.Equal(t, nv.Payload, lead.machine.NewView().Payload)
	require.Equal(t, 1, lead.rules[RuleW1])

	p := tb.c.params(lead.node)
	for _, n := range []int{2, 4} {
		other := &NewView{View: 1}
		for id := range n {
			other.Set = append(other.Set, Reference{From: ledger.ReplicaID(id)}) // #nosec G115 -- small
		}
		other.Seal(p.Ledger, p.Epoch)
		_, err := ParseNewView(p, other.Payload, nil, nil)
		require.ErrorIs(t, err, ErrViewChangeSet)
	}
}

// moves is the view-change message of a replica that has nothing to show.
func (tb *table) moves(from ledger.ReplicaID, view ledger.View) *ViewChange {
	vc := &ViewChange{From: from, View: view, Complaints: tb.complaints(view - 1)}
	vc.Seal(ledger.ID{}, 0)
	vc.Signature = signed(vc.Payload)
	return vc
}

// W1 when the new primary's own message is the last to reach it: it was heard by all the
// others, and still takes n - f, not n. It does not take its message of an earlier view.
func TestPageANewPrimaryWaitsForItsOwnMessage(t *testing.T) {
	tb := newTable(t, four)
	lead := tb.seats[1]
	tb.inject(1, tb.moves(0, 1)) // it would have led view 1, where it has said something
	require.Equal(t, ledger.View(1), lead.machine.moving.heard[1].View)
	own := tb.think(1, tb.moves(0, 5)) // its message for view 5 is on its way to itself
	for _, from := range []ledger.ReplicaID{2, 3} {
		out := tb.think(1, tb.moves(from, 5))
		require.Empty(t, out.Send)
		for _, r := range out.Reports {
			require.NotEqual(t, ReportViolation, r.Kind)
		}
	}
	require.False(t, lead.machine.Active(), "three others have moved, but its own message is missing")
	tb.carryOut(lead, own)
	require.True(t, lead.machine.Active())
	require.Equal(t, ledger.View(5), lead.machine.View())
	var set []ledger.ReplicaID
	for _, r := range lead.machine.NewView().Set {
		set = append(set, r.From)
	}
	require.Equal(t, []ledger.ReplicaID{0, 1, 2}, set)
}

// W1 with c = 1: five of six, even when all six have left.
func TestPageANewViewOfSixTakesFive(t *testing.T) {
	tb := newTable(t, quorum.Config{F: 1, C: 1})
	tb.leave(0, 0, 1, 2, 3, 4, 5)
	tb.among(0, 1, 2, 3, 4, 5)
	for _, s := range tb.seats {
		require.True(t, s.machine.Active())
		require.Len(t, s.machine.NewView().Set, 5)
		require.Equal(t, tb.seats[1].machine.NewView().Payload, s.machine.NewView().Payload)
	}
}

// W2: a commit certificate that one replica holds decides the slot for all, as it was
// decided: it is not agreed again.
func TestPageOneCommitCertificateDecidesTheSlot(t *testing.T) {
	tb := newTable(t, four)
	b := tb.body("decided")
	tb.stall(2) // so that it has the body in memory; the store's blocks travel by height
	tb.inject(2, tb.proposal(0, 1, PathFast, b), at(0, 1, b).proof(true))
	tb.drop(anyone, anyone, nil)
	tb.leave(0, 1, 2, 3)
	tb.among(1, 2, 3)
	for _, id := range []ledger.ReplicaID{1, 3} {
		require.Equal(t, 1, tb.seats[id].rules[RuleW2])
		require.Empty(t, tb.seats[id].votes(1, 1), "nobody votes for it again")
		require.Equal(t, b.Digest, tb.seats[id].value(1))
	}
	for range 3 {
		tb.later(Milliseconds(260), 1, 2, 3)
		tb.among(1, 2, 3)
	}
	for _, id := range []ledger.ReplicaID{1, 3} {
		require.Equal(t, b.Digest, tb.seats[id].chain[0].Digest)
		require.Equal(t, ledger.View(0), tb.seats[id].chain[0].Proof.View)
	}
	for id := ledger.ReplicaID(1); id < 4; id++ {
		require.Empty(t, tb.seats[id].votes(1, 1), "not when the body comes either, nor who had it")
	}
}

// W3: a prepared certificate carries its value when too few show that they accepted it,
// also against one that accepted something else.
func TestPageAPreparedCertificateAloneCarriesItsValue(t *testing.T) {
	tb := newTable(t, four)
	prepared, other := tb.body("prepared"), tb.body("other")
	tb.inject(3, tb.announced(1, func(vc *ViewChange) {
		switch vc.From { // replica 0 lies and shows nothing
		case 1:
			vc.Slots = []SlotEvidence{{Seq: 1, Accepted: &Known{0, other.Digest}}}
		case 2:
			vc.Slots = []SlotEvidence{{Seq: 1, Accepted: &Known{0, prepared.Digest}, Prepared: proven(0, prepared)}}
		}
	}))
	require.Equal(t, prepared.Digest, tb.seats[3].value(1))
	require.Equal(t, 1, tb.seats[3].rules[RuleW3])
	require.Zero(t, tb.seats[3].rules[RuleW4]+tb.seats[3].rules[RuleW5])
	require.Equal(t, SlotID(at(1, 1, prepared)).Digest, tb.lying(3, 2, OutFetchBody{})[0].(OutFetchBody).Digest)
}

// W3: of several prepared certificates the one of the highest view counts, wherever it
// stands in the set. An earlier one was overtaken by what a later view agreed on.
func TestPageTheLatestPreparedCertificateCounts(t *testing.T) {
	for _, holder := range []ledger.ReplicaID{0, 1, 2} {
		tb := newTable(t, four)
		early, late := tb.body("early"), tb.body("late")
		tb.inject(3, tb.announced(3, func(vc *ViewChange) {
			b, view := early, ledger.View(0)
			if vc.From == holder {
				b, view = late, 2
			} else if vc.From == (holder+1)%3 {
				return
			}
			vc.Slots = []SlotEvidence{{Seq: 1, Accepted: &Known{view, b.Digest}, Prepared: proven(view, b)}}
		}))
		require.Equal(t, late.Digest, tb.seats[3].value(1), "shown by replica %d", holder)
		require.Equal(t, 1, tb.seats[3].rules[RuleW3])
	}
}

// Pitfall 3, the other half: what a replica has in its store is still shown as long as no
// checkpoint covers it. Leaving it out would make it free for those who lack it.
func TestPageWhatIsStoredIsShownUntilACheckpointCoversIt(t *testing.T) {
	tb := newTable(t, four)
	for _, tx := range []string{"a", "b", "c", "d", "e", "f"} {
		tb.offer(0, tx)
		tb.among(0, 1, 2, 3)
	}
	s := tb.seats[2]
	require.Equal(t, 6, s.stored)
	tb.leave(0, 2)
	said := tb.lying(2, 1, OutViewChange{})[0].(OutViewChange).Message
	require.Equal(t, ledger.Seq(4), said.Stable.Seq)
	require.Len(t, said.Slots, 2)
	for i, e := range said.Slots {
		require.Equal(t, s.chain[4+i].Seq, e.Seq)
		require.Equal(t, s.chain[4+i].Digest, e.Committed.Digest)
		require.Equal(t, s.chain[4+i].Proof.Certificate, e.Committed.Certificate)
	}
}

// W4, pitfall 1: witnesses of a later view override a prepared certificate, those of its
// own view do not. Played on the machine: the pure rule has its own page.
func TestPageLaterWitnessesOverrideAPreparedValue(t *testing.T) {
	for _, c := range []struct {
		witnesses ledger.View
		want      string
		rule      Rule
	}{{1, "witnessed", RuleW4}, {0, "prepared", RuleW3}} {
		tb := newTable(t, four)
		values := map[string]*ledger.Body{"prepared": tb.body("prepared"), "witnessed": tb.body("witnessed")}
		tb.inject(3, tb.announced(2, func(vc *ViewChange) {
			e := SlotEvidence{Seq: 1, Accepted: &Known{c.witnesses, values["witnessed"].Digest}}
			if vc.From == 2 {
				e = SlotEvidence{Seq: 1, Accepted: &Known{0, values["prepared"].Digest}, Prepared: proven(0, values["prepared"])}
			}
			vc.Slots = []SlotEvidence{e}
		}))
		require.Equal(t, values[c.want].Digest, tb.seats[3].value(1), c.want)
		require.Equal(t, 1, tb.seats[3].rules[c.rule])
	}
}

// W5: f witnesses are not enough: the slot becomes null, and is agreed as such.
func TestPageASlotThatOneReplicaAcceptedBecomesNull(t *testing.T) {
	tb := newTable(t, four)
	b := tb.body("seen by one")
	tb.inject(2, tb.proposal(0, 1, PathFast, b))
	tb.drop(anyone, anyone, nil)
	tb.leave(0, 1, 2, 3)
	tb.among(1, 2, 3)
	for id := ledger.ReplicaID(1); id < 4; id++ {
		require.Equal(t, 1, tb.seats[id].rules[RuleW5])
		require.Equal(t, tb.seats[id].machine.null.Digest, tb.seats[id].chain[0].Digest)
		require.Equal(t, ledger.View(1), tb.seats[id].chain[0].Proof.View)
		require.False(t, tb.seats[id].chain[0].Proof.Fast, "what is chosen is agreed on the slow path")
	}
}

// W6, pitfall 3: the view begins at the highest certified checkpoint of the set. A lagging
// replica's silence about the slots below makes none of them null.
func TestPageTheHighestCertifiedCheckpointIsTakenOver(t *testing.T) {
	tb := newTable(t, four)
	b := tb.body("above")
	tb.inject(3, tb.announced(1, func(vc *ViewChange) {
		switch vc.From {
		case 0:
			vc.Stable = Checkpoint{Seq: 4, Digest: ledger.Hash{7}, Certificate: certificate.Certificate("cert")}
			vc.Slots = []SlotEvidence{{Seq: 6, Accepted: &Known{0, b.Digest}}}
		case 1:
			vc.Slots = []SlotEvidence{{Seq: 3, Accepted: &Known{0, ledger.Hash{1}}}, {Seq: 6, Accepted: &Known{0, b.Digest}}}
		}
	}))
	s := tb.seats[3]
	require.Equal(t, 1, s.rules[RuleW6])
	require.Equal(t, ledger.Seq(4), s.machine.low)
	require.Equal(t, ledger.Seq(4), s.machine.Stable().Seq)
	for seq := ledger.Seq(1); seq <= 4; seq++ {
		require.Zero(t, s.value(seq))
		require.Empty(t, s.votes(1, seq))
	}
	require.Equal(t, s.machine.null.Digest, s.value(5))
	require.Equal(t, b.Digest, s.value(6))
	require.Equal(t, ledger.Seq(6), s.machine.fixed)
	require.True(t, slices.ContainsFunc(s.records, func(r Record) bool { return r.Kind == RecordStable }))
}

// W7: the same set makes the same view, whether its messages come with it or were heard
// before, in whatever order; the new primary has no say.
func TestPageTheSameSetMakesTheSameViewForEveryone(t *testing.T) {
	tb := newTable(t, four)
	committed, prepared, accepted := tb.body("committed"), tb.body("prepared"), tb.body("accepted")
	nv := tb.announced(1, func(vc *ViewChange) {
		if vc.From == 1 {
			vc.Slots = append(vc.Slots, SlotEvidence{Seq: 1, Committed: proven(0, committed)})
		}
		if vc.From == 0 {
			vc.Slots = append(vc.Slots, SlotEvidence{Seq: 2, Prepared: proven(0, prepared)})
		}
		vc.Slots = append(vc.Slots, SlotEvidence{Seq: 5, Accepted: &Known{0, accepted.Digest}})
	})
	bare := *nv
	bare.Bodies = nil
	for name, heard := range map[string][]Input{
		"in full":                {nv},
		"heard before":           {nv.Bodies[0], nv.Bodies[1], nv.Bodies[2], &bare},
		"heard in another order": {nv.Bodies[2], nv.Bodies[0], nv.Bodies[1], &bare},
		"announced in between":   {nv.Bodies[1], &bare, nv.Bodies[2], nv.Bodies[0]},
	} {
		tb := newTable(t, four)
		tb.inject(3, heard...)
		s := tb.seats[3]
		require.Equal(t, 1, s.rules[RuleW7], name)
		require.Equal(t, ledger.Seq(5), s.machine.fixed)
		null := s.machine.null.Digest
		require.Equal(t, []ledger.Hash{committed.Digest, prepared.Digest, null, null, accepted.Digest},
			[]ledger.Hash{s.value(1), s.value(2), s.value(3), s.value(4), s.value(5)}, name)
		require.Equal(t, []ledger.Hash{null}, s.votes(1, 3))
	}
}

// The primary may propose nothing else for a slot that the new view fixed, even before its
// body is here.
func TestPageTheNewPrimaryCannotChangeWhatTheViewFixed(t *testing.T) {
	tb := newTable(t, four)
	fixed, other := tb.body("fixed"), tb.body("other")
	tb.inject(3, tb.announced(1, func(vc *ViewChange) {
		vc.Slots = []SlotEvidence{{Seq: 1, Accepted: &Known{0, fixed.Digest}}}
	}))
	tb.inject(3, tb.proposal(1, 1, PathSlow, other))
	require.Empty(t, tb.seats[3].votes(1, 1))
	require.Equal(t, fixed.Digest, tb.seats[3].value(1))
	tb.inject(3, tb.proposal(1, 1, PathSlow, fixed))
	require.Equal(t, []ledger.Hash{fixed.Digest}, tb.seats[3].votes(1, 1), "what it fixed may come this way, too")
	tb.inject(3, tb.proposal(1, 1, PathSlow, other))
	require.Equal(t, []ledger.Hash{fixed.Digest}, tb.seats[3].votes(1, 1))
	tb.inject(3, tb.proposal(1, 2, PathSlow, other))
	require.Equal(t, []ledger.Hash{other.Digest}, tb.seats[3].votes(1, 2), "above, it is free")
}

// W8: whoever lacks messages of the set asks one replica after the other for all of them,
// the primary first, as long as it takes.
func TestPageTheSetIsAskedForInTurn(t *testing.T) {
	tb := newTable(t, four)
	tb.leave(0, 0, 1, 2, 3)
	tb.drop(anyone, 3, OutViewChange{})
	tb.pass(anyone, 1, OutViewChange{})
	tb.pass(1, 3, OutNewView{})
	require.False(t, tb.seats[3].machine.Active(), "announced, but not understood yet")
	require.Len(t, tb.lying(3, 1, OutFetchNewView{}), 1)
	asked := map[ledger.ReplicaID]bool{}
	for range 4 {
		tb.drop(anyone, anyone, nil)
		tb.now += Milliseconds(260)
		tb.fire(3, TimerView, 0)
		for id := range ledger.ReplicaID(3) {
			if len(tb.lying(3, id, OutFetchNewView{})) > 0 {
				asked[id] = true
			}
		}
	}
	require.Len(t, asked, 3, "whoever is left has it")
	require.Greater(t, tb.seats[3].rules[RuleW8], 3)
	tb.pass(3, 1, OutFetchNewView{})
	tb.inject(1, FetchNewView{From: 3, View: 1})
	tb.pass(1, 3, OutNewView{})
	require.True(t, tb.seats[3].machine.Active())
}

// W9: a replica that was away follows a full message into whatever view it is for; a bare
// one shows it no reason, so it asks.
func TestPageOnlyAFullMessageTakesAReplicaAlong(t *testing.T) {
	tb := newTable(t, four)
	nv := tb.announced(9, func(*ViewChange) {})
	bare := *nv
	bare.Bodies = nil
	tb.inject(3, &bare)
	require.Equal(t, ledger.View(0), tb.seats[3].machine.View())
	require.True(t, tb.seats[3].machine.Active())
	require.Len(t, tb.lying(3, 1, OutFetchNewView{}), 1, "replica 1 is the primary of view 9")
	tb.inject(3, nv)
	require.Equal(t, ledger.View(9), tb.seats[3].machine.View())
	require.True(t, tb.seats[3].machine.Active())
	require.Equal(t, 1, tb.seats[3].rules[RuleW9])
	tb.inject(3, tb.announced(5, func(*ViewChange) {}))
	require.Equal(t, ledger.View(9), tb.seats[3].machine.View(), "A11: never back")
}

// A proposal that overtakes its new-view message is kept, and taken once the view is
// entered.
func TestPageAProposalThatOvertakesItsNewViewIsNotLost(t *testing.T) {
	tb := newTable(t, four)
	b := tb.body("early")
	tb.leave(0, 3)
	tb.inject(3, tb.proposal(1, 1, PathSlow, b))
	require.Empty(t, tb.seats[3].votes(1, 1), "no vote in a view that is not entered")
	tb.inject(3, tb.announced(1, func(*ViewChange) {}))
	require.Equal(t, []ledger.Hash{b.Digest}, tb.seats[3].votes(1, 1))
}

// Pitfall 11: what is signed is one explicit layout. Each message that replicas sign is
// read back to the same value and written to the same bytes, a byte more or less is no
// message, and no bytes are two kinds of message.
func TestPageWhatIsSignedIsWhatIsRead(t *testing.T) {
	tb := newTable(t, four)
	b := tb.body("a")
	p := tb.c.params(tb.seats[0].node)
	nv := tb.announced(1, func(vc *ViewChange) {
		vc.Stable = certified(4, ledger.Hash{1})
		vc.Slots = []SlotEvidence{{Seq: 5, Committed: proven(0, b)}, {Seq: 6, Prepared: proven(0, b), Accepted: &Known{0, b.Digest}}}
	})
	for _, vc := range nv.Bodies {
		read, err := ParseViewChange(p, vc.Payload, vc.Signature)
		require.NoError(t, err)
		require.Equal(t, vc, read)
		for _, odd := range [][]byte{append(slices.Clone(vc.Payload), 0), vc.Payload[:len(vc.Payload)-1], nv.Payload} {
			_, err := ParseViewChange(p, odd, vc.Signature)
			require.ErrorIs(t, err, ErrEvidence)
		}
	}
	read, err := ParseNewView(p, nv.Payload, nv.Signature, nil)
	require.NoError(t, err)
	require.Equal(t, nv.Set, read.Set)
	for _, odd := range [][]byte{append(slices.Clone(nv.Payload), 0), nv.Payload[:len(nv.Payload)-1], nv.Bodies[0].Payload} {
		_, err := ParseNewView(p, odd, nv.Signature, nil)
		require.ErrorIs(t, err, ErrEvidence)
	}
}
