package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

// token is the record about the token.
type token struct {
	Symbol string
	Minter concordat.Party
	Supply concordat.Amount
}

func (t *token) Fields(f *concordat.Fields) {
	f.String(1, &t.Symbol)
	f.Party(2, &t.Minter)
	f.Amount(3, &t.Supply)
}

type initIn struct {
	Symbol string
	Minter concordat.Party
}

func (m *initIn) Fields(f *concordat.Fields) {
	f.String(1, &m.Symbol)
	f.Party(2, &m.Minter)
}

type mintIn struct {
	To     concordat.Party
	Amount concordat.Amount
}

func (m *mintIn) Fields(f *concordat.Fields) {
	f.Party(1, &m.To)
	f.Amount(2, &m.Amount)
}

type transferIn struct {
	To     concordat.Party
	Amount concordat.Amount
	Memo   []byte
}

func (m *transferIn) Fields(f *concordat.Fields) {
	f.Party(1, &m.To)
	f.Amount(2, &m.Amount)
	f.Bytes(3, &m.Memo)
}

type approveIn struct {
	Spender concordat.Party
	Amount  concordat.Amount
}

func (m *approveIn) Fields(f *concordat.Fields) {
	f.Party(1, &m.Spender)
	f.Amount(2, &m.Amount)
}

type transferFromIn struct {
	From, To concordat.Party
	Amount   concordat.Amount
}

func (m *transferFromIn) Fields(f *concordat.Fields) {
	f.Party(1, &m.From)
	f.Party(2, &m.To)
	f.Amount(3, &m.Amount)
}

type balanceIn struct{ Party concordat.Party }

func (m *balanceIn) Fields(f *concordat.Fields) { f.Party(1, &m.Party) }

type allowanceIn struct{ Owner, Spender concordat.Party }

func (m *allowanceIn) Fields(f *concordat.Fields) {
	f.Party(1, &m.Owner)
	f.Party(2, &m.Spender)
}

type amountOut struct{ Amount concordat.Amount }

func (m *amountOut) Fields(f *concordat.Fields) { f.Amount(1, &m.Amount) }

type infoOut struct {
	Symbol  string
	Minter  concordat.Party
	Supply  concordat.Amount
	Holders uint64
}

func (m *infoOut) Fields(f *concordat.Fields) {
	f.String(1, &m.Symbol)
	f.Party(2, &m.Minter)
	f.Amount(3, &m.Supply)
	f.Uint64(4, &m.Holders)
}

type transferEvent struct {
	From, To concordat.Party
	Amount   concordat.Amount
	Memo     []byte
}

func (m *transferEvent) Fields(f *concordat.Fields) {
	f.Party(1, &m.From)
	f.Party(2, &m.To)
	f.Amount(3, &m.Amount)
	f.Bytes(4, &m.Memo)
}

type approvalEvent struct {
	Owner, Spender concordat.Party
	Amount         concordat.Amount
}

func (m *approvalEvent) Fields(f *concordat.Fields) {
	f.Party(1, &m.Owner)
	f.Party(2, &m.Spender)
	f.Amount(3, &m.Amount)
}
