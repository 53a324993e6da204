package sbft

import (
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// onPrePrepare is rule 2 of SBFT's normal case: accept one digest per slot and
// view, from the view's primary, inside the window and above what the new view
// fixed; persist it and the vote, then send the shares.
func (m *Machine) onPrePrepare(in PrePrepare, out *Output) {
	if !m.accepts(in.From, in.View, in.Seq, out) {
		return
	}
	if in.From != m.primaryID() || in.From == m.p.Self {
		m.report(out, Report{Kind: ReportNotPrimary, Replica: in.From, Seq: in.Seq})
		return
	}
	s := m.slot(in.Seq)
	m.pace.heard = m.now
	switch {
	case !m.active: // the new-view message travels beside it
		if s.early == nil {
			s.early = &in
		}
	case in.Seq <= m.fixed:
		m.supply(s, in.Body, out)
	case s.in(m.view) && s.accepted.Digest != in.Body.Digest:
		m.equivocation(s, in, out)
	case s.in(m.view): // a repetition: something was lost, so repeat what we said
		m.supply(s, in.Body, out)
		m.repeatVotes(s, out)
	default:
		m.take(s, in, out)
	}
}

// take accepts a fresh proposal and votes for it.
func (m *Machine) take(s *slot, in PrePrepare, out *Output) {
	if s.committed != nil && s.proven != in.Body.Digest {
		if s.committed.View == in.View { // of another view it is an honest primary that was left behind
			m.report(out, Report{Kind: ReportEquivocation, Replica: in.From, Seq: in.Seq})
		}
		return
	}
	if in.Body.Time > in.Clock+m.p.ClockBound || !m.timeFollows(s.seq, in.Body.Time) {
		m.report(out, Report{Kind: ReportBadTime, Replica: in.From, Seq: in.Seq})
		return
	}
	if !s.stored {
		s.keepBody(in.Body, false)
	}
	m.accept(s, in.Body.Digest, in.Path, &SignedProposal{in.Path, in.Body.Digest, in.Signature}, out)
	m.rule(out, RuleN2)
	if s.committed == nil {
		m.vote(s, out)
	}
}

// timeFollows checks that block time grows along the chain, against the nearest
// neighbours that are known. Execution holds the order in any case: a new view may
// bring an old proposal behind a younger one.
func (m *Machine) timeFollows(seq ledger.Seq, at ledger.Time) bool {
	before := m.lastTime
	if t := m.timeOf(seq - 1); t > 0 {
		before = t
	} else if seq != m.delivered+1 {
		before = min(before, at-1) // unknown neighbour
	}
	after := m.timeOf(seq + 1)
	return at > before && (after == 0 || after > at)
}

// timeOf is the time of the value accepted for a slot; 0: unknown, or null.
func (m *Machine) timeOf(seq ledger.Seq) ledger.Time {
	if s := m.slots[seq]; s != nil && s.accepted != nil {
		if b := s.body(s.accepted.Digest); b != nil {
			return b.Time
		}
	}
	return 0
}

// fastReach bounds how far ahead of execution a fast share is given: win/4
// (SBFT section 6), so that σ(h) proves that execution keeps up.
func (m *Machine) fastReach() int { return max(m.p.Window/4, 1) }

// vote makes this replica's votes for the slot's value durable and sends them.
func (m *Machine) vote(s *slot, out *Output) {
	id := s.id()
	fast := s.path == PathFast && s.seq <= m.executed+ledger.Seq(m.fastReach()) // #nosec G115 -- positive
	s.signed, s.signedF = true, fast
	out.Records = append(out.Records, Vote{Epoch: m.p.Epoch, Phase: certificate.Prepare, Slot: id}.Record())
	if fast {
		m.rule(out, RuleF1)
		out.Records = append(out.Records, Vote{Epoch: m.p.Epoch, Phase: certificate.Fast, Slot: id}.Record())
	}
	m.sendVotes(s, out)
	m.armCollector(s, out)
	m.armResend(out)
}

// mayVote reports whether this replica's votes for a slot may leave now.
func (m *Machine) mayVote(s *slot) bool { return m.active && s.signed && s.in(m.view) }

// sendVotes sends the shares to the slot's collectors and the primary. A share
// for oneself travels the same way: the shell signs it and gives it back.
func (m *Machine) sendVotes(s *slot, out *Output) {
	msg := OutSignShare{Slot: s.id(), Fast: s.signedF}
	for _, to := range m.collectors(s.seq, s.path) {
		m.send(out, to, msg)
	}
}

// repeatVotes answers a repeated proposal or our own resend timer.
func (m *Machine) repeatVotes(s *slot, out *Output) {
	if s.committed != nil {
		if m.isCollector(s) {
			m.broadcast(out, m.proofOf(s))
		}
		return
	}
	if !m.mayVote(s) {
		return
	}
	m.sendVotes(s, out)
	if m.preparedNow(s) {
		m.sendCommitShare(s, out)
	}
}

// preparedNow reports whether the slot is prepared in the current view.
func (m *Machine) preparedNow(s *slot) bool { return s.prepared != nil && s.prepared.View == m.view }

// sendCommitShare votes over the prepared certificate. The records that allow it
// were written when the certificate was accepted.
func (m *Machine) sendCommitShare(s *slot, out *Output) {
	for _, to := range m.collectors(s.seq, s.path) {
		m.send(out, to, OutCommitShare{Slot: s.id()})
	}
}

// onPrepare is step 4 of the slow path: record τ(h) before the commit share
// leaves.
func (m *Machine) onPrepare(in Prepare, out *Output) {
	if !m.accepts(in.From, in.Slot.View, in.Slot.Seq, out) {
		return
	}
	s := m.slot(in.Slot.Seq)
	if s.committed != nil || m.preparedNow(s) || !m.mayVote(s) || s.accepted.Digest != in.Slot.Digest {
		return // committed, known, or the proposal is missing: it will be repeated
	}
	s.prepared, s.moved = &Proven{Known: Known{in.Slot.View, in.Slot.Digest}, Certificate: in.Certificate}, m.now
	rec := preparedRecord{epoch: m.p.Epoch, slot: in.Slot, cert: in.Certificate}
	m.rule(out, RuleS1)
	out.Records = append(out.Records, rec.record(),
		Vote{Epoch: m.p.Epoch, Phase: certificate.Commit, Slot: in.Slot}.Record())
	m.sendCommitShare(s, out)
}
