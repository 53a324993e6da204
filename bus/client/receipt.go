package client

import (
	"context"
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/ledger/verify"
)

// Receipt fetches the receipt of a transaction and verifies it against the ledger's key. It
// holds the events that the reader may see; with nil those for every member. Each of the
// others is a hash, by which the result is proven all the same (ledger.Event.Withheld).
func (c *Client) Receipt(ctx context.Context, tx ledger.Hash, reader *Signer) (*Submitted, error) {
	reply, err := c.State(ctx, &ledgerpb.StateRequest{Receipt: tx.String()}, reader)
	if err != nil {
		return nil, err
	}
	r, err := ledger.ParseReceipt(reply.GetReceipt())
	if err != nil {
		return nil, err
	}
	if r.Result.TxID != tx {
		return nil, fmt.Errorf("%w: it is of another transaction", verify.ErrResult)
	}
	if err := c.cache.Receipt(c.opt.LedgerID, c.opt.LedgerKey, r); err != nil {
		return nil, err
	}
	return &Submitted{Receipt: r, Raw: reply.GetReceipt()}, nil
}
