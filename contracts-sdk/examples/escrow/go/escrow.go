// Package main is delivery against payment: the escrow holds an asset and its price, and
// they change hands in one transaction, or each goes back to where it came from.
//
//concordat:contract escrow
package main

import (
	"strings"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
)

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
	// An argument is missing, too long or makes no sense.
	errBadArgument
)

// Limits, in bytes and entries.
const (
	nameBytesMax = 64
	textBytesMax = 256
	page         = 20
)

// The states of a deal. Those behind the first three are final.
const (
	open      = "open"      // the escrow holds the asset
	funded    = "funded"    // and the price
	disputed  = "disputed"  // both, until the arbiter decides
	settled   = "settled"   // the price is the seller's, the asset the buyer's
	awarded   = "awarded"   // likewise, because the arbiter says so
	declined  = "declined"  // both went back, as the buyer wished
	cancelled = "cancelled" // because the time was over
	returned  = "returned"  // because the arbiter says so
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

// initialise runs at deployment and names the contracts that are used, so that nobody
// has to judge for each deal what its register and its money are worth.
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
	if a.Owner != c.Caller || a.Holder != concordat.ContractParty(c.Self) || a.HeldUntil < in.Deadline {
		return nil, concordat.Fail(errCustody, "asset "+in.Asset+" is not yours and held by contract:"+c.Self+" until the deadline; call hold of the register")
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
	if live(&d) && c.Time < d.Until {
		return concordat.Fail(errExists, "deal "+last.Message.Deal+" is about asset "+asset+"; wait for its end")
	}
	return nil
}

func live(d *deal) bool { return d.State == open || d.State == funded || d.State == disputed }

// begin is what every method needs.
func begin(c *concordat.Context) (*terms, error) {
	var t terms
	if !concordat.Load(c, termsKey, &t) {
		return nil, concordat.Fail(errNotInitialised, "the escrow is not initialised; deploy it with init")
	}
	return &t, nil
}

// part is a deal in one of some states, and in time: what it releases must be in the
// escrow's custody.
func part(c *concordat.Context, name string, states ...string) (*terms, *deal, error) {
	t, d, err := find(c, name, states...)
	if err == nil && c.Time >= d.Until {
		err = concordat.Fail(errTime, "the custody of asset "+d.Asset+" is over; cancel the deal")
	}
	return t, d, err
}

func find(c *concordat.Context, name string, states ...string) (*terms, *deal, error) {
	t, err := begin(c)
	if err != nil {
		return nil, nil, err
	}
	found, ok := deals.Find(c, name)
	d := &found.Message
	if !ok {
		return nil, nil, concordat.Fail(errNotFound, "there is no deal "+name)
	}
	for _, s := range states {
		if d.State == s {
			return t, d, nil
		}
	}
	return nil, nil, concordat.Fail(errState, "deal "+name+" is "+d.State+", not "+strings.Join(states, " or "))
}

// enter writes a deal in a new state, and tells it.
func enter(c *concordat.Context, name string, d *deal, state string) {
	d.State = state
	deals.Put(c, storedDeal{Message: *d}, name)
	(&changed{Deal: name, State: state, By: c.Caller}).Emit(c)
}
