package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

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
