package sbft

import "github.com/concordat-ledger/concordat/ledger"

// onCommitProof commits by a verified certificate, whatever path it came by. The
// body may still be missing; the slot is then delivered when it arrives.
func (m *Machine) onCommitProof(in CommitProof, out *Output) {
	if in.Slot.Seq <= m.low || !m.inWindow(in.Slot.Seq) {
		return // older than we need, or so new that catching up will bring it
	}
	s := m.slot(in.Slot.Seq)
	if s.committed != nil {
		return
	}
	m.commit(s, in.Slot.Digest, Proof{View: in.Slot.View, Fast: in.Fast, Certificate: in.Certificate}, out)
}

// commit makes a slot final. A certificate for another digest than the accepted
// one wins over it: the proposal we hold came from an equivocating primary.
func (m *Machine) commit(s *slot, digest ledger.Hash, proof Proof, out *Output) {
	if s.committed != nil {
		return
	}
	s.committed, s.proven, s.moved = &proof, digest, m.now
	if s.body != nil && s.body.Digest != digest {
		m.report(out, Report{Kind: ReportEquivocation, Replica: m.p.Quorum.Primary(m.view), Seq: s.seq})
		s.body = nil
	}
	m.cancel(out, TimerCollect, s.seq)
	kind := ReportCommittedSlow
	if proof.Fast {
		kind = ReportCommittedFast
	}
	took := Instant(0)
	if s.accepted > 0 {
		took = m.now - s.accepted
		m.patient.observe(took, proof.Fast)
	}
	m.report(out, Report{Kind: kind, Seq: s.seq, Took: took})
	if m.isPrimary() {
		before := m.path.now
		m.path.committed(s.seq, proof.Fast, m.p.Quorum)
		if m.path.now != before {
			m.report(out, Report{Kind: ReportPathChanged, Seq: s.seq, Path: m.path.now})
		}
	}
	s.tallies = nil
}

func (m *Machine) proofOf(s *slot) OutCommitProof {
	return OutCommitProof{Slot: SlotID{View: s.committed.View, Seq: s.seq, Digest: s.proven},
		Fast: s.committed.Fast, Certificate: s.committed.Certificate}
}

// deliver hands committed slots to execution, in order and without gaps.
func (m *Machine) deliver(out *Output) {
	for {
		s := m.slots[m.delivered+1]
		if s == nil || s.committed == nil || s.body == nil {
			return
		}
		m.delivered++
		m.lastTime = max(m.lastTime, s.body.Time)
		out.Deliver = append(out.Deliver, Decision{Seq: s.seq, Body: s.body, Proof: *s.committed})
	}
}

// onExecuted moves the watermark of execution. Blocks that came by catching up
// move delivery along.
func (m *Machine) onExecuted(in Executed) {
	m.executed = max(m.executed, ledger.Seq(in.Height))
	m.delivered = max(m.delivered, m.executed)
	m.primary.next = max(m.primary.next, m.executed+1)
}

// onDurable moves the low watermark and forgets what lies below.
func (m *Machine) onDurable(in Durable) {
	to := ledger.Seq(in.Height)
	if to <= m.low {
		return
	}
	// #nosec G115 -- positive
	if to-m.low > ledger.Seq(m.p.Window) {
		m.slots = map[ledger.Seq]*slot{}
	} else {
		for seq := m.low + 1; seq <= to; seq++ {
			delete(m.slots, seq)
		}
	}
	m.low = to
	m.onExecuted(Executed{Height: in.Height})
}

// onRedeliver goes back to a height that execution lost. What is no longer kept
// here is in the store or comes by catching up.
func (m *Machine) onRedeliver(in Redeliver, out *Output) {
	if in.From == 0 {
		return
	}
	back := max(ledger.Seq(in.From)-1, m.low)
	m.delivered = min(m.delivered, back)
	m.executed = min(m.executed, back)
}
