package sbft

import (
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// Output is what the world must now do, in the order of the fields. A crash may
// happen between any two of them.
type Output struct {
	Records []Record      // 1. make durable, as one unit
	Send    []Send        // 2. sign and let leave, only after 1
	Timers  []TimerChange // 3. arm and cancel
	Work    []Combine     //    compute, and give back as Combined
	Draw    *Draw         //    ask admission for a batch, and give it back as Batch
	Deliver []Decision    // 4. hand to execution, in order
	Entered *Entered      //    tell admission: another view is in force
	Stable  *Checkpoint   //    a checkpoint is certified; records up to it may go
	Reports []Report      // 5. counters; they influence nothing
	// 6. keep: proofs that the primary signed two proposals for one slot
	Equivocations []Equivocation
}

// Reset empties the output and keeps its buffers.
func (o *Output) Reset() {
	o.Records, o.Send, o.Timers = o.Records[:0], o.Send[:0], o.Timers[:0]
	o.Work, o.Draw, o.Deliver, o.Reports = o.Work[:0], nil, o.Deliver[:0], o.Reports[:0]
	o.Equivocations, o.Entered, o.Stable = o.Equivocations[:0], nil, nil
}

// Entered tells that a view is in force now. Transactions that an earlier
// primary drew may be lost; who holds them gives them to the new one.
type Entered struct {
	View    ledger.View
	Primary ledger.ReplicaID
}

// Send is a message to one replica, or to all others when Broadcast.
type Send struct {
	To        ledger.ReplicaID
	Broadcast bool
	Message   Message
}

// Message is one of the Out types below.
type Message interface{ message() }

// OutPrePrepare proposes. Signature is nil when this replica must sign it.
type OutPrePrepare struct {
	View      ledger.View
	Seq       ledger.Seq
	Path      Path
	Body      *ledger.Body
	Signature []byte
}

// OutSignShare votes: a τ share, and a σ share when Fast.
type OutSignShare struct {
	Slot SlotID
	Fast bool
}

// OutCommitShare votes over the prepared certificate.
type OutCommitShare struct{ Slot SlotID }

// OutPrepare tells the prepared certificate.
type OutPrepare struct {
	Slot        SlotID
	Certificate certificate.Certificate
}

// OutCommitProof tells the commit certificate.
type OutCommitProof struct {
	Slot        SlotID
	Fast        bool
	Certificate certificate.Certificate
}

// OutStatus tells where this replica stands; From is not filled in.
type OutStatus struct{ PeerStatus }

// OutComplaint asks to leave a view; the shell signs it.
type OutComplaint struct{ View ledger.View }

// OutViewChange carries this replica's own view-change message, or another's that
// is passed on. The shell signs our own, whose Signature is nil.
type OutViewChange struct{ Message *ViewChange }

// OutNewView carries the new-view message of a view's primary, with the messages
// that it rests on when Full. The shell signs our own, whose Signature is nil.
type OutNewView struct {
	Message *NewView
	Full    bool
}

// OutCheckpointShare votes for a checkpoint.
type OutCheckpointShare struct {
	Seq    ledger.Seq
	Digest ledger.Hash
}

// OutCheckpoint tells a certified checkpoint.
type OutCheckpoint struct{ Checkpoint }

// OutFetchNewView asks a replica that is in a later view how it got there.
type OutFetchNewView struct{ View ledger.View }

// OutFetchBody asks for a proposal by its digest.
type OutFetchBody struct {
	Seq    ledger.Seq
	Digest ledger.Hash
}

// OutBody answers it.
type OutBody struct {
	Seq  ledger.Seq
	Body *ledger.Body
}

// OutAccusation tells the signed head of a proposal accepted here.
type OutAccusation struct {
	View     ledger.View
	Seq      ledger.Seq
	Proposal SignedProposal
}

func (OutPrePrepare) message()  {}
func (OutSignShare) message()   {}
func (OutCommitShare) message() {}
func (OutPrepare) message()     {}
func (OutCommitProof) message() {}
func (OutStatus) message()      {}

func (OutComplaint) message()       {}
func (OutViewChange) message()      {}
func (OutNewView) message()         {}
func (OutCheckpointShare) message() {}
func (OutCheckpoint) message()      {}
func (OutFetchNewView) message()    {}
func (OutFetchBody) message()       {}
func (OutBody) message()            {}
func (OutAccusation) message()      {}

// Combine asks for a certificate over the statement of a slot and phase.
type Combine struct {
	Slot   SlotID
	Phase  certificate.Phase
	Shares []certificate.Share
}

// Draw asks admission for at most so many transactions. Proposals must be built
// with a time after After.
type Draw struct {
	Transactions int
	Bytes        int
	After        ledger.Time
}

// Proof is what makes a decision final to anyone who has the members' keys.
type Proof struct {
	View        ledger.View
	Fast        bool
	Certificate certificate.Certificate
}

// Decision is an agreed slot. Decisions leave in order of Seq without gaps.
type Decision struct {
	Seq   ledger.Seq
	Body  *ledger.Body
	Proof Proof
}

// SignedProposal is a proposal as its primary signed it.
type SignedProposal struct {
	Path      Path
	Digest    ledger.Hash
	Signature []byte
}

// Equivocation is two proposals that the primary of a view signed for one slot.
type Equivocation struct {
	View          ledger.View
	Seq           ledger.Seq
	First, Second SignedProposal
}

// TimerKind says what a timer is for.
type TimerKind uint8

// The kinds of timers.
const (
	TimerCollect TimerKind = iota + 1 // a collector's patience for the fast path
	TimerBatch                        // a primary's patience for a fuller batch
	TimerResend                       // something may have been lost
	TimerStatus                       // tell the others where we stand
	TimerView                         // is the primary doing its work?
)

// Timer identifies a timer; Seq is 0 where there is one for all slots.
type Timer struct {
	Kind TimerKind
	Seq  ledger.Seq
}

// TimerChange arms a timer, replacing one of the same identity, or cancels it.
type TimerChange struct {
	Timer  Timer
	After  Instant
	Cancel bool
}

// ReportKind is a closed list of what a machine tells its operator.
type ReportKind uint8

// The reports.
const (
	ReportEquivocation    ReportKind = iota + 1 // Replica proposed two digests for one slot
	ReportBadShare                              // Replica sent a share that does not verify
	ReportCommittedFast                         // a slot was committed by σ(h)
	ReportCommittedSlow                         // a slot was committed by τ(τ(h))
	ReportFallback                              // a collector gave up waiting for the fast path
	ReportPathChanged                           // the primary now tries Path first
	ReportOutsideWindow                         // a message was dropped: its slot is not in the window
	ReportWrongView                             // a message was dropped: other view
	ReportNotPrimary                            // Replica proposed but is not the primary
	ReportConflictingVote                       // Replica voted twice, for different digests
	ReportBadTime                               // a proposal's time does not follow the one before
	ReportComplaint                             // Replica wants to leave View; ours too
	ReportMoved                                 // this replica moves to View
	ReportEntered                               // View is in force here
	ReportStable                                // the checkpoint at Seq is certified
	ReportRule                                  // a rule of the protocol was applied: Rule
	// ReportViolation: certificates contradict each other or what was executed here.
	// More than f replicas are faulty, or this one is damaged; the shell stops it.
	ReportViolation
)

// Report is one observation.
type Report struct {
	Kind    ReportKind
	Replica ledger.ReplicaID
	Seq     ledger.Seq
	Path    Path
	Took    Instant // for commits: since the slot was accepted here
	View    ledger.View
	Rule    Rule
	Text    string // of a violation
	// Diverged, of ReportViolation: not the certificates contradict each other, the state
	// after Seq here is not the certified one.
	Diverged bool
}
