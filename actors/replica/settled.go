package replica

import (
	"fmt"

	"github.com/concordat-ledger/concordat/actors/consensus"
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// settled reads what consensus needs of the newest blocks after a restart.
func (r *records) settled(from, to ledger.Height) ([]sbft.Settled, error) {
	var out []sbft.Settled
	for h := max(from, r.Base()); h <= to; h++ {
		b, err := r.Store.Head(h)
		if err != nil {
			return nil, fmt.Errorf("read block %d: %w", h, err)
		}
		header, err := ledger.ParseHeader(b.Header)
		if err != nil {
			return nil, fmt.Errorf("read the header of block %d: %w", h, err)
		}
		proof, err := certificate.ParseFinality(b.Commit)
		if err != nil {
			return nil, fmt.Errorf("read the commit proof of block %d: %w", h, err)
		}
		outcome, err := ledger.ParseOutcome(b.Outcome)
		if err != nil {
			return nil, fmt.Errorf("read the outcome of block %d: %w", h, err)
		}
		out = append(out, sbft.Settled{Seq: ledger.Seq(h), Digest: header.ProposalDigest(), Time: header.Proposed,
			Proof:      sbft.Proof{View: proof.View, Fast: proof.Fast, Certificate: proof.Certificate},
			Checkpoint: ledger.CheckpointDigest(header.Ledger, h, b.Hash, *outcome, b.CommandsSum)})
	}
	return out, nil
}

// stored reads what certification needs of the newest blocks after a restart.
func (r *records) stored(from, to ledger.Height) ([]consensus.Stored, error) {
	settled, err := r.settled(from, to)
	if err != nil {
		return nil, err
	}
	var out []consensus.Stored
	for _, s := range settled {
		h := ledger.Height(s.Seq)
		header, err := r.header(h)
		if err != nil {
			return nil, err
		}
		o, err := r.Outcome(h)
		if err != nil {
			return nil, fmt.Errorf("read the outcome of block %d: %w", h, err)
		}
		cert, ok, err := r.Certificate(h)
		if err != nil {
			return nil, fmt.Errorf("read the certificate of block %d: %w", h, err)
		}
		if !ok {
			cert = nil
		}
		out = append(out, consensus.Stored{View: s.Proof.View, Fast: s.Proof.Fast, Certificate: cert,
			Statement: certificate.ExecutionStatement{Ledger: header.Ledger, Height: h, Block: header.Hash(), StateRoot: o.StateRoot, ResultsRoot: o.ResultsRoot}})
	}
	return out, nil
}
