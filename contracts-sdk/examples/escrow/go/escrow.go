// Package main is delivery against payment: an asset and its price change hands in one
// transaction, or neither does.
//
//concordat:contract escrow
package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

//concordat:errors
const (
	// The contract was deployed without init.
	errNotInitialised = iota + 1
	// No deal has that name.
	errNotFound
	// A deal with that name, or another about the asset, is there already.
	errExists
	// The caller has no such part in the deal.
	errNotYourPart
	// The deal is in a state in which this cannot be done.
	errState
	// It is too early, or too late.
	errTime
	// The register refuses; its words follow.
	errRegister
	// The token refuses; its words follow.
	errToken
	// The asset is not the caller's, or not long enough in the custody of this contract.
	errCustody
	// A contract may not do this in the caller's name.
	errThroughContract
	// An argument is missing, too long or makes no sense.
	errBadArgument
)

// Limits, in bytes and entries.
const (
	nameBytesMax = 64
	textBytesMax = 256
	page         = 20
)

// The states of a deal. Those behind the first two are final.
const (
	open      = "open"
	disputed  = "disputed"
	settled   = "settled"
	declined  = "declined"
	cancelled = "cancelled"
	returned  = "returned"
	awarded   = "awarded"
)

type (
	none          = concordat.Nothing
	storedDeal    = concordat.Stored[deal, *deal]
	storedCurrent = concordat.Stored[current, *current]
)

// The state: which contracts are used, deals by name, the last deal about each asset,
// and the deals in which a party has a part.
var (
	termsKey = concordat.Key("terms")
	deals    = concordat.Map[storedDeal, *storedDeal]{Name: "deal"}
	latest   = concordat.Map[storedCurrent, *storedCurrent]{Name: "latest"}
	byParty  = concordat.Index{Name: "party"}
)

func main() {}

// initialise runs at deployment and names the contracts that are used. A contract that
// is called acts in the name of who signs, so nobody can name others later.
//
//concordat:method init
func initialise(c *concordat.Context, in *initIn) (*none, error) {
	if in.Register == "" || in.Token == "" {
		return nil, concordat.Fail(errBadArgument, "name the contracts of the register and of the token")
	}
	concordat.Save(c, termsKey, &terms{Register: in.Register, Token: in.Token})
	return nil, nil
}

// propose offers an asset to a buyer for a price. The seller has given it into the
// custody of this contract before, at least until the deadline.
//
//concordat:method
func propose(c *concordat.Context, in *proposeIn) (*none, error) {
	t, err := begin(c)
	if err != nil {
		return nil, err
	}
	if err := check(c, in); err != nil {
		return nil, err
	}
	if _, ok := deals.Find(c, in.Deal); ok {
		return nil, concordat.Fail(errExists, "there is a deal "+in.Deal+" already; choose another name")
	}
	if err := free(c, in.Asset); err != nil {
		return nil, err
	}
	var a assetOut
	if err := c.Call(t.Register, "get", &assetIn{in.Asset}, &a); err != nil {
		return nil, concordat.Fail(errRegister, "the register refuses: "+err.Error())
	}
	if a.Owner != c.Caller || a.Holder != c.Self || a.HeldUntil < in.Deadline {
		return nil, concordat.Fail(errCustody, "asset "+in.Asset+" is not yours and held by contract "+c.Self+" until the deadline; call hold of the register")
	}
	d := &deal{Asset: in.Asset, Seller: c.Caller, Buyer: in.Buyer, Arbiter: in.Arbiter, Price: in.Price, Deadline: in.Deadline, Until: a.HeldUntil}
	latest.Put(c, storedCurrent{Message: current{in.Deal}}, in.Asset)
	for _, p := range []concordat.Party{d.Seller, d.Buyer, d.Arbiter} {
		byParty.Add(c, string(p), in.Deal)
	}
	enter(c, in.Deal, d, open)
	return nil, nil
}

