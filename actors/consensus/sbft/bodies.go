package sbft

import "github.com/concordat-ledger/concordat/ledger"

// fetchBody asks for the body that a new view's choice lacks: first of those whose
// messages show that they accepted it, two at a time.
func (m *Machine) fetchBody(s *slot, nv *NewView, out *Output) {
	want, ok := s.wants()
	if !ok {
		return
	}
	asked := 0
	for _, vc := range nv.Bodies {
		for i := range vc.Slots {
			e := &vc.Slots[i]
			holds := e.Accepted != nil && e.Accepted.Digest == want || e.Prepared != nil && e.Prepared.Digest == want
			if e.Seq == s.seq && holds && vc.From != m.p.Self && asked < 2 {
				asked++
				m.send(out, vc.From, OutFetchBody{Seq: s.seq, Digest: want})
			}
		}
	}
	if asked > 0 {
		m.rule(out, RuleB1)
		s.moved = m.now
	}
	m.armResend(out)
}

// fetchAgain asks the next replica in turn; nobody is asked for ever.
func (m *Machine) fetchAgain(s *slot, out *Output) {
	want, ok := s.wants()
	if !ok {
		return
	}
	to := ledger.ReplicaID((uint64(m.primaryID()) + uint64(s.fetches)) % uint64(m.n)) // #nosec G115 -- below n
	s.fetches++
	if to == m.p.Self {
		to = ledger.ReplicaID((uint64(to) + 1) % uint64(m.n)) // #nosec G115 -- below n
		s.fetches++
	}
	if to != m.p.Self {
		m.rule(out, RuleB1)
		m.send(out, to, OutFetchBody{Seq: s.seq, Digest: want})
	}
}

// onFetchBody serves what is in memory; blocks of the store are fetched by height.
func (m *Machine) onFetchBody(in FetchBody, out *Output) {
	s := m.slots[in.Seq]
	if s == nil || int(in.From) >= m.n || in.From == m.p.Self {
		return
	}
	if b := s.body(in.Digest); b != nil {
		m.rule(out, RuleB2)
		m.send(out, in.From, OutBody{Seq: in.Seq, Body: b})
		if s.committed != nil && s.proven == in.Digest {
			m.send(out, in.From, m.proofOf(s))
		}
	}
}

func (m *Machine) onFetched(in Fetched, out *Output) {
	if s := m.slots[in.Seq]; s != nil {
		m.supply(s, in.Body, out)
	}
}

// supply takes a body if it is the one that is missing.
func (m *Machine) supply(s *slot, body *ledger.Body, out *Output) {
	want, ok := s.wants()
	if !ok || body.Digest != want {
		return
	}
	s.keepBody(body, false)
	s.moved = m.now
	if s.chosen != nil && *s.chosen == want && m.active {
		m.acceptChosen(s, out)
	}
}
