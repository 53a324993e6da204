package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

// authority is whose registrars register and lock.
type authority struct {
	Organisation string `concordat:"optional"`
}

// asset is what the register says about one thing now.
type asset struct {
	Title     string
	Document  [32]byte        `concordat:"optional"` // the hash of what describes it
	Owner     concordat.Party // nobody else can give it away
	OfferedTo concordat.Party `concordat:"optional"` // becomes the owner by accepting
	Locked    string          `concordat:"optional"` // why nothing may be done with it
	Retired   bool            `concordat:"optional"` // it has come to its end
	Holder    concordat.Party `concordat:"optional"` // in whose custody it is
	HeldUntil int64           `concordat:"optional"` // then the owner may take it back
}

// entry is one line of an asset's history.
type entry struct {
	Action string
	By     concordat.Party
	Signer concordat.Party `concordat:"optional"` // of the transaction in which a contract did it
	To     concordat.Party `concordat:"optional"`
	Text   string          `concordat:"optional"`
	Time   int64
}

type registerIn struct {
	ID       string
	Owner    concordat.Party
	Title    string
	Document [32]byte `concordat:"optional"` // the hash of what describes it
}

type describeIn struct {
	ID       string
	Title    string
	Document [32]byte `concordat:"optional"` // the hash of what describes it
}

type offerIn struct {
	ID string
	To concordat.Party
}

type idIn struct{ ID string }

type lockIn struct{ ID, Reason string }

type holdIn struct {
	ID     string
	Holder concordat.Party // the only one that can release it, such as contract:escrow
	Until  int64           // Unix nanoseconds; then the owner may take it back
}

type releaseIn struct {
	ID string
	To concordat.Party // the new owner, or the one who has it
}

type historyIn struct {
	ID    string
	First uint64 `concordat:"optional"` // the number of the first entry that is wanted
	Limit uint32 `concordat:"optional"` // entries at most
}

type historyOut struct {
	Entries []entry
	Count   uint64 // of all entries
}

type ownedIn struct {
	Owner concordat.Party
	After string `concordat:"optional"` // the last id of the page before
	Limit uint32 `concordat:"optional"` // ids at most
}

type ownedOut struct {
	Assets []string // their ids
	More   bool     // there are others behind the last
}

// changed: something was done with an asset, as an entry of its history says.
//
//concordat:event
type changed struct {
	ID     string
	Number uint64 // of the entry
	Action string
	By     concordat.Party
	To     concordat.Party `concordat:"optional"`
}
