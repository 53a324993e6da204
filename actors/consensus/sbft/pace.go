package sbft

import "github.com/concordat-ledger/concordat/ledger"

// pace watches whether the primary does its work: when it was last heard, when
// anything last moved, how long a slot takes. All in integers.
type pace struct {
	t         Timing
	heard     Instant // a message of the current view's primary
	moved     Instant // the last delivery, or when something became pending
	pending   bool
	oldest    uint64 // the request that waits longest, and since when it is that one
	oldSince  Instant
	mean      Instant // of a slot, from its acceptance to its commit
	deviation Instant
	known     bool
}

func newPace(t Timing) pace { return pace{t: t} }

func (p *pace) observe(took Instant) {
	if !p.known {
		p.known, p.mean, p.deviation = true, took, took/2
		return
	}
	off := took - p.mean
	p.mean += off / 8
	if off < 0 {
		off = -off
	}
	p.deviation += (off - p.deviation) / 4
}

func (p *pace) progress(now Instant) { p.moved = now }

// base is the patience before anything went wrong: four times a slow slot.
func (p *pace) base() Instant {
	if !p.known {
		return p.t.ViewInitial
	}
	return min(max(4*(p.mean+2*p.deviation), p.t.ViewInitial), p.t.ViewMax)
}

// patience grows with consecutive failed views, up to the cap, and differs a little
// between replicas and views so that they do not all act at one instant.
func (m *Machine) viewPatience() Instant { return m.patience(m.moving.attempts) }

func (m *Machine) patience(doublings int) Instant {
	wait := m.pace.base()
	for range min(doublings, 8) {
		wait = min(2*wait, m.p.Timing.ViewMax)
	}
	return m.spread(wait)
}

func (m *Machine) spread(wait Instant) Instant {
	spread := (uint64(m.p.Self)*7 + uint64(m.view)*13) % 16
	return wait + wait*Instant(spread)/64 // #nosec G115 -- below 16
}

// movePatience is how long a new primary may take until it announces its view. That
// takes two messages, less than a slot, so it is short at first: the next primary may
// be as dead as the last one. Then it doubles like the other.
func (m *Machine) movePatience() Instant {
	if m.moving.attempts <= 1 {
		return m.spread(m.pace.base() * 5 / 8)
	}
	return m.patience(m.moving.attempts - 1)
}

// silence is how long a primary may say nothing.
func (m *Machine) silence() Instant {
	return max(m.p.Timing.Silence, min(2*m.viewPatience(), m.p.Timing.ViewMax))
}

// watch notes when something becomes pending, from where patience is counted.
func (m *Machine) watch() {
	p := &m.pace
	pending := m.top > m.delivered || m.primary.pending.Transactions > 0
	if pending && !p.pending {
		p.moved = m.now
	}
	p.pending = pending
}

// onPending takes the pool's size.
func (m *Machine) onPending(in Pending) {
	m.primary.pending = in
	if in.Oldest != m.pace.oldest {
		m.pace.oldest, m.pace.oldSince = in.Oldest, m.now
	}
}

// armView looks again after a part of the patience.
func (m *Machine) armView(out *Output) {
	m.arm(out, TimerView, 0, max(m.pace.base()/4, 1))
}

// onViewTimer asks whether this replica has reason to leave its view, repeats what
// it said while it moves, and looks again later.
func (m *Machine) onViewTimer(out *Output) {
	m.armView(out)
	if !m.active {
		if m.now-m.since >= m.movePatience() {
			m.complain(RuleC1, out)
		}
		m.repeatMove(out)
		return
	}
	p := &m.pace
	patience, silence := m.viewPatience(), m.silence()
	if m.executed < m.delivered {
		// A block is being executed here, and a hard one takes the whole machine: what
		// seems slow may be this replica. It never waits for execution, but is slower to judge.
		patience, silence = busyFactor*patience, busyFactor*silence
	}
	late := p.pending && m.now-max(p.moved, m.since) >= patience
	stale := p.oldest != 0 && m.now-max(p.oldSince, m.since) >= m.p.Timing.RequestMax
	silent := m.primaryID() != m.p.Self && m.now-max(p.heard, m.since) >= silence
	switch {
	case silent:
		m.complain(RuleC3, out)
	case (late || stale) && m.behind():
		m.rule(out, RuleC4)
	case late:
		m.complain(RuleC1, out)
	case stale:
		m.complain(RuleC2, out)
	}
}

// busyFactor stretches patience while this replica executes; a guess of November 2026.
const busyFactor = 4

// behind reports whether f+1 replicas say that they have executed what this one has
// not: at least one of them is honest, so the ledger moves, and what is missing here
// comes by catching up.
func (m *Machine) behind() bool {
	ahead := 0
	for i := range m.peers {
		if ledger.Seq(m.peers[i].executed) > m.delivered {
			ahead++
		}
	}
	return ahead >= m.p.Quorum.Weak()
}