func check(c *concordat.Context, in *proposeIn) error {
	switch {
	case in.Deal == "" || len(in.Deal) > nameBytesMax || len(in.Asset) > nameBytesMax:
		return concordat.Fail(errBadArgument, "give names of 1 to 64 bytes")
	case in.Buyer == "" || in.Arbiter == "" || in.Buyer == c.Caller || in.Arbiter == c.Caller || in.Buyer == in.Arbiter:
		return concordat.Fail(errBadArgument, "seller, buyer and arbiter are three parties")
	case in.Price.IsZero():
		return concordat.Fail(errBadArgument, "the price is zero")
	case in.Deadline <= c.Time:
		return concordat.Fail(errBadArgument, "the deadline is over")
	}
	return nil
}

// free refuses an asset about which there is a deal that can still end. When its
// custody is over the seller may have taken the asset back, so nothing is released for
// it any more.
func free(c *concordat.Context, asset string) error {
	last, ok := latest.Find(c, asset)
	if !ok {
		return nil
	}
	d := deals.Get(c, last.Message.Deal).Message
	if (d.State == open || d.State == disputed) && c.Time < d.Until {
		return concordat.Fail(errExists, "deal "+last.Message.Deal+" is about asset "+asset+"; wait for its end")
	}
	return nil
}

// begin is what every method needs. Calls through other contracts are refused: they act
// in the name of whoever called them.
func begin(c *concordat.Context) (*terms, error) {
	if c.Via != "" {
		return nil, concordat.Fail(errThroughContract, "contract "+c.Via+" may not do this; call the escrow itself")
	}
	var t terms
	if !concordat.Load(c, termsKey, &t) {
		return nil, concordat.Fail(errNotInitialised, "the escrow is not initialised; deploy it with init")
	}
	return &t, nil
}

// find is a deal in a state, and in time: what it releases must be in its custody.
func find(c *concordat.Context, name, state string) (*deal, error) {
	found, ok := deals.Find(c, name)
	d := &found.Message
	switch {
	case !ok:
		return nil, concordat.Fail(errNotFound, "there is no deal "+name)
	case d.State != state:
		return nil, concordat.Fail(errState, "deal "+name+" is "+d.State+", not "+state)
	case c.Time >= d.Until:
		return nil, concordat.Fail(errTime, "the custody of asset "+d.Asset+" is over; its owner can take it back from the register")
	}
	return d, nil
}

// enter writes a deal in a new state, and tells it.
func enter(c *concordat.Context, name string, d *deal, state string) {
	d.State = state
	deals.Put(c, storedDeal{Message: *d}, name)
	(&changed{Deal: name, State: state, By: c.Caller}).Emit(c)
}

// end enters a final state and releases the asset. When the register refuses, all of
// the call is undone.
func end(c *concordat.Context, t *terms, name string, d *deal, state string, to concordat.Party) (*none, error) {
	enter(c, name, d, state)
	if err := c.Call(t.Register, "release", &releaseIn{d.Asset, to}, &none{}); err != nil {
		return nil, concordat.Fail(errRegister, "the register refuses: "+err.Error())
	}
	return nil, nil
}

// settle pays the price and takes the asset, both in this transaction or neither. Only
// the buyer may, before the deadline.
//
//concordat:method
func settle(c *concordat.Context, in *dealIn) (*none, error) {
	t, d, err := part(c, in.Deal, open)
	switch {
	case err != nil:
		return nil, err
	case c.Caller != d.Buyer:
		return nil, concordat.Fail(errNotYourPart, "only "+string(d.Buyer)+", the buyer, may do this")
	case c.Time >= d.Deadline:
		return nil, concordat.Fail(errTime, "the deadline of deal "+in.Deal+" is over")
	}
	pay := &transferIn{To: d.Seller, Amount: d.Price, Memo: []byte("deal " + in.Deal)}
	if err := c.Call(t.Token, "transfer", pay, &none{}); err != nil {
		return nil, concordat.Fail(errToken, "the token refuses: "+err.Error())
	}
	return end(c, t, in.Deal, d, settled, d.Buyer)
}

func part(c *concordat.Context, name, state string) (*terms, *deal, error) {
	t, err := begin(c)
	if err != nil {
		return nil, nil, err
	}
	d, err := find(c, name, state)
	return t, d, err
}
