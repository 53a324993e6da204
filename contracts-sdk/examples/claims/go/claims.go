// Package main is a register of verifiable claims: issuers vouch for what they say
// about subjects, and on the ledger stands nothing of it but a salted commitment,
// its validity, and whether it was suspended or revoked.
//
//concordat:contract claims
package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

//concordat:errors
const (
	// Only the administrator does that.
	errNotTheAdministrator = iota + 1
	// The caller is no issuer, or is one no more.
	errNotAnIssuer
	// There is no such issuer, key or claim.
	errNotFound
	// The issuer issued, suspended or revoked a claim of this commitment before.
	errExists
	// The times do not fit each other, or the block's.
	errBadValidity
	// The key has another form.
	errBadKey
	// A party, a text, a commitment or a salt is missing or too long.
	errBadText
	// The claim does not stand in a way that allows this.
	errBadState
	// The contract was deployed without init.
	errNotInitialised
)

// The state. Holdings and presentations have an audience, the rest is for every
// member.
var (
	about         = concordat.Single[storedSettings, *storedSettings]{Name: "settings"}
	issuers       = concordat.Map[storedIssuer, *storedIssuer]{Name: "issuer"}
	keys          = concordat.Map[storedKey, *storedKey]{Name: "key"}
	claims        = concordat.Map[storedClaim, *storedClaim]{Name: "claim"}
	holdings      = concordat.Map[storedHolding, *storedHolding]{Name: "holding"}
	presentations = concordat.Map[storedPresentation, *storedPresentation]{Name: "presentation"}
)

type (
	none               = concordat.Nothing
	storedSettings     = concordat.Stored[settings, *settings]
	storedIssuer       = concordat.Stored[issuer, *issuer]
	storedKey          = concordat.Stored[issuerKey, *issuerKey]
	storedClaim        = concordat.Stored[claim, *claim]
	storedHolding      = concordat.Stored[holding, *holding]
	storedPresentation = concordat.Stored[presentation, *presentation]
)

// Words for how a claim stands in the state.
const (
	valid     = "valid"
	suspended = "suspended"
	revoked   = "revoked"
)

const (
	textBytesMax   = 200
	sealedBytesMax = 8 << 10
)

func main() {}

// issue registers a claim by its commitment. A subject that is named gets a record
// that it alone may read. Only an issuer may.
//
//concordat:method
func issue(c *concordat.Context, in *issueIn) (*none, error) {
	if err := mayIssue(c); err != nil {
		return nil, err
	}
	if in.Commitment == ([32]byte{}) || len(in.Sealed) > sealedBytesMax || in.Subject != "" && !isParty(in.Subject) {
		return nil, concordat.Fail(errBadText, "give a commitment, at most 8 KiB for the subject, and a party as the subject")
	}
	if in.From == 0 {
		in.From = c.Time
	}
	if in.From < 0 || in.Until <= in.From || in.Until <= c.Time {
		return nil, concordat.Fail(errBadValidity, "a claim expires after it begins, and after now, "+decimal(c.Time))
	}
	id := hexOf(in.Commitment)
	if _, ok := claims.Find(c, string(c.Caller), id); ok {
		return nil, concordat.Fail(errExists, "this commitment is used; take another salt")
	}
	one := claim{From: in.From, Until: in.Until, State: valid}
	claims.Put(c, storedClaim{Message: one}, string(c.Caller), id)
	(&claimChanged{c.Caller, in.Commitment, valid}).Emit(c)
	if in.Subject != "" {
		h := holding{Issuer: c.Caller, Commitment: in.Commitment, Sealed: in.Sealed}
		to := concordat.Audience{in.Subject}
		holdings.PutFor(c, to, storedHolding{Message: h}, string(in.Subject), string(c.Caller), id)
		c.EmitFor(to, "held", &held{c.Caller, in.Commitment})
	}
	return nil, nil
}

// suspend makes a claim of the caller's invalid until it is resumed.
//
//concordat:method
func suspend(c *concordat.Context, in *changeIn) (*none, error) {
	return nil, change(c, in, suspended)
}

// revoke makes a claim of the caller's invalid for ever.
//
//concordat:method
func revoke(c *concordat.Context, in *changeIn) (*none, error) {
	return nil, change(c, in, revoked)
}

// change sets how a claim stands. One that was signed off the ledger has no record
// yet; it gets one. Who was dismissed can still warn of its claims.
func change(c *concordat.Context, in *changeIn, state string) error {
	if _, ok := issuers.Find(c, string(c.Caller)); !ok {
		return concordat.Fail(errNotAnIssuer, string(c.Caller)+" is no issuer")
	}
	if in.Commitment == ([32]byte{}) || in.Reason == "" || len(in.Reason) > textBytesMax {
		return concordat.Fail(errBadText, "give a commitment, and a reason of at most 200 bytes")
	}
	id := hexOf(in.Commitment)
	one := claims.Get(c, string(c.Caller), id).Message
	if one.State == revoked || one.State == state {
		return concordat.Fail(errBadState, "the claim is "+one.State)
	}
	one.State, one.Reason = state, in.Reason
	claims.Put(c, storedClaim{Message: one}, string(c.Caller), id)
	(&claimChanged{c.Caller, in.Commitment, state}).Emit(c)
	return nil
}

// resume makes a suspended claim of the caller's valid again.
//
//concordat:method
func resume(c *concordat.Context, in *resumeIn) (*none, error) {
	if err := mayIssue(c); err != nil {
		return nil, err
	}
	id := hexOf(in.Commitment)
	stored, ok := claims.Find(c, string(c.Caller), id)
	one := stored.Message
	if !ok {
		return nil, concordat.Fail(errNotFound, string(c.Caller)+" has no such claim")
	}
	if one.State != suspended {
		return nil, concordat.Fail(errBadState, "the claim is "+one.State)
	}
	one.State, one.Reason = valid, ""
	claims.Put(c, storedClaim{Message: one}, string(c.Caller), id)
	(&claimChanged{c.Caller, in.Commitment, valid}).Emit(c)
	return nil, nil
}

// present shows a claim about the caller to a verifier, by a record that the two may
// read.
//
//concordat:method
func present(c *concordat.Context, in *presentIn) (*none, error) {
	if !isParty(in.Verifier) || in.Verifier == c.Caller || len(in.Sealed) > sealedBytesMax {
		return nil, concordat.Fail(errBadText, "name another party as the verifier, and give it at most 8 KiB")
	}
	s, err := standing(c, &statusIn{in.Issuer, in.Commitment})
	if err != nil {
		return nil, err
	}
	if !s.Valid {
		return nil, concordat.Fail(errBadState, "the claim is not valid: "+s.Standing)
	}
	id := hexOf(in.Commitment)
	h, ok := holdings.Find(c, string(c.Caller), string(in.Issuer), id)
	if !ok {
		return nil, concordat.Fail(errNotFound, string(c.Caller)+" is the subject of no such claim")
	}
	m := h.Message
	to := both(c.Caller, in.Verifier)
	p := presentation{c.Caller, m.Issuer, m.Commitment, in.Sealed, c.Time}
	// Declassified: what the subject alone could read, it shows to a verifier of its
	// choice. What was sealed for the subject is not in it.
	presentations.PutDeclassified(c, to, storedPresentation{Message: p}, string(in.Verifier), string(c.Caller), string(m.Issuer), id)
	c.EmitDeclassified(to, "presented", &presented{c.Caller, m.Issuer, m.Commitment})
	return nil, nil
}
