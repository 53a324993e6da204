package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

// group is who decides, and how many of them must agree.
type group struct {
	Members   []string // parties and contracts, and org:NAME for an organisation, in ascending order
	Threshold uint32   // members that must approve
}

// proposal is what is to be decided, and how that stands. It is a record for every
// member of the ledger: what is done in the end is public, too.
type proposal struct {
	Title      string
	By         concordat.Party
	Contract   string   `concordat:"optional"` // is called, as this contract, when enough have approved
	Method     string   `concordat:"optional"`
	Arguments  []byte   `concordat:"optional"` // as the ledger has them
	Document   [32]byte `concordat:"optional"` // the hash of what is to be approved
	Expires    int64    // Unix nanoseconds
	Approvals  uint32
	Rejections uint32
	State      string // pending, executed, approved or rejected; asked for, expired too
}

// vote is what one member decided, for the group only.
//
//concordat:record
type vote struct {
	By      concordat.Party
	Approve bool
	Time    int64
}

type proposeIn struct {
	Proposal  string // a name for it, which nobody has used yet
	Title     string
	Contract  string   `concordat:"optional"` // is called, as this contract, when enough have approved
	Method    string   `concordat:"optional"`
	Arguments []byte   `concordat:"optional"` // as the ledger has them
	Document  [32]byte `concordat:"optional"` // the hash of what is to be approved
	Expires   int64    // Unix nanoseconds
}

type proposalIn struct{ Proposal string }

type listIn struct {
	After string `concordat:"optional"` // the last proposal of the page before
}

type listOut struct {
	Proposals []string
	More      bool // there are others behind the last
}

// changed: a proposal stands otherwise than before.
//
//concordat:event
type changed struct {
	Proposal   string
	State      string
	Approvals  uint32
	Rejections uint32
}

// voted: a member approved, rejected, or withdrew what it had said. The group alone is
// told.
//
//concordat:event
type voted struct {
	Proposal string
	Member   string
	By       concordat.Party
	Action   string // approve, reject or withdraw
}
