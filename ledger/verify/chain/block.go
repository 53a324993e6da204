package chain

import (
	"io"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// inspection is one block while it is checked.
type inspection struct {
	rules  *Rules
	block  *Block
	header *ledger.Header
	hash   ledger.Hash
	root   ledger.Hash // over the transactions as they are
	later  *certificates
}

// certificates are execution certificates that are verified together.
type certificates struct {
	statements []certificate.ExecutionStatement
	certs      []certificate.ExecutionCertificate
}

// Check verifies everything about a block that can be told from it alone: header,
// transactions, commit certificate, results, signatures, outcome and execution
// certificate. An error is a *Fault. It takes some 2 ms, and 0.02 ms a transaction.
func (r *Rules) Check(b *Block) (*Checked, error) { return r.check(b, nil) }

// CheckAll checks several blocks, and verifies their execution certificates together,
// which takes a third of the time for small blocks. It returns those before the first
// that does not hold, and that one's *Fault. Whoever made the ledger must not know
// what random gives.
func (r *Rules) CheckAll(random io.Reader, blocks []*Block) ([]*Checked, error) {
	if len(blocks) == 1 {
		k, err := r.Check(blocks[0])
		if err != nil {
			return nil, err
		}
		return []*Checked{k}, nil
	}
	var later certificates
	var fault error
	out := make([]*Checked, 0, len(blocks))
	for _, b := range blocks {
		k, err := r.check(b, &later)
		if err != nil {
			fault = err
			break
		}
		out = append(out, k)
	}
	if len(later.certs) == 0 || r.public.Execution().VerifyMany(random, later.statements, later.certs) == nil {
		return out, fault
	}
	for i := range out { // one of them is to blame
		if _, err := r.Check(blocks[i]); err != nil {
			return out[:i], err
		}
	}
	return out, fault
}

// check leaves a certificate for later if it may.
func (r *Rules) check(b *Block, later *certificates) (*Checked, error) {
	x := &inspection{rules: r, block: b, root: ledger.NewMerkleTree(b.Txs).Root(), later: later}
	var err error
	if x.header, err = r.header(b); err != nil {
		return nil, err
	}
	x.hash = x.header.Hash()
	if b.Pruned {
		return x.bare()
	}
	if err := x.agreed(); err != nil {
		return nil, err
	}
	return x.executed()
}

// bare checks what stays of a pruned block: that it was agreed, and what came of it.
func (x *inspection) bare() (*Checked, error) {
	b := x.block
	if len(b.Txs) > 0 || len(b.Results) > 0 {
		return nil, NewFault(b.Height, PartBlock, "it is said to be pruned and has contents")
	}
	if err := x.committed(x.header); err != nil {
		return nil, NewFault(b.Height, PartCommit, "%w", err)
	}
	o, err := ledger.ParseOutcome(b.Outcome)
	if err != nil {
		return nil, NewFault(b.Height, PartOutcome, "%w", err)
	}
	if err := x.outcome(o, o.ResultsRoot); err != nil {
		return nil, err
	}
	k := &Checked{Header: *x.header, Hash: x.hash, Outcome: *o, Certified: len(b.Certificate) > 0, Pruned: true, Sum: b.Commands,
		Counts: Counts{Blocks: 1, CommitCertificates: 1, Bytes: uint64(b.Size())}} // #nosec G115 -- a length
	if k.Certified {
		k.Counts.ExecutionCertificates = 1
	}
	return k, nil
}

// header reads a block's header and checks what is the same in all of a ledger.
func (r *Rules) header(b *Block) (*ledger.Header, error) {
	h, err := ledger.ParseHeader(b.Header)
	switch {
	case err != nil:
		return nil, NewFault(b.Height, PartHeader, "%w", err)
	case h.Ledger != r.id:
		return nil, NewFault(b.Height, PartHeader, "it is of ledger %s", h.Ledger.Short())
	case h.Height != b.Height:
		return nil, NewFault(b.Height, PartHeader, "it is of block %d", h.Height)
	case h.Epoch != 0:
		return nil, NewFault(b.Height, PartHeader, "epoch %d has no members", h.Epoch)
	}
	return h, nil
}

// agreed checks that these are the transactions that were agreed. When header,
// transactions and certificate do not fit together, whichever of them agrees with
// another one is not to blame.
func (x *inspection) agreed() error {
	same := len(x.block.Txs) == int(x.header.TxCount) && x.root == x.header.TxRoot
	err := x.committed(x.header)
	switch {
	case same && err == nil:
		return nil
	case err == nil:
		return x.blameTransaction()
	case same && len(x.block.Certificate) > 0 && !x.certified():
		return NewFault(x.block.Height, PartHeader, "neither the commit certificate nor the execution certificate is of it")
	case same:
		return NewFault(x.block.Height, PartCommit, "%w", err)
	}
	other := *x.header
	other.TxRoot, other.TxCount = x.root, uint32(len(x.block.Txs)) // #nosec G115 -- bounded by memory
	if x.committed(&other) == nil {
		return NewFault(x.block.Height, PartHeader, "its transactions root is not that of the transactions that were agreed")
	}
	return NewFault(x.block.Height, PartHeader, "neither its transactions nor its commit certificate belong to it")
}

func (x *inspection) committed(h *ledger.Header) error {
	return certificate.VerifyCommit(x.rules.public.Commit(), x.rules.id, h.Epoch, h, x.block.Commit)
}

func (x *inspection) statement(o *ledger.Outcome) certificate.ExecutionStatement {
	return certificate.ExecutionStatement{Ledger: x.rules.id, Height: x.header.Height, Block: x.hash, StateRoot: o.StateRoot, ResultsRoot: o.ResultsRoot}
}

// certified tells whether the execution certificate is of header and outcome.
func (x *inspection) certified() bool {
	o, err := ledger.ParseOutcome(x.block.Outcome)
	return err == nil && x.rules.public.Execution().Verify(x.statement(o), x.block.Certificate) == nil
}

// blameTransaction looks for the transaction that is not what was agreed. The root
// does not tell which one it is, but its result and its signature may.
func (x *inspection) blameTransaction() error {
	const reason = "these are not the transactions that were agreed"
	if len(x.block.Txs) == len(x.block.Results) {
		for i := range x.block.Txs {
			if r, err := ledger.ParseResult(x.block.Results[i]); err == nil && !matches(x.block.Txs[i], r) {
				return faultAt(x.block.Height, PartTransactions, i, "it is not the transaction that was agreed")
			}
		}
	}
	return NewFault(x.block.Height, PartTransactions, reason)
}
