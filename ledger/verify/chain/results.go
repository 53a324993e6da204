package chain

import (
	"errors"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/signature"
)

// executed checks what came of the transactions, which are known to be those that
// were agreed.
func (x *inspection) executed() (*Checked, error) {
	b := x.block
	o, err := ledger.ParseOutcome(b.Outcome)
	if err != nil {
		return nil, NewFault(b.Height, PartOutcome, "%w", err)
	}
	if len(b.Results) != len(b.Txs) {
		return nil, NewFault(b.Height, PartResults, "%d results of %d transactions", len(b.Results), len(b.Txs))
	}
	k := &Checked{Header: *x.header, Hash: x.hash, Outcome: *o, Certified: len(b.Certificate) > 0, Sum: b.Commands}
	leaves := make([][]byte, len(b.Results))
	var batch signatures
	for i := range b.Results {
		r, err := ledger.ParseResult(b.Results[i])
		if err != nil {
			return nil, faultAt(b.Height, PartResults, i, "%w", err)
		}
		leaves[i] = r.Leaf()
		c, err := x.belongs(i, r, &batch)
		if err != nil {
			return nil, faultAt(b.Height, PartResults, i, "%w", err)
		}
		if c != nil {
			k.commands = append(k.commands, *c)
		}
	}
	if err := x.outcome(o, ledger.NewMerkleTree(leaves).Root()); err != nil {
		return nil, err
	}
	if i := batch.wrong(); i != Unknown {
		return nil, faultAt(b.Height, PartTransactions, i, "its result says that it was accepted, but its signature does not verify")
	}
	k.Counts = Counts{Blocks: 1, Transactions: uint64(len(b.Txs)), Signatures: uint64(len(batch.index)), CommitCertificates: 1, Bytes: uint64(b.Size())} // #nosec G115 -- lengths
	if k.Certified {
		k.Counts.ExecutionCertificates = 1
	}
	return k, nil
}

// outcome checks results and outcome against the execution certificate. Without one
// only that they fit together can be told.
func (x *inspection) outcome(o *ledger.Outcome, results ledger.Hash) error {
	h, cert := x.block.Height, x.block.Certificate
	same := results == o.ResultsRoot
	if len(cert) == 0 {
		if !same {
			return NewFault(h, PartResults, "they do not give the results root of the outcome")
		}
		return nil
	}
	if same && x.later != nil {
		x.later.statements = append(x.later.statements, x.statement(o))
		x.later.certs = append(x.later.certs, cert)
		return nil
	}
	execution := x.rules.public.Execution()
	verify := func(o *ledger.Outcome) error { return execution.Verify(x.statement(o), cert) }
	err := verify(o)
	switch {
	case same && err == nil:
		return nil
	case err == nil:
		return NewFault(h, PartResults, "they are not the results that were certified")
	case !certificate.IsSignature(cert) || execution.Verify(x.statement(o), otherSign(cert)) == nil:
		return NewFault(h, PartExecution, "%w", err)
	case !same && verify(&ledger.Outcome{StateRoot: o.StateRoot, ResultsRoot: results}) == nil:
		return NewFault(h, PartOutcome, "its results root is not the one that was certified")
	}
	return NewFault(h, PartOutcome, "it is not the outcome that the execution certificate is of: %w", err)
}

// otherSign is a certificate with its sign turned: the one damage after which it is
// still a signature of something.
func otherSign(cert []byte) []byte {
	c := append([]byte{}, cert...)
	c[0] ^= 0x20
	return c
}

// accepted tells whether a result says that a transaction's signer was known and its
// command entered the duplicate window.
func accepted(r *ledger.Result) bool { return !r.Command.IsZero() }

var (
	errOther    = errors.New("it is the result of another transaction")
	errCommand  = errors.New("it is the result of another command")
	errNoEffect = errors.New("its status says that the transaction was executed, but it names no command")
	errForeign  = errors.New("its transaction is not one of this ledger")
	errLate     = errors.New("its transaction was no longer valid at the block's time")
)

// mustAccept tells which outcomes only a transaction of a known signer can have.
func mustAccept(s ledger.Status) bool {
	switch s {
	case ledger.StatusOK, ledger.StatusContractError, ledger.StatusTrapped, ledger.StatusOutOfGas,
		ledger.StatusUnknownContract, ledger.StatusUnknownMethod:
		return true
	}
	return false
}

// belongs checks that a result is that of transaction i, and returns the command that
// it brought, if any. The signature is queued.
func (x *inspection) belongs(i int, r *ledger.Result, batch *signatures) (*ledger.ExecutedCommand, error) {
	e, err := ledger.ParseEnvelope(x.block.Txs[i])
	if err != nil {
		if r.TxID.IsZero() && !accepted(r) && r.Status == ledger.StatusMalformed {
			return nil, nil // nobody could say more about it
		}
		return nil, errOther
	}
	if r.TxID != ledger.TransactionID(e.Payload) {
		return nil, errOther
	}
	if !accepted(r) {
		if mustAccept(r.Status) {
			return nil, errNoEffect
		}
		return nil, nil
	}
	tx, err := ledger.ParseTransaction(e.Payload)
	switch {
	case err != nil || tx.Ledger != x.rules.id:
		return nil, errForeign
	case r.Command != ledger.CommandKey(tx.Party, tx.Command):
		return nil, errCommand
	case x.header.Time > tx.ValidUntil:
		return nil, errLate
	}
	batch.add(i, &e)
	return &ledger.ExecutedCommand{Key: r.Command, Index: uint32(i), Expires: tx.ValidUntil}, nil // #nosec G115 -- bounded by the block
}

// matches tells whether a transaction can be the one that a result is of.
func matches(raw []byte, r *ledger.Result) bool {
	e, err := ledger.ParseEnvelope(raw)
	if err != nil {
		return r.TxID.IsZero()
	}
	return r.TxID == ledger.TransactionID(e.Payload) &&
		(!accepted(r) || signature.Verify(e.PublicKey, ledger.SignedBytes(e.Payload), e.Signature[:]))
}

// signatures are those of a block's accepted transactions, checked as one batch.
type signatures struct {
	batch signature.Batch
	index []int
}

func (s *signatures) add(i int, e *ledger.Envelope) {
	s.batch.Add(e.PublicKey, ledger.SignedBytes(e.Payload), e.Signature[:])
	s.index = append(s.index, i)
}

// wrong is the first transaction whose signature does not hold.
func (s *signatures) wrong() int {
	all, valid := s.batch.Verify()
	if all {
		return Unknown
	}
	for n, ok := range valid {
		if !ok {
			return s.index[n]
		}
	}
	return Unknown
}
