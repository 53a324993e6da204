package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

// fund gives the price to the escrow, which the buyer allowed the token to take from
// its units. Only the buyer may, before the deadline.
//
//concordat:method
func fund(c *concordat.Context, in *dealIn) (*none, error) {
	t, d, err := part(c, in.Deal, open)
	if err == nil {
		err = byBuyer(c, in.Deal, d)
	}
	if err != nil {
		return nil, err
	}
	enter(c, in.Deal, d, funded)
	take := &transferFromIn{From: d.Buyer, To: concordat.ContractParty(c.Self), Amount: d.Price}
	return nil, called(c, t.Token, "transfer_from", take, errToken, "the token")
}

// byBuyer is an error unless the buyer calls, before the deadline.
func byBuyer(c *concordat.Context, name string, d *deal) error {
	if c.Caller != d.Buyer {
		return concordat.Fail(errNotYourPart, "only "+string(d.Buyer)+", the buyer, may do this")
	}
	return before(c, name, d)
}

func before(c *concordat.Context, name string, d *deal) error {
	if c.Time >= d.Deadline {
		return concordat.Fail(errTime, "the deadline of deal "+name+" is over")
	}
	return nil
}

// settle gives the price to the seller and the asset to the buyer. Only the buyer may,
// before the deadline.
//
//concordat:method
func settle(c *concordat.Context, in *dealIn) (*none, error) {
	t, d, err := part(c, in.Deal, funded)
	if err == nil {
		err = byBuyer(c, in.Deal, d)
	}
	if err != nil {
		return nil, err
	}
	return nil, exchange(c, t, in.Deal, d, settled)
}

// decline gives the asset back to the seller and the price, if it was paid, to the
// buyer. Only the buyer may, before the deadline.
//
//concordat:method
func decline(c *concordat.Context, in *dealIn) (*none, error) {
	t, d, err := part(c, in.Deal, open, funded)
	if err == nil {
		err = byBuyer(c, in.Deal, d)
	}
	if err != nil {
		return nil, err
	}
	return nil, undo(c, t, in.Deal, d, declined)
}

// cancel gives the asset back to the seller and the price, if it was paid, to the buyer.
// The seller and the buyer may, from the deadline on: until then the offer is firm. A
// dispute is the arbiter's until the custody of the asset is over; then it can be
// cancelled, too, and its owner takes the asset back from the register.
//
//concordat:method
func cancel(c *concordat.Context, in *dealIn) (*none, error) {
	t, d, err := find(c, in.Deal, open, funded, disputed)
	switch {
	case err != nil:
		return nil, err
	case c.Caller != d.Seller && c.Caller != d.Buyer:
		return nil, concordat.Fail(errNotYourPart, "only the seller and the buyer may do this")
	case d.State == disputed && c.Time < d.Until:
		return nil, concordat.Fail(errState, "deal "+in.Deal+" is disputed; wait for the arbiter, or for the end of the custody")
	case c.Time < d.Deadline:
		return nil, concordat.Fail(errTime, "the deadline of deal "+in.Deal+" is not over")
	}
	return nil, undo(c, t, in.Deal, d, cancelled)
}

// dispute stops a deal that is funded until the arbiter decides. The seller and the
// buyer may, before the deadline.
//
//concordat:method
func dispute(c *concordat.Context, in *disputeIn) (*none, error) {
	_, d, err := part(c, in.Deal, funded)
	switch {
	case err != nil:
		return nil, err
	case c.Caller != d.Seller && c.Caller != d.Buyer:
		return nil, concordat.Fail(errNotYourPart, "only the seller and the buyer may do this")
	case in.Reason == "" || len(in.Reason) > textBytesMax:
		return nil, concordat.Fail(errBadArgument, "give a reason of 1 to 256 bytes")
	}
	if err := before(c, in.Deal, d); err != nil {
		return nil, err
	}
	d.Reason = in.Reason
	enter(c, in.Deal, d, disputed)
	return nil, nil
}

// resolve ends a dispute. Only the arbiter may. With the seller named as who gets the
// asset, the buyer gets the price back; with the buyer named, the seller gets the price;
// with nobody named the deal goes on.
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
		enter(c, in.Deal, d, funded)
		return nil, nil
	case in.To == d.Seller:
		return nil, undo(c, t, in.Deal, d, returned)
	case in.To == d.Buyer:
		return nil, exchange(c, t, in.Deal, d, awarded)
	}
	return nil, concordat.Fail(errBadArgument, "the asset goes to the seller or to the buyer")
}

// exchange ends a deal as it was meant. When the register or the token refuses, the call
// fails, and all of it is undone.
func exchange(c *concordat.Context, t *terms, name string, d *deal, state string) error {
	enter(c, name, d, state)
	if err := pay(c, t, name, d.Seller, d.Price); err != nil {
		return err
	}
	return release(c, t, d, d.Buyer)
}

// undo ends a deal as if it had never been. Of an asset whose custody is over nothing is
// released: its owner may have taken it back, and given it into custody for another deal.
func undo(c *concordat.Context, t *terms, name string, d *deal, state string) error {
	paid := d.State != open
	enter(c, name, d, state)
	if paid {
		if err := pay(c, t, name, d.Buyer, d.Price); err != nil {
			return err
		}
	}
	if c.Time >= d.Until {
		return nil
	}
	return release(c, t, d, d.Seller)
}

// pay gives units that the escrow holds.
func pay(c *concordat.Context, t *terms, name string, to concordat.Party, price concordat.Amount) error {
	return called(c, t.Token, "transfer", &transferIn{To: to, Amount: price, Memo: []byte("deal " + name)}, errToken, "the token")
}

func release(c *concordat.Context, t *terms, d *deal, to concordat.Party) error {
	return called(c, t.Register, "release", &releaseIn{d.Asset, to}, errRegister, "the register")
}

// called calls another contract, as the escrow.
func called(c *concordat.Context, contract, method string, in concordat.Message, code uint32, who string) error {
	if err := c.Call(contract, method, in, &none{}); err != nil {
		return concordat.Fail(code, who+" refuses: "+err.Error())
	}
	return nil
}
