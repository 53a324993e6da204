package sbft

import (
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// Words that the pages are told in, beyond those of the table.

// fire lets one timer of a replica be due.
func (tb *table) fire(id ledger.ReplicaID, kind TimerKind, seq ledger.Seq) {
	tb.step(id, Fired{Timer{Kind: kind, Seq: seq}})
}

// heartbeat lets replicas hear the primary of their view.
func (tb *table) heartbeat(ids ...ledger.ReplicaID) {
	for _, id := range ids {
		view := tb.seats[id].machine.View()
		tb.step(id, PeerStatus{From: tb.q.Primary(view), View: view, Active: true})
	}
}

// judge lets a replica that has heard its primary ask itself whether to complain.
func (tb *table) judge(id ledger.ReplicaID, after Instant) {
	tb.now += after
	tb.heartbeat(id)
	tb.fire(id, TimerView, 0)
}

// lying are the messages on the table that match.
func (tb *table) lying(from, to ledger.ReplicaID, kind Message) (out []Message) {
	for _, p := range tb.mail {
		if p.is(from, to, kind) {
			out = append(out, p.msg)
		}
	}
	return out
}

// reported counts what a replica told its operator.
func (s *seat) reported(kind ReportKind, about ledger.ReplicaID) (n int) {
	for _, r := range s.reports {
		if r.Kind == kind && r.Replica == about {
			n++
		}
	}
	return n
}

// complaints counts what a replica had to complain about, by rule.
func (s *seat) complaints() [3]int {
	return [3]int{s.rules[RuleC1], s.rules[RuleC2], s.rules[RuleC3]}
}

// fired counts how often a rule was applied at the whole table.
func (tb *table) fired(r Rule) (n int) {
	for _, s := range tb.seats {
		n += s.rules[r]
	}
	return n
}

// votes are the digests that a replica has durably voted for in a slot and view.
func (s *seat) votes(view ledger.View, seq ledger.Seq) (out []ledger.Hash) {
	for _, r := range s.records {
		v, err := ParseVote(r)
		if r.Kind == RecordVote && err == nil && v.Slot.View == view && v.Slot.Seq == seq && !slices.Contains(out, v.Slot.Digest) {
			out = append(out, v.Slot.Digest)
		}
	}
	return out
}

// proposal is one that the primary of a view signed.
func (tb *table) proposal(view ledger.View, seq ledger.Seq, path Path, b *ledger.Body) PrePrepare {
	return PrePrepare{From: tb.q.Primary(view), View: view, Seq: seq, Path: path, Body: b, Signature: signed(b.Digest[:])}
}

func (b bodyAt) proof(fast bool) CommitProof {
	return CommitProof{Slot: SlotID(b), Fast: fast, Certificate: certificate.Certificate("cert")}
}

func (b bodyAt) prepare(from ledger.ReplicaID) Prepare {
	return Prepare{From: from, Slot: SlotID(b), Certificate: certificate.Certificate("cert")}
}

// bodyAt is an attempt to agree on a body.
type bodyAt SlotID

func at(view ledger.View, seq ledger.Seq, b *ledger.Body) bodyAt {
	return bodyAt{View: view, Seq: seq, Digest: b.Digest}
}

func proven(view ledger.View, b *ledger.Body) *Proven {
	return &Proven{Known: Known{view, b.Digest}, Certificate: certificate.Certificate("cert")}
}

// announced is the new-view message of a view over what its first n - f replicas show,
// checked as a replica's ingress does.
func (tb *table) announced(view ledger.View, shows func(vc *ViewChange)) *NewView {
	nv := &NewView{View: view}
	p := tb.c.params(tb.seats[0].node)
	for id := range tb.q.ViewChange() {
		vc := &ViewChange{From: ledger.ReplicaID(id), View: view, Complaints: tb.complaints(view - 1)}
		shows(vc)
		vc.Seal(p.Ledger, p.Epoch)
		vc.Signature = signed(vc.Payload)
		nv.Set, nv.Bodies = append(nv.Set, Reference{vc.From, vc.Digest}), append(nv.Bodies, vc)
	}
	nv.Seal(p.Ledger, p.Epoch)
	nv.Signature = signed(nv.Payload)
	require.NoError(tb.t, nv.Check(p, honest{}))
	return nv
}

// value is what a replica takes a slot to be in its view: accepted, committed, or chosen
// while its body is missing.
func (s *seat) value(seq ledger.Seq) ledger.Hash {
	sl := s.machine.slots[seq]
	switch {
	case sl == nil:
		return ledger.Hash{}
	case sl.committed != nil:
		return sl.proven
	case sl.chosen != nil:
		return *sl.chosen
	case sl.in(s.machine.view):
		return sl.accepted.Digest
	}
	return ledger.Hash{}
}

// stall keeps replicas from executing what is delivered to them.
func (tb *table) stall(ids ...ledger.ReplicaID) {
	for _, id := range ids {
		tb.seats[id].stalled = true
	}
}
