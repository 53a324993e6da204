package sbft

import (
	"maps"
	"slices"

	"github.com/concordat-ledger/concordat/ledger"
)

// onCommitProof commits by a verified certificate, whatever path and view it came
// by: a commit certificate is final. The body may still be missing; the slot is
// then delivered when it arrives.
func (m *Machine) onCommitProof(in CommitProof, out *Output) {
	if !m.known(in.Slot.Seq) {
		return // older than we need, or so new that catching up will bring it
	}
	m.commit(m.slot(in.Slot.Seq), in.Slot.Digest, Proof{View: in.Slot.View, Fast: in.Fast, Certificate: in.Certificate}, out)
}

// commit makes a slot final. A certificate for another digest than the accepted
// one wins over it: the proposal we hold came from an equivocating primary.
func (m *Machine) commit(s *slot, digest ledger.Hash, proof Proof, out *Output) {
	if s.committed != nil {
		if s.proven != digest {
			m.violation(out, s.seq, "slot %d is committed as %s and as %s: more than f replicas are faulty", s.seq, s.proven, digest)
		}
		return
	}
	s.committed, s.proven, s.moved = &proof, digest, m.now
	m.top = max(m.top, s.seq)
	m.suspect(s, Known{proof.View, digest}, out)
	if digest == m.null.Digest {
		s.keepBody(m.null, false)
	}
	m.cancel(out, TimerCollect, s.seq)
	kind := ReportCommittedSlow
	if proof.Fast {
		kind = ReportCommittedFast
	}
	took := Instant(0)
	if s.acceptedAt > 0 {
		took = m.now - s.acceptedAt
		m.patient.observe(took, proof.Fast)
		m.pace.observe(took)
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
	if s.body(digest) == nil {
		m.armResend(out)
	}
}

func (m *Machine) proofOf(s *slot) OutCommitProof {
	return OutCommitProof{Slot: SlotID{View: s.committed.View, Seq: s.seq, Digest: s.proven},
		Fast: s.committed.Fast, Certificate: s.committed.Certificate}
}

// deliver hands committed slots to execution, in order and without gaps.
func (m *Machine) deliver(out *Output) {
	for !m.halted {
		s := m.slots[m.delivered+1]
		if s == nil || s.committed == nil {
			return
		}
		body := s.body(s.proven)
		if body == nil {
			return
		}
		m.delivered++
		m.lastTime = max(m.lastTime, body.Time)
		m.pace.progress(m.now)
		if m.delivered > m.fixed {
			m.moving.attempts = 0
		}
		m.rule(out, RuleN3)
		out.Deliver = append(out.Deliver, Decision{Seq: s.seq, Body: body, Proof: *s.committed})
	}
}

// onExecuted moves the watermark of execution. Blocks that came by catching up
// move delivery along, and are evidence like those agreed here.
func (m *Machine) onExecuted(in Executed, out *Output) {
	seq := ledger.Seq(in.Height)
	m.executed = max(m.executed, seq)
	if seq > m.delivered {
		m.delivered = seq
		m.pace.progress(m.now)
	}
	m.primary.next = max(m.primary.next, m.executed+1)
	if in.Digest != (ledger.Hash{}) && m.inWindow(seq) {
		m.commit(m.slot(seq), in.Digest, in.Proof, out)
		m.lastTime = max(m.lastTime, in.Time)
	}
	if s := m.checkpoints.stable; in.Checkpoint != (ledger.Hash{}) && seq == s.Seq && in.Checkpoint != s.Digest {
		m.diverged(out, seq, "2f+c+1 replicas certify %s as the state after %d, here it is %s: this replica must be rebuilt", s.Digest, seq, in.Checkpoint)
		return
	}
	if in.Checkpoint != (ledger.Hash{}) {
		m.noteCheckpoint(seq, in.Checkpoint)
		m.compareCheckpoint(out)
		m.signCheckpoints(out) // the store may have been faster
	}
	m.forget()
}

// onDurable notes what the store has: bodies need not be kept here any more, and
// checkpoints up to there may be signed.
func (m *Machine) onDurable(in Durable, out *Output) {
	to := ledger.Seq(in.Height)
	if to <= m.durable {
		return
	}
	for seq := max(m.durable, m.floor()) + 1; seq <= min(to, m.low+m.window()); seq++ {
		if s := m.slots[seq]; s != nil && s.committed != nil {
			s.stored, s.bodies = true, nil
		}
	}
	m.durable = to
	m.onExecuted(Executed{Height: in.Height}, out)
	m.signCheckpoints(out)
}

// forget drops slots that nobody needs any more.
func (m *Machine) forget() {
	floor := m.floor()
	if floor > m.checkpoints.forgotten {
		m.sortedForget(floor)
		m.checkpoints.forgotten = floor
	}
}

// sortedForget goes over the slots that there are, not over all numbers: a certified
// checkpoint may be far ahead. The order does not show.
func (m *Machine) sortedForget(floor ledger.Seq) {
	for seq := range m.slots {
		if seq <= floor {
			delete(m.slots, seq)
		}
	}
}

// sortedSettle takes all slots up to a certified checkpoint out of the vote. What stays
// of them is completed, never voted for again.
func (m *Machine) sortedSettle(to ledger.Seq) {
	for _, seq := range slices.Sorted(maps.Keys(m.slots)) {
		if seq <= to {
			m.slots[seq].leaveView()
		}
	}
}

// onRedeliver goes back to a height that execution lost. What is no longer kept
// here is in the store or comes by catching up.
func (m *Machine) onRedeliver(in Redeliver) {
	if in.From == 0 {
		return
	}
	back := max(ledger.Seq(in.From)-1, m.durable)
	m.delivered = min(m.delivered, back)
	m.executed = min(m.executed, back)
}
