package sbft

import "github.com/concordat-ledger/concordat/ledger"

// onStarted repeats what this replica had said before a restart; it needs no
// memory of what was lost.
func (m *Machine) onStarted(out *Output) {
	m.since, m.pace.heard, m.pace.moved = m.now, m.now, m.now
	for seq := m.low + 1; seq <= m.low+m.window(); seq++ {
		s := m.slots[seq]
		if s == nil {
			continue
		}
		s.moved = m.now
		if s.chosen != nil && s.body(*s.chosen) != nil && m.active {
			m.acceptChosen(s, out)
		}
		if m.active && s.in(m.view) && !s.signed && s.committed == nil { // it was committed before the restart, by a proof that is not kept
			m.vote(s, out)
		}
		if m.mayVote(s) {
			s.acceptedAt = m.now
			m.rule(out, RuleR1)
			m.repeat(s, out)
			m.armCollector(s, out)
		}
	}
	if m.view > 0 {
		m.rule(out, RuleR2)
	}
	if !m.active {
		m.testify(out)
	}
	m.signCheckpoints(out)
	m.armResend(out)
	m.armView(out)
	m.arm(out, TimerStatus, 0, 1)
}

func (m *Machine) onFired(in Fired, out *Output) {
	switch in.Timer.Kind {
	case TimerCollect:
		m.onCollectTimer(in.Timer.Seq, out)
	case TimerBatch:
		m.primary.waiting, m.primary.waitedLong = false, true
	case TimerResend:
		m.resendArmed = false
		m.onResend(out)
	case TimerStatus:
		m.onStatusTimer(out)
	case TimerView:
		m.onViewTimer(out)
	}
}

func (m *Machine) armResend(out *Output) {
	if !m.resendArmed {
		m.resendArmed = true
		m.arm(out, TimerResend, 0, m.p.Timing.Resend)
	}
}

// resendSlotsMax bounds what one resend repeats; the oldest slots matter most.
const resendSlotsMax = 4

// onResend repeats the oldest slots that have not moved for a while. After a view
// change a slot may be delivered here and still be worked on by others, hence all
// slots above the checkpoint.
func (m *Machine) onResend(out *Output) {
	pending, repeated := false, 0
	for seq := m.floor() + 1; seq <= m.low+m.window(); seq++ {
		s := m.slots[seq]
		if s == nil || s.stored || s.committed != nil && (seq <= m.delivered || s.body(s.proven) != nil) {
			continue
		}
		if s.committed == nil && s.accepted == nil && s.chosen == nil {
			continue
		}
		pending = true
		if repeated < resendSlotsMax && m.now-s.moved >= m.p.Timing.Resend {
			s.moved = m.now
			repeated++
			m.fetchAgain(s, out)
			m.repeat(s, out)
		}
	}
	if pending {
		m.armResend(out)
	}
}

// repeat says again what this replica knows of a slot: the primary its proposal,
// everyone their votes, a collector its certificates.
func (m *Machine) repeat(s *slot, out *Output) {
	if s.committed != nil || !m.mayVote(s) {
		return
	}
	if m.isPrimary() && s.seq > m.fixed {
		m.broadcast(out, m.proposalOf(s))
	}
	if m.preparedNow(s) && m.isCollector(s) {
		m.broadcast(out, OutPrepare{Slot: s.id(), Certificate: s.prepared.Certificate})
	}
	m.repeatVotes(s, out)
}

// proposalOf is our own proposal of the current view; the shell signs it again.
func (m *Machine) proposalOf(s *slot) OutPrePrepare {
	return OutPrePrepare{View: m.view, Seq: s.seq, Path: s.path, Body: s.body(s.accepted.Digest)}
}

func (m *Machine) onStatusTimer(out *Output) {
	st := PeerStatus{View: m.view, Active: m.active, Executed: ledger.Height(m.executed), Durable: ledger.Height(m.durable), Stable: m.low}
	wait := m.p.Timing.StatusBusy
	if st == m.statusSent {
		wait = m.p.Timing.StatusIdle
	}
	if m.isPrimary() {
		wait = m.p.Timing.Heartbeat
	}
	m.statusSent = st
	m.tellStatus(st, out)
	m.repeatCheckpoints(out)
	m.arm(out, TimerStatus, 0, wait)
}

// statusFan is how many replicas one status of a replica that does not lead goes to;
// with more of them they take turns, so that statuses grow linearly with n.
const statusFan = 12

func (m *Machine) tellStatus(st PeerStatus, out *Output) {
	if m.isPrimary() || m.n <= statusFan+1 {
		m.broadcast(out, OutStatus{st})
		return
	}
	m.send(out, m.primaryID(), OutStatus{st})
	for range statusFan {
		m.statusTurn = (m.statusTurn + 1) % m.n
		to := ledger.ReplicaID((int(m.p.Self) + m.statusTurn) % m.n) // #nosec G115 -- below n
		if to != m.p.Self && to != m.primaryID() {
			m.send(out, to, OutStatus{st})
		}
	}
}

// onPeerStatus helps a replica that is a little behind with proofs, tells it of
// checkpoints and views that it has missed, and asks about those missed here; one
// that is far behind fetches blocks by itself.
func (m *Machine) onPeerStatus(in PeerStatus, out *Output) {
	if in.From == m.p.Self || int(in.From) >= m.n {
		return
	}
	p := &m.peers[in.From]
	p.executed = in.Executed
	if in.From == m.primaryID() && in.View == m.view {
		m.pace.heard = m.now
	}
	switch {
	case in.View > m.view, in.View == m.view && in.Active && !m.active:
		m.ask(in.From, out)
	case in.View < m.view && !m.active:
		m.onFetchNewView(FetchNewView{From: in.From, View: in.View}, out)
	}
	if in.Stable < m.low {
		m.tellStable(in.From, out)
	}
	m.helpSlots(in, out)
}

func (m *Machine) helpSlots(in PeerStatus, out *Output) {
	helped := 0
	for seq := max(ledger.Seq(in.Executed), m.floor()) + 1; seq <= m.delivered && helped < resendSlotsMax; seq++ {
		s := m.slots[seq]
		if s == nil || s.committed == nil || s.stored || m.now-s.moved < m.p.Timing.Resend {
			continue
		}
		body := s.body(s.proven)
		if body == nil {
			continue
		}
		helped++
		if m.isPrimary() {
			m.send(out, in.From, OutBody{Seq: seq, Body: body})
		}
		m.send(out, in.From, m.proofOf(s))
	}
}
