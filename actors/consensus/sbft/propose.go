package sbft

import "github.com/concordat-ledger/concordat/ledger"

// drive makes a primary propose when it is worth it: at once when no block is on
// its way to its certificate, so that a lone transaction never waits; otherwise
// for a worthwhile batch, or after a short wait. Certification is the dearest
// step of a block, whatever its size, so its pace sets the blocks' size.
func (m *Machine) drive(out *Output) {
	p := &m.primary
	if !m.isPrimary() || p.drawing || !m.mayPropose() {
		return
	}
	if p.held != nil {
		m.proposeHeld(out)
	}
	if p.pending.Transactions == 0 || !m.mayPropose() {
		return
	}
	full := p.pending.Transactions >= min(batchWorthwhile, m.p.BatchMax) || p.pending.Bytes >= m.p.BatchBytes
	if m.uncertified() > 0 && !full && !p.waitedLong {
		if !p.waiting {
			p.waiting = true
			m.arm(out, TimerBatch, 0, m.p.Timing.BatchWait)
		}
		return
	}
	p.drawing = true
	out.Draw = &Draw{Transactions: m.p.BatchMax, Bytes: m.p.BatchBytes, After: p.lastTime}
}

// inFlight counts proposals that are not delivered yet.
func (m *Machine) inFlight() int {
	return int(m.primary.next - 1 - min(m.delivered, m.primary.next-1)) // #nosec G115 -- at most Window
}

// uncertified counts proposals without an execution certificate.
func (m *Machine) uncertified() int {
	return int(m.primary.next - 1 - min(m.certified, m.primary.next-1)) // #nosec G115 -- at most Window and a few
}

// mayPropose holds the window (section 4.1: s <= ls + win) and the limit of
// slots in flight. Execution that lags stops proposals too: otherwise agreed
// blocks would pile up in memory.
func (m *Machine) mayPropose() bool {
	return m.inWindow(m.primary.next) && m.inFlight() < m.p.InFlightMax &&
		m.primary.next <= m.executed+ledger.Seq(m.fastReach()) // #nosec G115 -- positive
}

// onBatch proposes what admission drew. A batch that may not be proposed now is
// held until it may: its transactions are nowhere else on their way.
func (m *Machine) onBatch(in Batch, out *Output) {
	p := &m.primary
	p.drawing = false
	if !m.isPrimary() { // admission gives what it drew to the new primary
		return
	}
	if in.Body == nil || len(in.Body.Txs) == 0 || in.Body.Time <= p.lastTime {
		p.pending.Transactions, p.pending.Bytes = 0, 0
		return
	}
	p.pending.Transactions = max(0, p.pending.Transactions-len(in.Body.Txs))
	p.held = in.Body
}

func (m *Machine) proposeHeld(out *Output) {
	p := &m.primary
	body := p.held
	p.held, p.waitedLong = nil, false
	if p.waiting {
		p.waiting = false
		m.cancel(out, TimerBatch, 0)
	}
	seq := p.next
	p.next++
	p.lastTime = body.Time
	s := m.slot(seq)
	s.keepBody(body, false)
	m.accept(s, body.Digest, m.path.now, nil, out)
	m.rule(out, RuleN1)
	out.Records = append(out.Records, Vote{Epoch: m.p.Epoch, Phase: PhasePropose, Slot: s.id()}.Record())
	m.broadcast(out, OutPrePrepare{View: m.view, Seq: seq, Path: s.path, Body: body})
	m.vote(s, out)
}

// accept takes a value into its slot in the current view and makes it durable, with
// its body unless that is durable already. proposal is the primary's signed head,
// nil for our own and for what a new view chose.
func (m *Machine) accept(s *slot, digest ledger.Hash, path Path, proposal *SignedProposal, out *Output) {
	recorded := s.recorded(digest)
	s.accepted, s.path, s.chosen = &Known{m.view, digest}, path, nil
	s.acceptedAt, s.moved = m.now, m.now
	m.top = max(m.top, s.seq)
	var signature []byte
	if proposal != nil {
		s.head, signature = &head{view: m.view, SignedProposal: *proposal}, proposal.Signature
	}
	if recorded {
		rec := acceptedRecord{epoch: m.p.Epoch, slot: s.id()}
		out.Records = append(out.Records, rec.record())
		return
	}
	body := s.body(digest)
	s.keepBody(body, true)
	rec := proposalRecord{epoch: m.p.Epoch, view: m.view, seq: s.seq, path: path, signature: signature, proposal: body.Proposal}
	out.Records = append(out.Records, rec.record())
}
