package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

// settings is the record about the contract.
//
//concordat:record
type settings struct{ Inspectorate string }

// lot is a quantity of goods that is handled as one.
//
//concordat:record
type lot struct {
	ID          string
	Number      uint64 // counts all lots; a lot's parents have lower ones
	Product     string
	Quantity    uint64 // in units
	Unit        string
	Producer    concordat.Party // who made it of nothing, or by merging
	Holder      concordat.Party
	Created     int64
	Parents     []string        `concordat:"optional"` // the lots that it was split from or merged of
	Children    []string        `concordat:"optional"` // what was made of it; then it is gone
	Quarantined string          `concordat:"optional"` // why an inspector holds it back
	Recalled    string          `concordat:"optional"` // the lot whose recall it belongs to
	Offers      uint64          `concordat:"optional"` // how many there have been
	OfferedTo   concordat.Party `concordat:"optional"`
	OfferUntil  int64           `concordat:"optional"` // when the offer ends
}

// measurement is what a holder measured.
//
//concordat:record
type measurement struct {
	Time  int64
	By    concordat.Party
	Kind  string // such as temperature
	Value int64
	Unit  string // such as millidegree
}

// handover is one change of hands.
//
//concordat:record
type handover struct {
	Time     int64
	From, To concordat.Party
	Offer    uint64 // which of the lot's offers it was
}

// terms are the commercial side of an offer; only the two parties may read them.
//
//concordat:record
type terms struct {
	From, To concordat.Party
	Hash     [32]byte `concordat:"optional"`
	Sealed   []byte   `concordat:"optional"`
}

// recallOf is how far a recall has come.
//
//concordat:record
type recallOf struct {
	By     concordat.Party
	Time   int64
	Reason string
	Marked uint64 // how many lots
	Done   bool   `concordat:"optional"`
}

// counter is the record of the last number that was given.
//
//concordat:record
type counter struct{ Last uint64 }

type initIn struct {
	Inspectorate string `concordat:"optional"` // name of an organisation
}

type createIn struct {
	ID       string // a new name, 1 to 64 bytes
	Product  string
	Quantity uint64
	Unit     string
}

type part struct {
	ID       string // a new name, 1 to 64 bytes
	Quantity uint64
}

type splitIn struct {
	ID    string
	Parts []part // 2 to 10; their quantities make the lot's
}

type mergeIn struct {
	IDs []string `concordat:"name=ids"` // 2 to 10 lots of one product and unit
	ID  string   // a new name, 1 to 64 bytes
}

type measureIn struct {
	ID    string
	Kind  string // such as temperature
	Value int64
	Unit  string // such as millidegree
}

type offerIn struct {
	ID     string
	To     concordat.Party
	Until  int64    // when the offer ends
	Hash   [32]byte `concordat:"optional"` // of the terms, as query terms_hash tells it
	Sealed []byte   `concordat:"optional"` // the terms, encrypted for the other party
}

type acceptIn struct {
	ID   string
	Hash [32]byte `concordat:"optional"` // of the terms that are accepted
}

type idIn struct{ ID string }

type reasonIn struct {
	ID     string
	Reason string
}

type recallOut struct {
	Marked uint64 // how many lots up to now
	Done   bool   // otherwise call continue_recall
}

type pageIn struct {
	ID    string
	First uint64 `concordat:"optional"` // where to begin, counted from 0
}

type measurementsOut struct {
	Measurements []measurement
	Next         uint64 // where the next page begins; 0: there is none
}

type handoversOut struct {
	Handovers []handover
	Next      uint64 // where the next page begins; 0: there is none
}

type traceIn struct {
	IDs []string `concordat:"name=ids"` // a lot, or what the last page left
}

type traceOut struct {
	Lots []lot    // the newest first
	Rest []string // what the next page begins with
}

type termsHashIn struct {
	Price    concordat.Amount
	Currency string
	Salt     [32]byte // 32 random bytes
}

type termsHashOut struct{ Hash [32]byte }

// made: a lot was created, or came of splitting or merging others.
//
//concordat:event made
type made struct {
	ID       string
	Product  string
	Quantity uint64
	Parents  []string `concordat:"optional"`
}

// offered: a lot is offered. For the two parties only.
//
//concordat:event offered
type offered struct {
	ID       string
	From, To concordat.Party
	Offer    uint64
}

// handedOver: a lot has a new holder.
//
//concordat:event handed_over
type handedOver struct {
	ID       string
	From, To concordat.Party
}

// inspected: an inspector holds a lot back, or lets it go.
//
//concordat:event inspected
type inspected struct {
	ID          string
	Quarantined bool
	Reason      string
}

// recalled: a lot belongs to a recall.
//
//concordat:event recalled
type recalled struct {
	ID string
	Of string // the lot that the recall began with
}
