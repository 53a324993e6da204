package sbft

import (
	"cmp"
	"slices"

	"github.com/concordat-ledger/concordat/ledger"
)

// moving is what a replica keeps about leaving views.
type moving struct {
	attempts      int           // views left since the last slot of a view's own was delivered
	complaints    []complaint   // by replica: the one of the highest view
	complained    Instant       // when this replica last complained about the current view; 0: it did not
	repeated      Instant       // when its view-change message was last repeated
	justification []Complaint   // why this replica moves: f+1 complaints
	mine          *ViewChange   // what it says of the views before; nil: not moving
	heard         []*ViewChange // by replica: the one of the highest view
	pending       *NewView      // of the current view, messages missing
	fetches       int
}

type complaint struct {
	Complaint
	at Instant
}

func newMoving(n int) moving {
	return moving{complaints: make([]complaint, n), heard: make([]*ViewChange, n)}
}

// complain asks to leave the current view, and repeats it as long as there is
// reason to.
func (m *Machine) complain(why Rule, out *Output) {
	if m.moving.complained > 0 && m.now-m.moving.complained < m.p.Timing.Resend {
		return
	}
	m.rule(out, why)
	m.report(out, Report{Kind: ReportComplaint, Replica: m.p.Self, View: m.view})
	m.moving.complained = max(m.now, 1)
	m.broadcast(out, OutComplaint{View: m.view})
	m.send(out, m.p.Self, OutComplaint{View: m.view})
}

// onComplaint counts. One replica's complaints cannot move anybody: f+1 are needed,
// so that at least one honest replica has reason to leave.
func (m *Machine) onComplaint(in Complaint, out *Output) {
	if int(in.From) >= m.n {
		return
	}
	m.note(in)
	if in.View < m.view {
		return
	}
	if in.From != m.p.Self {
		m.report(out, Report{Kind: ReportComplaint, Replica: in.From, View: in.View})
	}
	m.follow(out)
}

func (m *Machine) note(in Complaint) {
	if old := &m.moving.complaints[in.From]; old.Signature == nil || in.View >= old.View {
		*old = complaint{in, m.now}
	}
}

// follow moves past the highest view that f+1 replicas complain about at this time.
// Old complaints do not count: one replica's trouble of yesterday is no reason to
// join another's of today.
func (m *Machine) follow(out *Output) {
	var fresh []Complaint
	for i := range m.moving.complaints {
		c := &m.moving.complaints[i]
		if c.Signature != nil && c.View >= m.view && m.now-c.at <= m.p.Timing.ViewMax {
			fresh = append(fresh, c.Complaint)
		}
	}
	need := m.p.Quorum.Weak()
	if len(fresh) < need {
		return
	}
	slices.SortStableFunc(fresh, func(a, b Complaint) int { return cmp.Compare(b.View, a.View) })
	m.rule(out, RuleC5)
	m.leave(fresh[need-1].View+1, fresh[:need], out)
}

// leave moves to a later view: from now on nothing is signed in the one before.
func (m *Machine) leave(to ledger.View, why []Complaint, out *Output) {
	m.enterInactive(to)
	m.moving.attempts++
	m.moving.justification = slices.Clone(why)
	rec := viewRecord{epoch: m.p.Epoch, view: to, complaints: m.moving.justification}
	m.rule(out, RuleV1)
	out.Records = append(out.Records, rec.record())
	m.report(out, Report{Kind: ReportMoved, View: to})
	m.testify(out)
	m.armResend(out)
}

// enterInactive forgets what belongs to the view that ends.
func (m *Machine) enterInactive(to ledger.View) {
	m.view, m.active, m.since = to, false, m.now
	m.moving.complained, m.moving.mine, m.moving.pending, m.moving.fetches = 0, nil, nil, 0
	for seq := m.floor() + 1; seq <= m.low+m.window(); seq++ {
		if s := m.slots[seq]; s != nil {
			s.leaveView()
		}
	}
	m.primary.held, m.primary.drawing, m.primary.waiting = nil, false, false
}

// testify tells everyone what this replica knows of the slots above the stable
// checkpoint (SBFT, view-change message).
func (m *Machine) testify(out *Output) {
	vc := &ViewChange{From: m.p.Self, View: m.view, Stable: m.checkpoints.stable, Complaints: m.moving.justification}
	for seq := m.low + 1; seq <= m.low+m.window(); seq++ {
		if s := m.slots[seq]; s != nil {
			if e, ok := s.evidence(); ok {
				vc.Slots = append(vc.Slots, e)
			}
		}
	}
	vc.Seal(m.p.Ledger, m.p.Epoch)
	m.moving.mine, m.moving.repeated = vc, m.now
	m.broadcast(out, OutViewChange{vc})
	m.send(out, m.p.Self, OutViewChange{vc})
}

// evidence is what a slot contributes to a view-change message.
func (s *slot) evidence() (SlotEvidence, bool) {
	e := SlotEvidence{Seq: s.seq}
	if s.committed != nil {
		e.Committed = &Proven{Known: Known{s.committed.View, s.proven}, Fast: s.committed.Fast, Certificate: s.committed.Certificate}
		return e, true
	}
	e.Prepared, e.Accepted = s.prepared, s.accepted
	return e, e.Prepared != nil || e.Accepted != nil
}

// repeatMove says again what a replica that moves has said: its complaint, and its
// view-change message to the new primary and everyone else.
func (m *Machine) repeatMove(out *Output) {
	// The message is large and goes to all: the more replicas, the less often. But one that
	// is lost is to be repeated before patience ends.
	// #nosec G115 -- small
	if m.now-m.moving.repeated < min(m.p.Timing.Resend, m.movePatience()/2)*Instant(1+m.n/16) {
		return
	}
	m.moving.repeated = m.now
	if m.moving.mine != nil {
		m.broadcast(out, OutViewChange{m.moving.mine})
	}
	if m.moving.pending != nil {
		m.fetchSet(out)
	}
}
