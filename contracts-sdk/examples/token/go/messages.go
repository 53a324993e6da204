package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

// token is the record about the token.
//
//concordat:record
type token struct {
	Symbol string
	Minter concordat.Party
	Supply concordat.Amount
}

type initIn struct {
	Symbol string
	Minter concordat.Party `concordat:"optional"`
}

type mintIn struct {
	To     concordat.Party
	Amount concordat.Amount
}

type transferIn struct {
	To     concordat.Party
	Amount concordat.Amount
	Memo   []byte `concordat:"optional"`
}

type approveIn struct {
	Spender concordat.Party
	Amount  concordat.Amount
}

type transferFromIn struct {
	From, To concordat.Party
	Amount   concordat.Amount
}

type balanceIn struct{ Party concordat.Party }

type allowanceIn struct{ Owner, Spender concordat.Party }

type amountOut struct{ Amount concordat.Amount }

type infoOut struct {
	Symbol  string
	Minter  concordat.Party
	Supply  concordat.Amount
	Holders uint64
}

// transferEvent: units moved, or were made, and then there is no party that they
// come from.
//
//concordat:event transfer
type transferEvent struct {
	From   concordat.Party `concordat:"optional"`
	To     concordat.Party
	Amount concordat.Amount
	Memo   []byte `concordat:"optional"`
}

// approvalEvent: a party allows another to spend some of its units.
//
//concordat:event approval
type approvalEvent struct {
	Owner, Spender concordat.Party
	Amount         concordat.Amount
}
