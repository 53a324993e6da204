package consensus

import (
	"time"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/evidence"
	"github.com/concordat-ledger/concordat/ledger/signature"
)

// Transport carries encoded messages to other replicas; it never blocks.
type Transport interface {
	Send(to ledger.ReplicaID, bulk bool, payload []byte)
	Broadcast(bulk bool, payload []byte)
}

// Log is the vote log.
type Log interface {
	Append([]sbft.Record) error // one unit: all or none after a crash
	Sync() error
	Truncate(ledger.Seq) error
	Replay(func(sbft.Record) error) error // Data is the receiver's to keep
}

// Tip tells what the store holds, at every start of the actor.
type Tip func() (ledger.Height, ledger.Time, error)

// Settled reads what was agreed for blocks of the store, ascending.
type Settled func(from, to ledger.Height) ([]sbft.Settled, error)

// Stored is a block of the store as the collector of execution certificates needs it.
type Stored struct {
	Statement   certificate.ExecutionStatement
	Certificate certificate.ExecutionCertificate // nil: none yet
	View        ledger.View
	Fast        bool
}

// Config of both actors of this package.
type Config struct {
	Params    sbft.Params
	Transport Transport
	Log       Log
	Tip       Tip
	Settled   Settled
	// Stored reads blocks of the store, ascending, with their execution certificates.
	Stored          func(from, to ledger.Height) ([]Stored, error)
	Public          *certificate.Public
	Signer          certificate.Signer
	ExecutionSigner *certificate.ExecutionSigner
	SigningKey      signature.PrivateKey  // signs proposals
	MemberKeys      []signature.PublicKey // of all replicas, for proposals
	Verifier        *Verifier             // over MemberKeys and Public
	// CheckTransactions verifies the signatures of a proposal's envelopes.
	CheckTransactions func([][]byte) error
	Clock             func() time.Time
	Evidence          func(*evidence.Equivocation) error // keeps a proof against a primary; nil: nowhere
	Probation         *Probation                         // nil: this replica remembers its votes
	// Diverged is told, once, of a height after which the certified state is not the one of
	// this replica. From then on it signs nothing any more.
	Diverged func(h ledger.Height, why string)
	Peers    Peers
	Metrics  *Metrics
}

// Peers are the local actors that are told things.
type Peers struct {
	Consensus, Collector, Admission, Execution, Storage, Catchup shell.PID
}
