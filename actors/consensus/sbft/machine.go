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
	now  Instant
	null *ledger.Body // what an undecided slot becomes in a new view

	// The view. Nothing is voted for in a view that is not active, and never again
	// in an earlier one.
	view    ledger.View
	active  bool
	since   Instant    // when this replica began to move to the view, or entered it
	fixed   ledger.Seq // slots up to here got their value from the new-view message
	newView *NewView   // by which the view was entered, with its bodies; nil in view 0
	moving  moving

	low       ledger.Seq // the stable checkpoint: evidence at or below is not needed any more
	durable   ledger.Seq // in the store here
	executed  ledger.Seq // executed here
	delivered ledger.Seq // handed to execution
	certified ledger.Seq // newest with an execution certificate; paces proposals, nothing else
	lastTime  ledger.Time
	top       ledger.Seq           // the highest slot in which something is under way
	slots     map[ledger.Seq]*slot // floor < seq <= low + Window; never ranged over

	checkpoints checkpoints
	primary     primaryState
	path        pathPolicy
	patient     patience
	pace        pace
	peers       []peer // by replica

	statusSent  PeerStatus
	statusTurn  int
	resendArmed bool
	halted      bool // a violation was found: nothing is said any more
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

// peer is what is remembered of another replica so that it is not told the same
// too often.
type peer struct {
	executed ledger.Height // it says
	told     Instant       // when it was last given a message of the view's
	asked    Instant       // when it was last asked for one
	helped   Instant       // when it was last given a checkpoint
}

// Step applies one input at an instant and appends to out what the world must
// now do.
func (m *Machine) Step(now Instant, in Input, out *Output) {
	m.now = max(m.now, now)
	if m.halted {
		return
	}
	m.agree(in, out)
	m.move(in, out)
	m.deliver(out)
	m.watch()
	m.drive(out)
}

// agree handles the inputs of the normal case.
func (m *Machine) agree(in Input, out *Output) {
	switch in := in.(type) {
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
		m.onPending(in)
	case Batch:
		m.onBatch(in, out)
	case Executed:
		m.onExecuted(in, out)
	case Certified:
		m.certified = max(m.certified, ledger.Seq(in.Height))
	case Durable:
		m.onDurable(in, out)
	case Redeliver:
		m.onRedeliver(in)
	}
}

// move handles the inputs of everything else.
func (m *Machine) move(in Input, out *Output) {
	switch in := in.(type) {
	case Started:
		m.onStarted(out)
	case Fired:
		m.onFired(in, out)
	case PeerStatus:
		m.onPeerStatus(in, out)
	case Complaint:
		m.onComplaint(in, out)
	case *ViewChange:
		m.onViewChange(in, out)
	case *NewView:
		m.onNewView(in, out)
	case FetchNewView:
		m.onFetchNewView(in, out)
	case CheckpointShare:
		m.onCheckpointShare(in, out)
	case Checkpoint:
		m.onCheckpoint(in, out)
	case FetchBody:
		m.onFetchBody(in, out)
	case Fetched:
		m.onFetched(in, out)
	case Accusation:
		m.onAccusation(in, out)
	}
}

// View is the current view.
func (m *Machine) View() ledger.View { return m.view }

// Active reports whether the view is in force here; false while this replica moves
// to it.
func (m *Machine) Active() bool { return m.active }

// NewView is the message by which the current view was entered; nil in view 0 and
// while this replica moves.
func (m *Machine) NewView() *NewView {
	if !m.active {
		return nil
	}
	return m.newView
}

// PathNow is the path that this replica, as the primary, tries first.
func (m *Machine) PathNow() Path { return m.path.now }

// Committed is the height up to which every slot is agreed and delivered.
func (m *Machine) Committed() ledger.Height { return ledger.Height(m.delivered) }

// Stable is the highest certified checkpoint; Seq 0: genesis.
func (m *Machine) Stable() Checkpoint { return m.checkpoints.stable }

// SlotsKept is the number of slots in memory; at most twice Params.Window.
func (m *Machine) SlotsKept() int { return len(m.slots) }

func (m *Machine) primaryID() ledger.ReplicaID { return m.p.Quorum.Primary(m.view) }

// isPrimary reports whether this replica may propose.
func (m *Machine) isPrimary() bool { return m.active && m.primaryID() == m.p.Self }

func (m *Machine) window() ledger.Seq { return ledger.Seq(m.p.Window) } // #nosec G115 -- Window is positive

func (m *Machine) inWindow(seq ledger.Seq) bool { return seq > m.low && seq <= m.low+m.window() }

// floor is the highest slot that is forgotten. It is the stable checkpoint, but
// where this replica has not delivered up to it: what it holds of those slots may
// still be of use, within one window more.
func (m *Machine) floor() ledger.Seq {
	f := min(m.low, m.delivered)
	if m.low > m.window() {
		f = max(f, m.low-m.window())
	}
	return max(f, m.checkpoints.forgotten) // it never falls, even when execution does
}

// known reports whether a slot may still be worked on or completed.
func (m *Machine) known(seq ledger.Seq) bool { return seq > m.floor() && seq <= m.low+m.window() }

// slot returns the slot of a sequence number that is known.
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

func (m *Machine) rule(out *Output, r Rule) {
	out.Reports = append(out.Reports, Report{Kind: ReportRule, Rule: r, View: m.view})
}

// violation stops the machine: what it knows contradicts itself, and whatever it
// said next could make it worse.
func (m *Machine) violation(out *Output, seq ledger.Seq, format string, args ...any) {
	m.halted = true
	m.report(out, Report{Kind: ReportViolation, Seq: seq, View: m.view, Text: fmt.Sprintf(format, args...)})
}

// diverged stops the machine, too: this replica computed something else than was certified.
func (m *Machine) diverged(out *Output, seq ledger.Seq, format string, args ...any) {
	m.halted = true
	m.report(out, Report{Kind: ReportViolation, Diverged: true, Seq: seq, View: m.view, Text: fmt.Sprintf(format, args...)})
}

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
