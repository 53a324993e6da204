package client

import (
	"context"
	"errors"

	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
)

// ErrTrial means that the answer to a trial holds none.
var ErrTrial = errors.New("the answer holds no trial")

// Trial asks a replica what a call of the signer's would do on the state of a block (0: the
// newest), or executes a transaction of the past again. Nothing changes, and nobody vouches
// for the answer: it is one replica's word. It is refused unless the signer may see it.
func (c *Client) Trial(ctx context.Context, req *ledgerpb.TrialRequest, height uint64, as Signer) (*ledgerpb.TrialReply, error) {
	reply, err := c.State(ctx, &ledgerpb.StateRequest{Trial: req, Height: height}, &as)
	if err != nil {
		return nil, err
	}
	if reply.GetTrial().GetResult() == nil {
		return nil, ErrTrial
	}
	return reply.GetTrial(), nil
}
