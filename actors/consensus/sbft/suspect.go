package sbft

import "github.com/concordat-ledger/concordat/ledger"

// equivocation makes a proof out of a second proposal for a slot.
func (m *Machine) equivocation(s *slot, in PrePrepare, out *Output) {
	m.report(out, Report{Kind: ReportEquivocation, Replica: in.From, Seq: in.Seq})
	m.prove(s, in.View, SignedProposal{in.Path, in.Body.Digest, in.Signature}, out)
}

// prove compares a signed head with the one that was accepted here.
func (m *Machine) prove(s *slot, view ledger.View, second SignedProposal, out *Output) bool {
	if s.head == nil || s.head.view != view || s.head.Digest == second.Digest {
		return false
	}
	m.rule(out, RuleE1)
	out.Equivocations = append(out.Equivocations, Equivocation{View: view, Seq: s.seq, First: s.head.SignedProposal, Second: second})
	return true
}

// suspect is called with every value that is seen for a slot. One that differs from
// what the primary of its view signed for us means that the primary may have signed
// two: our half of the proof goes to everyone, once.
func (m *Machine) suspect(s *slot, seen Known, out *Output) {
	if s.head == nil || s.head.told || s.head.view != seen.View || s.head.Digest == seen.Digest {
		return
	}
	s.head.told = true
	m.rule(out, RuleE2)
	m.broadcast(out, OutAccusation{View: s.head.view, Seq: s.seq, Proposal: s.head.SignedProposal})
}

// onAccusation completes the proof if this replica has the other half.
func (m *Machine) onAccusation(in Accusation, out *Output) {
	s := m.slots[in.Seq]
	if s == nil || m.p.Quorum.Primary(in.View) == m.p.Self {
		return
	}
	if m.prove(s, in.View, in.Proposal, out) {
		m.suspect(s, Known{in.View, in.Proposal.Digest}, out) // the accuser lacks our half
	}
}

// suspectAll looks at what a view-change message shows of each slot.
func (m *Machine) suspectAll(in *ViewChange, out *Output) {
	for i := range in.Slots {
		e := &in.Slots[i]
		s := m.slots[e.Seq]
		if s == nil || in.From == m.p.Self {
			continue
		}
		if e.Accepted != nil {
			m.suspect(s, *e.Accepted, out)
		}
		for _, p := range []*Proven{e.Prepared, e.Committed} {
			if p != nil {
				m.suspect(s, p.Known, out)
			}
		}
	}
}
