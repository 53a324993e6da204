package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

// offer offers a lot to a party until a moment. The terms are for the two parties
// only: a salted hash of them, and what was sealed for the other party. Only the
// holder may.
//
//concordat:method
func offer(c *concordat.Context, in *offerIn) (*none, error) {
	one, err := free(c, in.ID)
	if err != nil {
		return nil, err
	}
	if !isParty(in.To) || in.To == c.Caller || len(in.Sealed) > sealedBytesMax {
		return nil, concordat.Fail(errBadText, "name another party, and give at most 8 KiB of sealed terms")
	}
	if in.Until <= c.Time {
		return nil, concordat.Fail(errTooLate, "an offer ends after now, "+decimal(c.Time))
	}
	drop(c, one)
	one.Offers++
	one.OfferedTo, one.OfferUntil = in.To, in.Until
	save(c, one)
	to := concordat.Audience{min(c.Caller, in.To), max(c.Caller, in.To)}
	if in.Hash != ([32]byte{}) || len(in.Sealed) > 0 {
		t := terms{c.Caller, in.To, in.Hash, in.Sealed}
		agreed.PutFor(c, to, storedTerms{Message: t}, one.ID, digits(one.Offers))
	}
	c.EmitFor(to, "offered", &offered{one.ID, c.Caller, in.To, one.Offers})
	return nil, nil
}

// accept takes a lot that is offered to the caller, on the terms of the offer.
//
//concordat:method
func accept(c *concordat.Context, in *acceptIn) (*none, error) {
	one, err := offeredToCaller(c, in.ID)
	if err != nil {
		return nil, err
	}
	if err := movable(one); err != nil {
		return nil, err
	}
	if c.Time >= one.OfferUntil {
		return nil, concordat.Fail(errTooLate, "the offer ended at "+decimal(one.OfferUntil))
	}
	h := handover{c.Time, one.Holder, c.Caller, one.Offers}
	handovers.Append(c, storedHandover{Message: h}, one.ID)
	one.Holder, one.OfferedTo, one.OfferUntil = c.Caller, "", 0
	save(c, one)
	(&handedOver{one.ID, h.From, h.To}).Emit(c)
	// The terms are read last. Nothing that is written for every member comes after
	// them, so nothing has to be declassified; when they differ, all is undone.
	if agreed.Get(c, one.ID, digits(one.Offers)).Message.Hash != in.Hash {
		return nil, concordat.Fail(errTermsDiffer, "the offer has other terms")
	}
	return nil, nil
}

// refuse declines a lot that is offered to the caller.
//
//concordat:method
func refuse(c *concordat.Context, in *idIn) (*none, error) {
	one, err := offeredToCaller(c, in.ID)
	if err != nil {
		return nil, err
	}
	drop(c, one)
	save(c, one)
	return nil, nil
}

// withdraw takes an offer back. Only the holder may, before it is accepted.
//
//concordat:method
func withdraw(c *concordat.Context, in *idIn) (*none, error) {
	one, err := held(c, in.ID)
	if err != nil {
		return nil, err
	}
	if one.OfferedTo == "" {
		return nil, concordat.Fail(errNoOffer, one.ID+" is not offered")
	}
	drop(c, one)
	save(c, one)
	return nil, nil
}

// drop ends an offer that came to nothing, with its terms.
func drop(c *concordat.Context, one *lot) {
	if one.OfferedTo == "" {
		return
	}
	agreed.Delete(c, one.ID, digits(one.Offers))
	one.OfferedTo, one.OfferUntil = "", 0
}

func offeredToCaller(c *concordat.Context, id string) (*lot, error) {
	one, err := load(c, id)
	if err == nil && one.OfferedTo != c.Caller {
		err = concordat.Fail(errNoOffer, id+" is not offered to "+string(c.Caller))
	}
	return one, err
}

// termsHash tells the hash of terms: with the salt, both parties can prove them to
// whom they like, and nobody can guess them.
//
//concordat:query
func termsHash(c *concordat.Context, in *termsHashIn) (*termsHashOut, error) {
	if in.Salt == ([32]byte{}) || !isText(in.Currency) {
		return nil, concordat.Fail(errBadText, "give a currency, and a salt of 32 random bytes")
	}
	text := "concordat supply terms 1\n" + in.Price.String() + "\n" + in.Currency + "\n" + string(in.Salt[:])
	return &termsHashOut{c.SHA256([]byte(text))}, nil
}
