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

// Pending tells how many transactions wait in the pool.
type Pending struct{ Transactions, Bytes int }

// Batch answers a Draw request of an earlier Output; an empty body means that
// nothing waits any more.
type Batch struct{ Body *ledger.Body }

// Executed tells that the block of this height was executed here.
type Executed struct{ Height ledger.Height }

// Certified tells that an execution certificate for this height exists.
type Certified struct{ Height ledger.Height }

// Durable tells that the block of this height is in the store, synced.
type Durable struct{ Height ledger.Height }

// PeerStatus is what a replica says of itself, authenticated by the link.
type PeerStatus struct {
	From     ledger.ReplicaID
	View     ledger.View
	Executed ledger.Height
	Stable   ledger.Height
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
