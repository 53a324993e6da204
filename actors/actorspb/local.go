package actorspb

import (
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// The types of this file are what actors of one process tell each other. They
// are never encoded; what they point to is immutable once told.

// Finality makes a decision final to anyone who has the members' keys.
type Finality = certificate.Finality

// Decided is an agreed block on its way to execution, from consensus or from
// catching up.
type Decided struct {
	Height ledger.Height
	Body   *ledger.Body
	Proof  Finality
}

// ExecutedBlock is a block with everything that came of it.
type ExecutedBlock struct {
	Header      ledger.Header
	Hash        ledger.Hash
	Body        *ledger.Body
	Proof       Finality
	Outcome     ledger.Outcome
	TxIDs       []ledger.Hash
	Results     []*ledger.Result
	ResultsTree *ledger.MerkleTree
	Commands    []Command
	CommandsSum ledger.Hash // ledger.CommandsDigest up to and with this block
	Changes     []state.Change
	Places      [][]byte   // of the state tree that the changes touch
	Tree        *tree.Tree // after the block
}

// Checkpoint is what a checkpoint at this height signs.
func (b *ExecutedBlock) Checkpoint() ledger.Hash {
	return ledger.CheckpointDigest(b.Header.Ledger, b.Header.Height, b.Hash, b.Outcome, b.CommandsSum)
}

// Command is an executed command's entry in the duplicate window.
type Command struct {
	Key     ledger.Hash
	Place   ledger.Place
	Expires ledger.Time
}

// Executed tells everyone that a block was executed here.
type Executed struct{ Block *ExecutedBlock }

// Persisted tells that all blocks up to a height are in the store, synced.
type Persisted struct {
	Height ledger.Height
	Time   ledger.Time
}

// Certified tells that an outcome has its execution certificate.
type Certified struct {
	Statement   certificate.ExecutionStatement
	Certificate certificate.ExecutionCertificate
}

// ExecutionStarted tells from which height on execution needs decisions.
type ExecutionStarted struct{ Next ledger.Height }

// StorageStarted tells execution the height after which blocks must be handed
// over again.
type StorageStarted struct{ Tip ledger.Height }

// DrawBatch asks admission for a proposal's transactions.
type DrawBatch struct {
	Transactions, Bytes int
	After               ledger.Time
}

// Batch answers it; a nil body means that nothing waits.
type Batch struct{ Body *ledger.Body }

// PoolSize tells consensus how much waits. Oldest numbers the transaction that waits
// longest; 0: none.
type PoolSize struct {
	Transactions, Bytes int
	Oldest              uint64
}

// ModuleReady tells admission that the module of a deployment is compiled, or refused.
type ModuleReady struct{ TxID ledger.Hash }

// ViewEntered tells admission that a view is in force and who its primary is.
type ViewEntered struct {
	View    ledger.View
	Primary ledger.ReplicaID
}

// PeerHeight tells catchup how far a replica says it is.
type PeerHeight struct {
	From     ledger.ReplicaID
	Executed ledger.Height
	Stable   ledger.Height
}

// Stable is a certified checkpoint: what consensus tells catchup that may be served, and
// catchup tells consensus that it fetches.
type Stable struct {
	Seq         ledger.Seq
	Digest      ledger.Hash
	Certificate certificate.Certificate
}
