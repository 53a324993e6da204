package replica

import (
	"fmt"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
)

// settled reads what consensus needs of the newest blocks after a restart.
func (r *records) settled(from, to ledger.Height) ([]sbft.Settled, error) {
	var out []sbft.Settled
	for h := max(from, 1); h <= to; h++ {
		b, err := r.Store.Block(h)
		if err != nil {
			return nil, fmt.Errorf("read block %d: %w", h, err)
		}
		header, err := ledger.ParseHeader(b.Header)
		if err != nil {
			return nil, fmt.Errorf("read the header of block %d: %w", h, err)
		}
		proof, err := actorspb.ParseFinality(b.Commit)
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
