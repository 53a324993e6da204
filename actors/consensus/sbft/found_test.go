package sbft

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// What the simulation found, as pages.

// newViewOf builds view 1 out of what three replicas show.
func (tb *table) newViewOf(slots func(id ledger.ReplicaID) []SlotEvidence) *NewView {
	nv := &NewView{View: 1}
	for id := range ledger.ReplicaID(3) {
		vc := &ViewChange{From: id, View: 1, Complaints: tb.complaints(0), Slots: slots(id)}
		vc.Seal(ledger.ID{}, 0)
		vc.Signature = signed(vc.Payload)
		nv.Set, nv.Bodies = append(nv.Set, Reference{id, vc.Digest}), append(nv.Bodies, vc)
	}
	nv.Seal(ledger.ID{}, 0)
	nv.Signature = signed(nv.Payload)
	return nv
}

func proofFor(view ledger.View, b *ledger.Body) CommitProof {
	return CommitProof{Slot: SlotID{View: view, Seq: 1, Digest: b.Digest}, Certificate: certificate.Certificate("cert")}
}

// An honest primary that was left in an old view proposes what a later one has settled
// otherwise: that is no equivocation.
func TestPageAnHonestPrimaryLeftBehindIsNotAccused(t *testing.T) {
	tb := newTable(t, four)
	later, old := tb.body("later"), tb.body("old")
	tb.inject(3, proofFor(1, later), PrePrepare{From: 0, Seq: 1, Path: PathFast, Body: old, Signature: signed(old.Digest[:])})
	for _, r := range tb.seats[3].reports {
		require.NotEqual(t, ReportEquivocation, r.Kind)
	}
}

// A lying new primary gives one replica another set than the rest: what the rest have
// committed in that view stands, and nobody stops.
func TestPageAnotherSetOfALyingPrimaryStopsNobody(t *testing.T) {
	tb := newTable(t, four)
	b := tb.body("committed by the others")
	tb.inject(3, proofFor(1, b))
	tb.inject(3, tb.newViewOf(func(ledger.ReplicaID) []SlotEvidence {
		return []SlotEvidence{{Seq: 2, Accepted: &Known{0, ledger.Hash{7}}}} // slot 1 becomes null
	}))
	require.True(t, tb.seats[3].machine.Active())
	require.Equal(t, b.Digest, tb.seats[3].machine.slots[1].proven)
}

// The body of a chosen value comes after a checkpoint has settled its slot: the slot may
// be completed, but nothing is voted for any more.
func TestPageABodyThatComesAfterTheCheckpointCausesNoVote(t *testing.T) {
	tb := newTable(t, four)
	b := tb.body("late")
	tb.inject(3, tb.newViewOf(func(ledger.ReplicaID) []SlotEvidence {
		return []SlotEvidence{{Seq: 1, Accepted: &Known{0, b.Digest}}}
	}))
	require.NotNil(t, tb.seats[3].machine.slots[1].chosen)
	tb.inject(3, Checkpoint{Seq: 12, Digest: ledger.Hash{5}, Certificate: certificate.Certificate("cert")})
	before := len(tb.seats[3].records)
	tb.inject(3, Fetched{From: 0, Seq: 1, Body: b})
	require.Len(t, tb.seats[3].records, before)
}
