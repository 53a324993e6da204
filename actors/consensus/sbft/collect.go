package sbft

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// collectors lists who gathers the shares of a slot, in the order of their
// turns. On the fast path: c+1 replicas drawn from the non-primaries by a
// shuffle seeded with (ledger, epoch, view, seq), then the primary. On the slow
// path the primary comes first.
func (m *Machine) collectors(seq ledger.Seq, path Path) []ledger.ReplicaID {
	return Collectors(m.p, m.view, seq, path)
}

// Collectors is the order of a slot's collectors; see Machine.collectors.
func Collectors(p Params, view ledger.View, seq ledger.Seq, path Path) []ledger.ReplicaID {
	n := p.Quorum.N()
	primary := p.Quorum.Primary(view)
	others := make([]ledger.ReplicaID, 0, n)
	for i := range n {
		// #nosec G115 -- i < n
		if id := ledger.ReplicaID(i); id != primary {
			others = append(others, id)
		}
	}
	seed := ledger.NewWriter("concordat/collectors/1", 64).Hash(p.Ledger).U64(uint64(p.Epoch)).
		U64(uint64(view)).U64(uint64(seq)).Sum()
	want := min(p.Quorum.C+1, len(others))
	for i := range want { // Fisher-Yates, as far as needed
		if i > 0 && i%4 == 0 {
			seed = sha256.Sum256(seed[:])
		}
		// #nosec G115 -- both sides are bounded far below the limits of the type
		r := binary.BigEndian.Uint64(seed[8*(i%4):]) % uint64(len(others)-i)
		others[i], others[i+int(r)] = others[i+int(r)], others[i] // #nosec G115 -- r < n
	}
	chosen := others[:want]
	if path == PathSlow {
		return slices.Insert(slices.Clone(chosen), 0, primary)
	}
	return append(slices.Clone(chosen), primary)
}

func (m *Machine) isCollector(s *slot) bool {
	return slices.Contains(m.collectors(s.seq, s.path), m.p.Self)
}

// armCollector starts a collector's patience: the first in turn waits for the
// fast path, the others a step longer each.
func (m *Machine) armCollector(s *slot, out *Output) {
	turn := slices.Index(m.collectors(s.seq, s.path), m.p.Self)
	if turn < 0 {
		return
	}
	wait := Instant(turn) * m.p.Timing.CollectStagger
	if s.path == PathFast {
		wait += m.patient.wait()
	}
	if wait == 0 {
		s.expired = true
		m.gather(s, out)
		return
	}
	m.arm(out, TimerCollect, s.seq, wait)
}

func (m *Machine) onCollectTimer(seq ledger.Seq, out *Output) {
	s := m.slots[seq]
	if s == nil || s.committed != nil || !m.mayVote(s) {
		return
	}
	s.expired = true
	if s.path == PathFast {
		m.rule(out, RuleF3)
		m.report(out, Report{Kind: ReportFallback, Seq: seq, Path: PathFast})
		m.path.fellBack()
	}
	m.gather(s, out)
}

// onSignShare keeps a vote; signatures are checked in combination only.
func (m *Machine) onSignShare(in SignShare, out *Output) {
	if in.Slot.Seq <= m.low || !m.accepts(in.From, in.Slot.View, in.Slot.Seq, out) {
		m.path.answered(in.From, in.Slot.Seq)
		return
	}
	m.path.answered(in.From, in.Slot.Seq)
	s := m.slot(in.Slot.Seq)
	if s.committed != nil {
		if s.proven == in.Slot.Digest && in.From != m.p.Self && m.now-s.moved > m.p.Timing.Resend/2 {
			m.send(out, in.From, m.proofOf(s)) // it still votes: it lacks the proof
		}
		return
	}
	if m.conflicts(s, in.From, in.Slot) {
		m.report(out, Report{Kind: ReportConflictingVote, Replica: in.From, Seq: in.Slot.Seq})
		return
	}
	m.suspect(s, Known{in.Slot.View, in.Slot.Digest}, out)
	t := s.tallyFor(in.Slot, m.n)
	if t == nil {
		return
	}
	t.fast.add(m.n, in.From, in.Fast)
	t.prepare.add(m.n, in.From, in.Prepare)
	m.gather(s, out)
}

