package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

// settings is the record about the contract.
//
//concordat:record
type settings struct{ Administrator concordat.Party }

// issuer is a party that issues claims.
//
//concordat:record
type issuer struct {
	Name      string
	Keys      uint64 // how many it has had
	Dismissed string `concordat:"optional"` // why it is no issuer any more
}

// issuerKey is a key with which an issuer signs claims off the ledger.
//
//concordat:record
type issuerKey struct {
	Number    uint64 // counts the issuer's keys, from 1
	Algorithm string // ed25519 or p256
	Key       []byte
	Retired   bool `concordat:"optional"`
}

// claim is what every member may know of a claim.
//
//concordat:record
type claim struct {
	From   int64  // when it begins to be valid
	Until  int64  // when it expires
	State  string // valid, suspended or revoked
	Reason string `concordat:"optional"` // why it is suspended or revoked
}

// holding tells a subject of a claim about it; only the subject may read it.
//
//concordat:record
type holding struct {
	Issuer     concordat.Party
	Commitment [32]byte
	Sealed     []byte `concordat:"optional"`
}

// presentation shows a claim to a verifier; only the subject and it may read it.
//
//concordat:record
type presentation struct {
	Subject, Issuer concordat.Party
	Commitment      [32]byte
	Sealed          []byte `concordat:"optional"`
	Time            int64
}

type initIn struct {
	Administrator concordat.Party `concordat:"optional"`
}

type administratorIn struct{ Administrator concordat.Party }

type registerIn struct {
	Issuer    concordat.Party
	Name      string
	Algorithm string // ed25519 or p256
	Key       []byte // 32 bytes, or 33 (a compressed point)
}

type numberOut struct{ Number uint64 }

type retireIn struct {
	Issuer concordat.Party
	Number uint64
}

type dismissIn struct {
	Issuer concordat.Party
	Reason string
}

type issueIn struct {
	Commitment [32]byte        // what query commitment tells
	From       int64           `concordat:"optional"` // when it begins to be valid; none: at once
	Until      int64           // when it expires
	Subject    concordat.Party `concordat:"optional"` // who gets a record of it
	Sealed     []byte          `concordat:"optional"` // content and salt, encrypted for the subject
}

type changeIn struct {
	Commitment [32]byte
	Reason     string
}

type resumeIn struct{ Commitment [32]byte }

type presentIn struct {
	Issuer     concordat.Party
	Commitment [32]byte
	Verifier   concordat.Party
	Sealed     []byte `concordat:"optional"` // content and salt, encrypted for the verifier
}

type commitmentIn struct {
	Content []byte
	Salt    [32]byte
}

type commitmentOut struct{ Commitment [32]byte }

type statementIn struct {
	Issuer     concordat.Party
	Commitment [32]byte
	From       int64 // when it begins to be valid
	Until      int64 // when it expires
}

type statementOut struct{ Text string }

type statusIn struct {
	Issuer     concordat.Party
	Commitment [32]byte
}

type verifyIn struct {
	Issuer  concordat.Party
	Content []byte
	Salt    [32]byte
}

type verifySignedIn struct {
	Issuer    concordat.Party
	Number    uint64 // of the issuer's key
	Content   []byte
	Salt      [32]byte
	From      int64  // when it begins to be valid
	Until     int64  // when it expires
	Signature []byte // of what query statement tells, 64 bytes
}

// standingOut is what holds for a claim now.
type standingOut struct {
	Valid    bool
	Standing string // valid, not yet, expired, suspended, revoked, unknown, issuer dismissed, key retired or bad signature
	From     int64
	Until    int64
	Reason   string
}

type issuerIn struct{ Issuer concordat.Party }

type issuerOut struct {
	Name      string
	Dismissed string
	Keys      []issuerKey
}

// issuerChanged: an issuer was registered, got or lost a key, or was dismissed.
//
//concordat:event issuer
type issuerChanged struct {
	Issuer concordat.Party
	What   string // registered, retired, dismissed
	Number uint64 `concordat:"optional"` // of the key
}

// claimChanged: a claim was issued, suspended, resumed or revoked.
//
//concordat:event claim
type claimChanged struct {
	Issuer     concordat.Party
	Commitment [32]byte
	State      string
}

// held: the caller issued a claim about the reader. For the subject only.
//
//concordat:event held
type held struct {
	Issuer     concordat.Party
	Commitment [32]byte
}

// presented: a subject shows a claim. For it and the verifier only.
//
//concordat:event presented
type presented struct {
	Subject, Issuer concordat.Party
	Commitment      [32]byte
}
