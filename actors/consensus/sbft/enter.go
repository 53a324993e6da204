package sbft

import (
	"github.com/concordat-ledger/concordat/ledger"
)

// onViewChange keeps a replica's message of the highest view. Its complaints move a
// replica that missed them.
func (m *Machine) onViewChange(in *ViewChange, out *Output) {
	if int(in.From) >= m.n {
		return
	}
	m.onCheckpoint(in.Stable, out)
	m.suspectAll(in, out)
	if m.halted || in.View < m.view || (in.View == m.view && m.active) {
		return
	}
	if old := m.moving.heard[in.From]; old == nil || in.View > old.View || in.From == m.p.Self {
		m.rule(out, RuleV3)
		m.moving.heard[in.From] = in
	}
	if in.View > m.view {
		m.rule(out, RuleV2)
		m.leave(in.View, in.Complaints, out)
	}
	if in.View != m.view || m.active {
		return
	}
	if m.moving.pending != nil {
		m.onNewView(m.moving.pending, out)
		return
	}
	m.lead(out)
}

// lead makes the primary of the view that everyone moves to choose exactly n - f
// messages, its own among them. It has no say in what follows from them.
func (m *Machine) lead(out *Output) {
	if own := m.moving.heard[m.p.Self]; m.primaryID() != m.p.Self || own == nil || own.View != m.view {
		return
	}
	need := m.p.Quorum.ViewChange()
	for _, vc := range m.moving.heard {
		if vc != nil && vc.View == m.view {
			need--
		}
	}
	if need > 0 {
		return
	}
	nv := &NewView{View: m.view}
	others := m.p.Quorum.ViewChange() - 1
	for id, vc := range m.moving.heard {
		switch {
		case vc == nil || vc.View != m.view:
			continue
		case ledger.ReplicaID(id) == m.p.Self: // #nosec G115 -- id < n
		case others == 0:
			continue
		default:
			others--
		}
		nv.Set = append(nv.Set, Reference{From: vc.From, Digest: vc.Digest})
		nv.Bodies = append(nv.Bodies, vc)
	}
	nv.Seal(m.p.Ledger, m.p.Epoch)
	m.rule(out, RuleW1)
	m.enter(nv, out)
}

// onNewView enters the view that its primary announces, once all messages that it
// rests on are here.
func (m *Machine) onNewView(in *NewView, out *Output) {
	if in.View < m.view || in.View == m.view && m.active {
		return
	}
	full := *in
	if len(full.Bodies) == 0 {
		full.Bodies = m.gathered(in)
	}
	switch {
	case len(full.Bodies) > 0:
		if in.View > m.view {
			m.rule(out, RuleW9)
		}
		m.enter(&full, out)
	case in.View == m.view:
		m.moving.pending = in
		m.fetchSet(out)
	default: // only a full message shows why this replica should follow
		m.ask(m.p.Quorum.Primary(in.View), out)
	}
}

// gathered looks up the messages of a set; nil when one is missing.
func (m *Machine) gathered(in *NewView) []*ViewChange {
	var out []*ViewChange
	for _, ref := range in.Set {
		vc := m.moving.heard[ref.From]
		if vc == nil || vc.View != in.View || vc.Digest != ref.Digest {
			return nil
		}
		out = append(out, vc)
	}
	return out
}

// fetchSet asks for the pending new view's messages: its primary first, then the
// others in turn.
func (m *Machine) fetchSet(out *Output) {
	m.rule(out, RuleW8)
	to := ledger.ReplicaID((uint64(m.primaryID()) + uint64(m.moving.fetches)) % uint64(m.n)) // #nosec G115 -- below n
	m.moving.fetches++
	if to != m.p.Self {
		m.send(out, to, OutFetchNewView{View: m.view})
	}
}

// ask asks one replica for its newest new-view message, not too often.
func (m *Machine) ask(who ledger.ReplicaID, out *Output) {
	p := &m.peers[who]
	if who == m.p.Self || (p.asked > 0 && m.now-p.asked < m.p.Timing.Resend) {
		return
	}
	p.asked = m.now
	m.send(out, who, OutFetchNewView{View: m.view})
}

// onFetchNewView serves what a replica needs to come to our view.
func (m *Machine) onFetchNewView(in FetchNewView, out *Output) {
	if int(in.From) >= m.n || in.From == m.p.Self || in.View > m.view {
		return
	}
	p := &m.peers[in.From]
	if p.told > 0 && m.now-p.told < m.p.Timing.Resend/2 {
		return
	}
	switch {
	case m.active && m.newView != nil:
		p.told = m.now
		m.send(out, in.From, OutNewView{Message: m.newView, Full: true})
	case !m.active && m.moving.mine != nil && in.View < m.view:
		p.told = m.now
		m.send(out, in.From, OutViewChange{m.moving.mine})
	}
}

// choiceProven is a choice with the proof of a decided one.
type choiceProven struct {
	Choice
	proof Proof
}

// choicesOf computes what a new view makes of every slot.
func (m *Machine) choicesOf(nv *NewView) (Checkpoint, []choiceProven, error) {
	set := make([]Testimony, len(nv.Bodies))
	var stable Checkpoint
	for i, vc := range nv.Bodies {
		set[i] = vc.testimony()
		if vc.Stable.Seq > stable.Seq {
			stable = vc.Stable
		}
	}
	_, choices, err := NewViewChoices(m.p.Quorum, m.p.Window, set)
	if err != nil {
		return stable, nil, err
	}
	out := make([]choiceProven, len(choices))
	for i, c := range choices {
		out[i].Choice = c
		if c.Kind == Decided {
			out[i].proof = proofIn(nv.Bodies, c)
		}
	}
	return stable, out, nil
}