func (m *Machine) conflicts(s *slot, from ledger.ReplicaID, id SlotID) bool {
	for _, t := range s.tallies {
		if t.slot != id && t.prepare.from != nil && t.prepare.from[from] != nil {
			return true
		}
	}
	return false
}

func (m *Machine) onCommitShare(in CommitShare, out *Output) {
	if in.Slot.Seq <= m.low || !m.accepts(in.From, in.Slot.View, in.Slot.Seq, out) {
		return
	}
	s := m.slot(in.Slot.Seq)
	if s.committed != nil {
		return
	}
	if t := s.tallyFor(in.Slot, m.n); t != nil {
		t.commit.add(m.n, in.From, in.Share)
		m.gather(s, out)
	}
}

// gather asks for every combination that the shares of the accepted digest now
// allow.
func (m *Machine) gather(s *slot, out *Output) {
	if s.committed != nil || !m.active || !s.in(m.view) {
		return
	}
	t := s.tallyFor(s.id(), m.n)
	if t == nil {
		return
	}
	m.combine(t, &t.fast, certificate.Fast, m.p.Quorum.Fast(), out)
	if !m.preparedNow(s) && s.expired {
		m.combine(t, &t.prepare, certificate.Prepare, m.p.Quorum.Slow(), out)
	}
	if m.preparedNow(s) {
		m.combine(t, &t.commit, certificate.Commit, m.p.Quorum.Slow(), out)
	}
}

func (m *Machine) combine(t *tally, s *shares, phase certificate.Phase, threshold int, out *Output) {
	if s.combining || s.count < threshold {
		return
	}
	s.combining = true
	out.Work = append(out.Work, Combine{Slot: t.slot, Phase: phase, Shares: s.list()})
}

// onCombined takes a certificate into use, or strikes out the shares that spoilt
// it and tries again with what is left.
func (m *Machine) onCombined(in Combined, out *Output) {
	for _, bad := range in.Bad {
		m.report(out, Report{Kind: ReportBadShare, Replica: bad, Seq: in.Slot.Seq})
	}
	if in.Phase == certificate.Checkpoint {
		m.onCheckpointCombined(in, out)
		return
	}
	s := m.slots[in.Slot.Seq]
	if s == nil || in.Slot.View != m.view || !m.active {
		return
	}
	t := s.tallyFor(in.Slot, m.n)
	if t == nil {
		return
	}
	set := t.phase(in.Phase)
	for _, bad := range in.Bad {
		set.drop(bad)
	}
	if in.Certificate == nil { // with one, nothing is combined a second time
		set.combining = false
		if len(in.Bad) > 0 {
			m.gather(s, out)
		}
		return
	}
	switch in.Phase {
	case certificate.Fast, certificate.Commit:
		fast := in.Phase == certificate.Fast
		if fast {
			m.rule(out, RuleF2)
		} else {
			m.rule(out, RuleS2)
		}
		m.commit(s, in.Slot.Digest, Proof{View: in.Slot.View, Fast: fast, Certificate: in.Certificate}, out)
		m.broadcast(out, OutCommitProof{Slot: in.Slot, Fast: fast, Certificate: in.Certificate})
	case certificate.Prepare:
		m.broadcast(out, OutPrepare{Slot: in.Slot, Certificate: in.Certificate})
		m.onPrepare(Prepare{From: m.p.Self, Slot: in.Slot, Certificate: in.Certificate}, out)
		m.gather(s, out)
	}
}

func (t *tally) phase(p certificate.Phase) *shares {
	switch p {
	case certificate.Fast:
		return &t.fast
	case certificate.Commit:
		return &t.commit
	default:
		return &t.prepare
	}
}
