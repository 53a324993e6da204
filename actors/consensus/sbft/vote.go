package sbft

import (
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// onPrePrepare is rule 2 of SBFT's normal case: accept one digest per slot and
// view, from the view's primary, inside the window; persist it and the vote,
// then send the shares.
func (m *Machine) onPrePrepare(in PrePrepare, out *Output) {
	if !m.accepts(in.From, in.View, in.Seq, out) {
		return
	}
	if in.From != m.p.Quorum.Primary(m.view) || in.From == m.p.Self {
		m.report(out, Report{Kind: ReportNotPrimary, Replica: in.From, Seq: in.Seq})
		return
	}
	s := m.slot(in.Seq)
	switch {
	case s.body == nil:
	case s.body.Digest != in.Body.Digest:
		m.report(out, Report{Kind: ReportEquivocation, Replica: in.From, Seq: in.Seq})
		out.Equivocations = append(out.Equivocations, Equivocation{View: m.view, Seq: s.seq,
			First:  SignedProposal{s.path, s.body.Digest, s.signature},
			Second: SignedProposal{in.Path, in.Body.Digest, in.Signature}})
		return
	default: // a repetition: something was lost, so repeat what we said
		m.repeatVotes(s, out)
		return
	}
	if s.committed != nil && s.proven != in.Body.Digest {
		m.report(out, Report{Kind: ReportEquivocation, Replica: in.From, Seq: in.Seq})
		return
	}
	if in.Body.Time > in.Clock+m.p.ClockBound || !m.timeFollows(s.seq, in.Body.Time) {
		m.report(out, Report{Kind: ReportBadTime, Replica: in.From, Seq: in.Seq})
		return
	}
	m.accept(s, in.Body, in.Path, in.Signature, out)
	if s.committed == nil {
		m.vote(s, out)
	}
}

// timeFollows checks that block time grows along the chain, against the nearest
// neighbours that are known.
func (m *Machine) timeFollows(seq ledger.Seq, at ledger.Time) bool {
	before := m.lastTime
	if s := m.slots[seq-1]; s != nil && s.body != nil {
		before = s.body.Time
	} else if seq != m.delivered+1 {
		before = min(before, at-1) // unknown neighbour: checked again when delivered
	}
	after := m.slots[seq+1]
	return at > before && (after == nil || after.body == nil || after.body.Time > at)
}

// fastReach bounds how far ahead of execution a fast share is given: win/4
// (SBFT section 6), so that σ(h) proves that execution keeps up.
func (m *Machine) fastReach() int { return max(m.p.Window/4, 1) }

// vote makes this replica's votes for an accepted slot durable and sends them.
func (m *Machine) vote(s *slot, out *Output) {
	id := s.id(m.view)
	fast := s.path == PathFast && s.seq <= m.executed+ledger.Seq(m.fastReach()) // #nosec G115 -- positive
	s.signed, s.signedF = true, fast
	out.Records = append(out.Records, Vote{Epoch: m.p.Epoch, Phase: certificate.Prepare, Slot: id}.Record())
	if fast {
		out.Records = append(out.Records, Vote{Epoch: m.p.Epoch, Phase: certificate.Fast, Slot: id}.Record())
	}
	m.sendVotes(s, out)
	m.armCollector(s, out)
	m.armResend(out)
}

// sendVotes sends the shares to the slot's collectors and the primary. A share
// for oneself travels the same way: the shell signs it and gives it back.
func (m *Machine) sendVotes(s *slot, out *Output) {
	msg := OutSignShare{Slot: s.id(m.view), Fast: s.signedF}
	for _, to := range m.collectors(s.seq, s.path) {
		m.send(out, to, msg)
	}
}

// repeatVotes answers a repeated proposal or our own resend timer.
func (m *Machine) repeatVotes(s *slot, out *Output) {
	switch {
	case s.committed != nil:
		if s.body != nil && m.isCollector(s) {
			m.broadcast(out, m.proofOf(s))
		}
		return
	case !s.signed || s.body == nil:
		return
	}
	m.sendVotes(s, out)
	if s.prepared != nil {
		m.sendCommitShare(s, out)
	}
}

// sendCommitShare votes over the prepared certificate. The records that allow it
// were written when the certificate was accepted.
func (m *Machine) sendCommitShare(s *slot, out *Output) {
	for _, to := range m.collectors(s.seq, s.path) {
		m.send(out, to, OutCommitShare{Slot: s.id(m.view)})
	}
}

// onPrepare is step 4 of the slow path: record τ(h) before the commit share
// leaves.
func (m *Machine) onPrepare(in Prepare, out *Output) {
	if !m.accepts(in.From, in.Slot.View, in.Slot.Seq, out) {
		return
	}
	s := m.slot(in.Slot.Seq)
	if s.committed != nil || s.prepared != nil || s.body == nil || s.body.Digest != in.Slot.Digest || !s.signed {
		return // committed, known, or the proposal is missing: it will be repeated
	}
	s.prepared, s.moved = in.Certificate, m.now
	rec := preparedRecord{epoch: m.p.Epoch, slot: in.Slot, cert: in.Certificate}
	out.Records = append(out.Records, rec.record(),
		Vote{Epoch: m.p.Epoch, Phase: certificate.Commit, Slot: in.Slot}.Record())
	m.sendCommitShare(s, out)
}
