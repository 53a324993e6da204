package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

// terms say which contracts the escrow uses, from its deployment on.
//
//concordat:record
type terms struct{ Register, Token string }

type initIn struct {
	Register string // the contract where assets are registered
	Token    string // the contract in which is paid
}

// deal is one asset for one price.
type deal struct {
	Asset    string
	Seller   concordat.Party
	Buyer    concordat.Party
	Arbiter  concordat.Party // decides a dispute
	Price    concordat.Amount
	Deadline int64  // the buyer can pay and settle before
	Until    int64  // then the custody of the asset ends
	State    string // open, funded, disputed, settled, awarded, declined, cancelled or returned
	Reason   string `concordat:"optional"` // of the last dispute
}

// current is the last deal about an asset.
//
//concordat:record
type current struct{ Deal string }

type proposeIn struct {
	Deal     string // a name for it, which nobody has used yet
	Asset    string // in the custody of this contract
	Buyer    concordat.Party
	Arbiter  concordat.Party
	Price    concordat.Amount
	Deadline int64 // Unix nanoseconds; the buyer can pay and settle before
}

type dealIn struct{ Deal string }

type disputeIn struct{ Deal, Reason string }

type resolveIn struct {
	Deal string
	To   concordat.Party `concordat:"optional"` // who gets the asset, the other one the price; nobody: the deal goes on
}

type listIn struct {
	Party concordat.Party
	After string `concordat:"optional"` // the last deal of the page before
}

type listOut struct {
	Deals []string
	More  bool // there are others behind the last
}

// changed: a deal is in another state.
//
//concordat:event
type changed struct {
	Deal  string
	State string
	By    concordat.Party
}

// assetIn is what the register takes for get.
//
//concordat:record
type assetIn struct{ ID string }

// assetOut is what the register says about an asset.
//
//concordat:record
type assetOut struct {
	Title     string
	Document  [32]byte
	Owner     concordat.Party
	OfferedTo concordat.Party
	Locked    string
	Retired   bool
	Holder    concordat.Party
	HeldUntil int64
}

// releaseIn is what the register takes for release.
//
//concordat:record
type releaseIn struct {
	ID string
	To concordat.Party
}

// transferFromIn is what the token takes for transfer_from.
//
//concordat:record
type transferFromIn struct {
	From   concordat.Party
	To     concordat.Party
	Amount concordat.Amount
}

// transferIn is what the token takes for transfer.
//
//concordat:record
type transferIn struct {
	To     concordat.Party
	Amount concordat.Amount
	Memo   []byte
}
