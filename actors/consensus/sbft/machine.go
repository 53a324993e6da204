package sbft

import (
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// Machine orders transactions. It is not safe for concurrent use.
type Machine struct {
	p    Params
	n    int
	view ledger.View
	now  Instant

	low       ledger.Seq // durable here; slots at or below are forgotten
	executed  ledger.Seq // executed here
	delivered ledger.Seq // handed to execution
	certified ledger.Seq // newest with an execution certificate; paces proposals, nothing else
	lastTime  ledger.Time

	slots map[ledger.Seq]*slot // low < seq <= low + Window; never ranged over

	primary primaryState
	path    pathPolicy
	patient patience

	statusSent  PeerStatus
	resendArmed bool
}

// primaryState is what a primary keeps beyond its slots.
type primaryState struct {
	next       ledger.Seq // the next sequence number to propose
	pending    Pending
	drawing    bool
	held       *ledger.Body // drawn, not proposed yet
	waiting    bool         // the batch timer runs
	waitedLong bool         // and has fired since the last proposal
	lastTime   ledger.Time
}

// Restored is what a machine starts from.
type Restored struct {
	Durable     ledger.Height // height of the store
	DurableTime ledger.Time   // and the time of that block
	Settled     []Settled     // the newest blocks of the store, ascending, at least those above the last stable checkpoint
	Records     []Record      // of the vote log, in the order written
}

// Settled is a block of the store: what was agreed, and the digest that a
// checkpoint at its height signs.
type Settled struct {
	Seq        ledger.Seq
	Digest     ledger.Hash // of the proposal
	Time       ledger.Time // of the proposal
	Proof      Proof
	Checkpoint ledger.Hash
}

// New builds a machine from what was made durable. Records of other epochs and
// of slots at or below the durable height are ignored.
func New(p Params, r Restored) (*Machine, error) {
	if p.Window < 4 || p.InFlightMax < 1 || p.BatchMax < 1 || int(p.Self) >= p.Quorum.N() {
		return nil, fmt.Errorf("sbft: parameters out of range: %+v", p)
	}
	m := &Machine{p: p, n: p.Quorum.N(), slots: map[ledger.Seq]*slot{}}
	m.low = ledger.Seq(r.Durable)
	m.executed, m.delivered, m.certified, m.lastTime = m.low, m.low, m.low, r.DurableTime
	m.primary.next, m.primary.lastTime = m.low+1, r.DurableTime
	m.path = newPathPolicy(m.n)
	m.patient = newPatience(p.Timing)
	for _, rec := range r.Records {
		if err := m.restore(rec); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *Machine) restore(rec Record) error {
	if rec.Seq <= m.low {
		return nil
	}
	switch rec.Kind {
	case RecordProposal:
		p, err := parseProposalRecord(rec)
		if err != nil {
			return err
		}
		if p.epoch != m.p.Epoch || p.view != m.view || !m.inWindow(p.seq) {
			return nil
		}
		s := m.slot(p.seq)
		s.body = ledger.NewBody(m.p.Ledger, p.proposal)
		s.path, s.signed = p.path, true
		if len(p.signature) > 0 { // our own proposals are signed when they leave
			s.signature = p.signature
		}
		if m.isPrimary() {
			m.primary.next = max(m.primary.next, p.seq+1)
			m.primary.lastTime = max(m.primary.lastTime, p.proposal.Time)
		}
	case RecordVote:
		v, err := ParseVote(rec)
		if err != nil {
			return err
		}
		if v.Phase == certificate.Fast && v.Epoch == m.p.Epoch && v.Slot.View == m.view && m.inWindow(v.Slot.Seq) {
			m.slot(v.Slot.Seq).signedF = true
		}
	case RecordPrepared:
		p, err := parsePreparedRecord(rec)
		if err != nil {
			return err
		}
		if p.epoch == m.p.Epoch && p.slot.View == m.view && m.inWindow(p.slot.Seq) {
			m.slot(p.slot.Seq).prepared = p.cert
		}
	}
	return nil
}

// Step applies one input at an instant and appends to out what the world must
// now do.
func (m *Machine) Step(now Instant, in Input, out *Output) {
	m.now = max(m.now, now)
	switch in := in.(type) {
	case Started:
		m.onStarted(out)
	case PrePrepare:
		m.onPrePrepare(in, out)
	case SignShare:
		m.onSignShare(in, out)
	case Prepare:
		m.onPrepare(in, out)
	case CommitShare:
		m.onCommitShare(in, out)
	case CommitProof:
		m.onCommitProof(in, out)
	case Combined:
		m.onCombined(in, out)
	case Pending:
		m.primary.pending = in
	case Batch:
		m.onBatch(in, out)
	case Executed:
		m.onExecuted(in)
	case Certified:
		m.certified = max(m.certified, ledger.Seq(in.Height))
	case Durable:
		m.onDurable(in)
	case PeerStatus:
		m.onPeerStatus(in, out)
	case Redeliver:
		m.onRedeliver(in, out)
	case Fired:
		m.onFired(in, out)
	}
	m.deliver(out)
	m.drive(out)
}

// View is the current view.
func (m *Machine) View() ledger.View { return m.view }

// PathNow is the path that this replica, as the primary, tries first.
func (m *Machine) PathNow() Path { return m.path.now }

// Committed is the height up to which every slot is agreed and delivered.
func (m *Machine) Committed() ledger.Height { return ledger.Height(m.delivered) }

// SlotsKept is the number of slots in memory; at most Params.Window.
func (m *Machine) SlotsKept() int { return len(m.slots) }

func (m *Machine) isPrimary() bool { return m.p.Quorum.Primary(m.view) == m.p.Self }

func (m *Machine) inWindow(seq ledger.Seq) bool {
	return seq > m.low && seq <= m.low+ledger.Seq(m.p.Window) // #nosec G115 -- Window is positive
}

// slot returns the slot of a sequence number inside the window.
func (m *Machine) slot(seq ledger.Seq) *slot {
	s := m.slots[seq]
	if s == nil {
		s = &slot{seq: seq, moved: m.now}
		m.slots[seq] = s
	}
	return s
}

// accepts reports whether a message of this view and sequence number is of use,
// and says why not.
func (m *Machine) accepts(from ledger.ReplicaID, view ledger.View, seq ledger.Seq, out *Output) bool {
	switch {
	case view != m.view:
		m.report(out, Report{Kind: ReportWrongView, Replica: from, Seq: seq})
	case !m.inWindow(seq):
		if seq > m.low {
			m.report(out, Report{Kind: ReportOutsideWindow, Replica: from, Seq: seq})
		}
	default:
		return int(from) < m.n
	}
	return false
}

func (m *Machine) report(out *Output, r Report) { out.Reports = append(out.Reports, r) }

func (m *Machine) send(out *Output, to ledger.ReplicaID, msg Message) {
	out.Send = append(out.Send, Send{To: to, Message: msg})
}

func (m *Machine) broadcast(out *Output, msg Message) {
	out.Send = append(out.Send, Send{Broadcast: true, Message: msg})
}

func (m *Machine) arm(out *Output, kind TimerKind, seq ledger.Seq, after Instant) {
	out.Timers = append(out.Timers, TimerChange{Timer: Timer{Kind: kind, Seq: seq}, After: after})
}

func (m *Machine) cancel(out *Output, kind TimerKind, seq ledger.Seq) {
	out.Timers = append(out.Timers, TimerChange{Timer: Timer{Kind: kind, Seq: seq}, Cancel: true})
}

// Statement is what a share of a phase signs for a slot.
func Statement(id ledger.ID, epoch ledger.Epoch, phase certificate.Phase, slot SlotID) certificate.Statement {
	return certificate.Statement{Ledger: id, Epoch: epoch, View: slot.View, Seq: slot.Seq, Phase: phase, Digest: slot.Digest}
}
