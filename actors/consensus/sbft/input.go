package sbft

import (
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// Instant is a reading of the replica's monotonic clock in nanoseconds. It
// arrives with inputs; the machine has no clock.
type Instant int64

// Milliseconds makes durations readable: Milliseconds(5).
func Milliseconds(n int64) Instant { return Instant(n * 1_000_000) }

// Input is one thing that happened. The set is closed.
type Input interface{ input() }

// Path is the way a slot is to be committed.
type Path uint8

// The paths.
const (
	PathFast Path = 1 // one certificate of 3f+c+1 shares
	PathSlow Path = 2 // prepare and commit, 2f+c+1 shares each
)

// String is the path in words.
func (p Path) String() string {
	if p == PathFast {
		return "fast"
	}
	return "slow"
}

// SlotID names an attempt to agree: what every vote is about.
type SlotID struct {
	View   ledger.View
	Seq    ledger.Seq
	Digest ledger.Hash
}

// PrePrepare is a proposal whose signature, transaction signatures and digest
// were checked.
type PrePrepare struct {
	From      ledger.ReplicaID
	View      ledger.View
	Seq       ledger.Seq
	Path      Path
	Body      *ledger.Body
	Signature []byte      // the primary's, kept as evidence and for forwarding
	Clock     ledger.Time // this replica's clock when the proposal arrived
}

// SignShare is a vote. Its sender is authenticated by the link, its signatures
// are not checked yet.
type SignShare struct {
	From    ledger.ReplicaID
	Slot    SlotID
	Fast    []byte // nil when the voter did not sign for the fast path
	Prepare []byte
}

// Prepare carries a verified τ(h).
type Prepare struct {
	From        ledger.ReplicaID
	Slot        SlotID
	Certificate certificate.Certificate
}

// CommitShare is a vote over the prepared certificate; signature unchecked.
type CommitShare struct {
	From  ledger.ReplicaID
	Slot  SlotID
	Share []byte
}

// CommitProof carries a verified σ(h), or τ(τ(h)) when Fast is false.
type CommitProof struct {
	Slot        SlotID
	Fast        bool
	Certificate certificate.Certificate
}

// Combined answers a Combine request of an earlier Output.
type Combined struct {
	Slot        SlotID
	Phase       certificate.Phase
	Certificate certificate.Certificate // nil when too few shares were good
	Bad         []ledger.ReplicaID      // whose share did not verify
}

// Pending tells how many transactions wait in the pool. Oldest names the one that
// waits longest, by a number that never comes again; 0: none.
type Pending struct {
	Transactions, Bytes int
	Oldest              uint64
}

// Batch answers a Draw request of an earlier Output; an empty body means that
// nothing waits any more.
type Batch struct{ Body *ledger.Body }

// Executed tells that the block of this height was executed here. Checkpoint is
// the digest of everything replicated after it, which checkpoint shares sign; zero
// when the height came by state transfer and its certificate is known anyway.
// Digest, Time and Proof are what was agreed for it; a zero digest: not told.
type Executed struct {
	Height     ledger.Height
	Digest     ledger.Hash
	Time       ledger.Time
	Proof      Proof
	Checkpoint ledger.Hash
}

// Certified tells that an execution certificate for this height exists.
type Certified struct{ Height ledger.Height }

// Durable tells that the block of this height is in the store, synced.
type Durable struct{ Height ledger.Height }

// PeerStatus is what a replica says of itself, authenticated by the link. It may
// lie: nothing rests on it but what is fetched from whom.
type PeerStatus struct {
	From     ledger.ReplicaID
	View     ledger.View
	Active   bool          // it has entered View; false: it moves there
	Executed ledger.Height // executed there
	Durable  ledger.Height // in its store
	Stable   ledger.Seq    // its highest certified checkpoint
}

// Complaint says that its sender wants to leave a view. Signature verified, over
// ComplaintBytes.
type Complaint struct {
	From      ledger.ReplicaID
	View      ledger.View
	Signature []byte
}

// Checkpoint is a height at which f+c+1 honest replicas hold the same durable
// state; certificate verified. Seq 0 is genesis and needs none.
type Checkpoint struct {
	Seq         ledger.Seq
	Digest      ledger.Hash
	Certificate certificate.Certificate
}

// CheckpointShare is a vote for a checkpoint; signature unchecked.
type CheckpointShare struct {
	From   ledger.ReplicaID
	Seq    ledger.Seq
	Digest ledger.Hash
	Share  []byte
}

// FetchNewView asks for the newest new-view message with everything in it.
type FetchNewView struct {
	From ledger.ReplicaID
	View ledger.View // the sender's
}

// FetchBody asks for a proposal by its digest.
type FetchBody struct {
	From   ledger.ReplicaID
	Seq    ledger.Seq
	Digest ledger.Hash
}

// Fetched answers FetchBody; the digest was computed from what came.
type Fetched struct {
	From ledger.ReplicaID
	Seq  ledger.Seq
	Body *ledger.Body
}

// Accusation is the signed head of a proposal that its sender accepted, told
// when it has seen another value for the same slot and view. Whoever accepted
// that other one can now prove that the primary signed both. Signature verified.
type Accusation struct {
	From     ledger.ReplicaID
	View     ledger.View
	Seq      ledger.Seq
	Proposal SignedProposal
}

// Redeliver asks for the decisions from this height on again: execution was
// restarted.
type Redeliver struct{ From ledger.Height }

// Fired tells that a timer set by an earlier Output is due.
type Fired struct{ Timer Timer }

// Started is the first input after New.
type Started struct{}

func (PrePrepare) input()  {}
func (SignShare) input()   {}
func (Prepare) input()     {}
func (CommitShare) input() {}
func (CommitProof) input() {}
func (Combined) input()    {}
func (Pending) input()     {}
func (Batch) input()       {}
func (Executed) input()    {}
func (Certified) input()   {}
func (Durable) input()     {}
func (PeerStatus) input()  {}
func (Redeliver) input()   {}
func (Fired) input()       {}
func (Started) input()     {}

func (Complaint) input()       {}
func (*ViewChange) input()     {}
func (*NewView) input()        {}
func (Checkpoint) input()      {}
func (CheckpointShare) input() {}
func (FetchNewView) input()    {}
func (FetchBody) input()       {}
func (Fetched) input()         {}
func (Accusation) input()      {}
