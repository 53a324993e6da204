package sbft

import "github.com/concordat-ledger/concordat/ledger"

// onStarted repeats what this replica had said before a restart; it needs no
// memory of what was lost.
func (m *Machine) onStarted(out *Output) {
	// #nosec G115 -- positive
	for seq := m.low + 1; seq <= m.low+ledger.Seq(m.p.Window); seq++ {
		s := m.slots[seq]
		if s == nil || s.body == nil {
			continue
		}
		s.accepted, s.moved = m.now, m.now
		m.repeat(s, out)
		m.armCollector(s, out)
	}
	m.armResend(out)
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

// onResend repeats the oldest slots that have not moved for a while.
func (m *Machine) onResend(out *Output) {
	pending, repeated := false, 0
	// #nosec G115 -- positive
	for seq := m.delivered + 1; seq <= m.low+ledger.Seq(m.p.Window); seq++ {
		s := m.slots[seq]
		if s == nil || (s.committed != nil && s.body != nil) {
			continue
		}
		pending = true
		if repeated < resendSlotsMax && m.now-s.moved >= m.p.Timing.Resend {
			s.moved = m.now
			repeated++
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
	if s.body == nil {
		return
	}
	if s.committed == nil && m.isPrimary() {
		m.broadcast(out, OutPrePrepare{View: m.view, Seq: s.seq, Path: s.path, Body: s.body, Signature: s.signature})
	}
	if s.committed == nil && s.prepared != nil && m.isCollector(s) {
		m.broadcast(out, OutPrepare{Slot: s.id(m.view), Certificate: s.prepared})
	}
	m.repeatVotes(s, out)
}

func (m *Machine) onStatusTimer(out *Output) {
	st := PeerStatus{View: m.view, Active: true, Executed: ledger.Height(m.executed), Durable: ledger.Height(m.low), Stable: m.low}
	wait := m.p.Timing.StatusBusy
	if st == m.statusSent {
		wait = m.p.Timing.StatusIdle
	}
	m.statusSent = st
	m.broadcast(out, OutStatus{st})
	m.arm(out, TimerStatus, 0, wait)
}

// onPeerStatus helps a replica that is a little behind with proofs; one that is
// far behind fetches blocks by itself.
func (m *Machine) onPeerStatus(in PeerStatus, out *Output) {
	if in.From == m.p.Self || int(in.From) >= m.n || ledger.Seq(in.Executed) >= m.delivered {
		return
	}
	helped := 0
	for seq := ledger.Seq(in.Executed) + 1; seq <= m.delivered && helped < resendSlotsMax; seq++ {
		s := m.slots[seq]
		if s == nil || s.committed == nil || s.body == nil || m.now-s.moved < m.p.Timing.Resend {
			continue
		}
		helped++
		if m.isPrimary() {
			m.send(out, in.From, OutPrePrepare{View: m.view, Seq: seq, Path: s.path, Body: s.body, Signature: s.signature})
		}
		m.send(out, in.From, m.proofOf(s))
	}
}