func (vc *ViewChange) testimony() Testimony {
	t := Testimony{From: vc.From, Stable: vc.Stable.Seq, Slots: make([]Evidence, len(vc.Slots))}
	for i := range vc.Slots {
		e := &vc.Slots[i]
		t.Slots[i] = Evidence{Seq: e.Seq, Accepted: e.Accepted}
		if e.Committed != nil {
			t.Slots[i].Committed = &e.Committed.Known
		}
		if e.Prepared != nil {
			t.Slots[i].Prepared = &e.Prepared.Known
		}
	}
	return t
}

func proofIn(bodies []*ViewChange, c Choice) Proof {
	for _, vc := range bodies {
		for i := range vc.Slots {
			if e := &vc.Slots[i]; e.Seq == c.Seq && e.Committed != nil && e.Committed.Digest == c.Digest {
				return Proof{View: e.Committed.View, Fast: e.Committed.Fast, Certificate: e.Committed.Certificate}
			}
		}
	}
	return Proof{}
}

// valueOf is the digest of a choice.
func (m *Machine) valueOf(c Choice) ledger.Hash {
	if c.Kind == Null {
		return m.null.Digest
	}
	return c.Digest
}

// enter puts a view into force: everyone computes the same choices from the same
// set, takes them as proposed, and votes for them on the slow path.
func (m *Machine) enter(nv *NewView, out *Output) {
	stable, choices, err := m.choicesOf(nv)
	if err != nil {
		m.violation(out, 0, "the new view %d cannot be computed: %v", nv.View, err)
		return
	}
	if m.view != nv.View || m.active {
		m.enterInactive(nv.View)
	}
	m.moving.mine, m.moving.pending = nil, nil
	rec := newViewRecord{epoch: m.p.Epoch, view: nv}
	out.Records = append(out.Records, rec.record())
	if stable.Seq > m.low {
		m.rule(out, RuleW6)
		m.stabilise(stable, out)
	}
	m.active, m.since, m.newView, m.fixed = true, m.now, nv, stable.Seq
	m.pace.heard, m.pace.moved = m.now, m.now
	m.path.enter()
	m.rule(out, RuleW7)
	if m.primaryID() == m.p.Self {
		m.broadcast(out, OutNewView{Message: nv})
	}
	for _, c := range choices {
		m.fixed = c.Seq
		if !m.halted && m.inWindow(c.Seq) {
			m.adopt(c, nv, out)
		}
	}
	m.takeLead()
	out.Entered = &Entered{View: m.view, Primary: m.primaryID()}
	m.report(out, Report{Kind: ReportEntered, View: m.view})
	for seq := m.fixed + 1; seq <= m.low+m.window() && !m.halted; seq++ {
		if s := m.slots[seq]; s != nil && s.early != nil {
			early := *s.early
			s.early = nil
			m.onPrePrepare(early, out)
		}
	}
}

// takeLead puts the primary's counters behind everything that is fixed or known.
func (m *Machine) takeLead() {
	p := &m.primary
	p.next = max(m.fixed, m.delivered, m.low, m.executed) + 1
	p.lastTime, p.waitedLong = max(p.lastTime, m.lastTime), false
	for seq := m.low + 1; seq < p.next; seq++ {
		p.lastTime = max(p.lastTime, m.timeOf(seq))
	}
}

// adopt takes one choice of the new view.
func (m *Machine) adopt(c choiceProven, nv *NewView, out *Output) {
	s, digest := m.slot(c.Seq), m.valueOf(c.Choice)
	if s.committed != nil && s.proven != digest {
		if s.committed.View < nv.View {
			m.violation(out, s.seq, "slot %d is committed as %s, view %d makes it %s: more than f replicas are faulty", s.seq, s.proven, nv.View, digest)
		}
		return // its primary has given others another set: what they committed stands
	}
	switch c.Kind {
	case Decided:
		m.rule(out, RuleW2)
		m.commit(s, digest, c.proof, out)
		return
	case Null:
		m.rule(out, RuleW5)
	case Adopted:
		m.rule(out, adoptedBy(nv, c))
	}
	if s.committed != nil { // the others may lack what we have
		m.broadcast(out, m.proofOf(s))
	}
	s.chosen = &digest
	m.top = max(m.top, s.seq)
	if digest == m.null.Digest { // it may be a prepared or witnessed null as well, which nobody need be asked for
		s.keepBody(m.null, false)
	}
	if s.body(digest) == nil && !s.recorded(digest) {
		m.fetchBody(s, nv, out)
		return
	}
	m.acceptChosen(s, out)
}

// adoptedBy tells which rule applied: a value that has a prepared certificate in the
// set, or one that has witnesses alone.
func adoptedBy(nv *NewView, c choiceProven) Rule {
	for _, vc := range nv.Bodies {
		for i := range vc.Slots {
			if e := &vc.Slots[i]; e.Seq == c.Seq && e.Prepared != nil && e.Prepared.Digest == c.Digest {
				return RuleW3
			}
		}
	}
	return RuleW4
}

// acceptChosen accepts and votes for the value that the view gave a slot.
func (m *Machine) acceptChosen(s *slot, out *Output) {
	m.accept(s, *s.chosen, PathSlow, nil, out)
	m.vote(s, out)
	m.gather(s, out)
}
