package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

// decline gives the asset back to the seller. Only the buyer may.
//
//concordat:method
func decline(c *concordat.Context, in *dealIn) (*none, error) {
	t, d, err := part(c, in.Deal, open)
	if err == nil && c.Caller != d.Buyer {
		err = concordat.Fail(errNotYourPart, "only "+string(d.Buyer)+", the buyer, may do this")
	}
	if err != nil {
		return nil, err
	}
	return end(c, t, in.Deal, d, declined, d.Seller)
}

// cancel gives the asset back to the seller. Only the seller may, from the deadline on:
// until then the offer is firm.
//
//concordat:method
func cancel(c *concordat.Context, in *dealIn) (*none, error) {
	t, d, err := part(c, in.Deal, open)
	switch {
	case err != nil:
		return nil, err
	case c.Caller != d.Seller:
		return nil, concordat.Fail(errNotYourPart, "only "+string(d.Seller)+", the seller, may do this")
	case c.Time < d.Deadline:
		return nil, concordat.Fail(errTime, "the deadline of deal "+in.Deal+" is not over")
	}
	return end(c, t, in.Deal, d, cancelled, d.Seller)
}

// dispute stops a deal until the arbiter decides. The seller and the buyer may, before
// the deadline.
//
//concordat:method
func dispute(c *concordat.Context, in *disputeIn) (*none, error) {
	_, d, err := part(c, in.Deal, open)
	switch {
	case err != nil:
		return nil, err
	case c.Caller != d.Seller && c.Caller != d.Buyer:
		return nil, concordat.Fail(errNotYourPart, "only the seller and the buyer may do this")
	case c.Time >= d.Deadline:
		return nil, concordat.Fail(errTime, "the deadline of deal "+in.Deal+" is over")
	case in.Reason == "" || len(in.Reason) > textBytesMax:
		return nil, concordat.Fail(errBadArgument, "give a reason of 1 to 256 bytes")
	}
	d.Reason = in.Reason
	enter(c, in.Deal, d, disputed)
	return nil, nil
}

// resolve ends a dispute: the asset goes to the seller, or to the buyer, or the deal
// goes on. Only the arbiter may. No money moves.
//
//concordat:method
func resolve(c *concordat.Context, in *resolveIn) (*none, error) {
	t, d, err := part(c, in.Deal, disputed)
	switch {
	case err != nil:
		return nil, err
	case c.Caller != d.Arbiter:
		return nil, concordat.Fail(errNotYourPart, "only "+string(d.Arbiter)+", the arbiter, may do this")
	case in.To == "":
		enter(c, in.Deal, d, open)
		return nil, nil
	case in.To == d.Seller:
		return end(c, t, in.Deal, d, returned, d.Seller)
	case in.To == d.Buyer:
		return end(c, t, in.Deal, d, awarded, d.Buyer)
	}
	return nil, concordat.Fail(errBadArgument, "the asset goes to the seller or to the buyer")
}

// get tells about a deal.
//
//concordat:query
func get(c *concordat.Context, in *dealIn) (*deal, error) {
	d, ok := deals.Find(c, in.Deal)
	if !ok {
		return nil, concordat.Fail(errNotFound, "there is no deal "+in.Deal)
	}
	return &d.Message, nil
}

// dealsOf tells the deals in which a party has a part, page by page.
//
//concordat:query
func dealsOf(c *concordat.Context, in *listIn) (*listOut, error) {
	if len(in.After) > nameBytesMax {
		return nil, concordat.Fail(errBadArgument, "after is the name of a deal, of at most 64 bytes")
	}
	out := &listOut{}
	byParty.ScanAfter(c, string(in.Party), in.After, func(name string) bool {
		if out.More = len(out.Deals) == page; !out.More {
			out.Deals = append(out.Deals, name)
		}
		return !out.More
	})
	return out, nil
}
