package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

// entry is one published key.
//
//concordat:record
type entry struct {
	Number       uint64 // counts the owner's keys for this purpose, from 1
	Algorithm    string // ed25519 or p256
	Key          []byte
	From         int64  // when it begins to be valid
	Until        int64  // when it stops being valid, as it stands now
	Published    int64  // when it was entered
	Organisation string // whose administrators may revoke it
	Revoked      bool   `concordat:"optional"`
	Reason       string `concordat:"optional"` // why it was revoked
}

// place is where a key stands.
//
//concordat:record
type place struct {
	Owner   concordat.Party
	Purpose string
	Number  uint64
}

// grant lets a party maintain another's keys.
//
//concordat:record
type grant struct {
	Until        int64  // when it ends
	Organisation string // the owner's
}

// change is one step in the history of an owner's keys.
//
//concordat:record
type change struct {
	Time    int64
	What    string // published, rotated, revoked
	Purpose string
	Number  uint64
	By      concordat.Party
	Reason  string `concordat:"optional"`
}

type statementIn struct {
	Owner     concordat.Party
	Purpose   string // lower-case letters, digits and hyphens
	Algorithm string // ed25519 or p256
	Key       []byte // 32 bytes, or 33 (a compressed point)
	From      int64  `concordat:"optional"` // when it begins to be valid; none: at once
	Until     int64  // when it stops being valid
}

type statementOut struct{ Text string }

type publishIn struct {
	Owner     concordat.Party `concordat:"optional"` // whose key it is; the caller's own without it
	Purpose   string          // lower-case letters, digits and hyphens
	Algorithm string          // ed25519 or p256
	Key       []byte          // 32 bytes, or 33 (a compressed point)
	From      int64           `concordat:"optional"` // when it begins to be valid; none: at once
	Until     int64           // when it stops being valid
	Proof     []byte          // the new key's signature of what query statement tells, 64 bytes
}

type rotateIn struct {
	Owner     concordat.Party `concordat:"optional"` // whose key it is; the caller's own without it
	Purpose   string          // of both keys
	Number    uint64          // of the key that is replaced
	OldUntil  int64           `concordat:"optional"` // when the old key stops being valid; none: at once
	Algorithm string          // of the new key: ed25519 or p256
	Key       []byte          // the new key
	Until     int64           // when the new key stops being valid
	Proof     []byte          // the new key's signature of what query statement tells, 64 bytes
}

type revokeIn struct {
	Owner   concordat.Party `concordat:"optional"` // whose key it is; the caller's own without it
	Purpose string
	Number  uint64
	Reason  string
	Since   int64 `concordat:"optional"` // from when on it is not to be trusted, if that is earlier than now
}

type delegateIn struct {
	To    concordat.Party
	Until int64 // when it ends
}

type undelegateIn struct{ To concordat.Party }

type numberOut struct{ Number uint64 }

type lookupIn struct {
	Owner   concordat.Party
	Purpose string
	At      int64  `concordat:"optional"` // the moment that is meant; none: now
	First   uint64 `concordat:"optional"` // number to begin with, for the next page
}

type lookupOut struct {
	Keys []entry
	Next uint64 // where the next page begins; 0: there is none
}

type findIn struct{ Key []byte }

type findOut struct {
	Owner   concordat.Party
	Purpose string
	Entry   entry
	Valid   bool // now
}

type historyIn struct {
	Owner concordat.Party
	First uint64 `concordat:"optional"` // the change to begin with, counted from 0
}

type historyOut struct {
	Changes []change
	Next    uint64 // where the next page begins; 0: there is none
}

// changed: a key was published, replaced or revoked.
//
//concordat:event changed
type changed struct {
	Owner  concordat.Party
	Change change
}

// delegated: a party may maintain another's keys until that moment; from 0 on: no
// more.
//
//concordat:event delegated
type delegated struct {
	Owner, To concordat.Party
	Until     int64
}
