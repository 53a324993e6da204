// Package chain verifies a whole ledger, block by block, against its genesis alone.
//
// In: blocks as a store or an export has them, ascending, then the records of the
// state. Out: a summary, or a Fault that names the place. Kept: what the next block
// must link to, and counters; nothing grows with the number of blocks.
//
// The work is cut in three, so that a caller can spread the costly middle over several
// cores: Links.Next looks at the headers in their order, Rules.Check at one block by
// itself, Chain.Add puts the checked blocks together, again in order. Chain.Next does
// all three.
package chain

import (
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// Rules are what follows from a genesis file. They are immutable, and safe for
// concurrent use.
type Rules struct {
	id      ledger.ID
	genesis *ledger.Genesis
	public  *certificate.Public
}

// NewRules reads the genesis file that the reader trusts.
func NewRules(genesis []byte) (*Rules, error) {
	g, id, err := ledger.ParseGenesis(genesis)
	if err != nil {
		return nil, err
	}
	r := &Rules{id: id, genesis: g}
	if r.public, err = certificate.ParsePublic(g.Keys); err != nil {
		return nil, fmt.Errorf("read the keys in genesis: %w", err)
	}
	if q, err := quorum.New(g.F, g.C); err != nil || q != r.public.Quorum {
		return nil, fmt.Errorf("%w: its keys are not for f = %d and c = %d", ledger.ErrGenesis, g.F, g.C)
	}
	return r, nil
}

// Ledger is the ledger's id.
func (r *Rules) Ledger() ledger.ID { return r.id }

// Genesis is what the file says.
func (r *Rules) Genesis() *ledger.Genesis { return r.genesis }

// SameGenesis checks that a ledger was founded by the trusted genesis.
func (r *Rules) SameGenesis(file []byte) error {
	if id := ledger.GenesisID(file); id != r.id {
		return NewFault(0, PartGenesis, "this is ledger %s, the trusted genesis is of %s", id.Short(), r.id.Short())
	}
	return nil
}

// Block is a block as it is kept, in bytes.
type Block struct {
	Height      ledger.Height // where it is kept
	Header      []byte
	Commit      []byte // certificate.Finality
	Outcome     []byte
	Certificate []byte // of the execution; empty: there is none
	Txs         [][]byte
	Results     [][]byte
	Commands    ledger.Hash // ledger.CommandsDigest up to and with this block
	Pruned      bool        // transactions and results were given up
}

// Size is about how many bytes the block has.
func (b *Block) Size() int {
	n := len(b.Header) + len(b.Commit) + len(b.Outcome) + len(b.Certificate)
	for i := range b.Txs {
		n += len(b.Txs[i])
	}
	for i := range b.Results {
		n += len(b.Results[i])
	}
	return n
}

// Checked is a block that holds by itself.
type Checked struct {
	Header    ledger.Header
	Hash      ledger.Hash
	Outcome   ledger.Outcome
	Certified bool // its outcome has an execution certificate
	Pruned    bool // only what stays of a pruned block was there to check
	Sum       ledger.Hash
	Counts    Counts

	commands []ledger.ExecutedCommand
}

// Counts say how much was checked.
type Counts struct {
	Blocks, Transactions, Signatures, CommitCertificates, ExecutionCertificates, Records, Bytes uint64
}

func (c *Counts) add(o Counts) {
	c.Blocks += o.Blocks
	c.Transactions += o.Transactions
	c.Signatures += o.Signatures
	c.CommitCertificates += o.CommitCertificates
	c.ExecutionCertificates += o.ExecutionCertificates
	c.Records += o.Records
	c.Bytes += o.Bytes
}
