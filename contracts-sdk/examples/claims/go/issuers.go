package main

import (
	"encoding/hex"
	"strconv"
	"strings"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
)

// Keys of one issuer, so that a query can tell all.
const keysMax = 100

// initialise runs at deployment. The deployer becomes the administrator, unless
// another is named.
//
//concordat:method init
func initialise(c *concordat.Context, in *initIn) (*none, error) {
	if in.Administrator == "" {
		in.Administrator = c.Caller
	}
	about.Put(c, storedSettings{Message: settings(*in)})
	return nil, nil
}

// setAdministrator hands the administration over to another party.
//
//concordat:method
func setAdministrator(c *concordat.Context, in *administratorIn) (*none, error) {
	if err := administers(c); err != nil {
		return nil, err
	}
	if !isParty(in.Administrator) {
		return nil, concordat.Fail(errBadText, "name the party that administers from now on")
	}
	about.Put(c, storedSettings{Message: settings(*in)})
	return nil, nil
}

// registerIssuer makes a party an issuer, or gives one a further key. The number is
// the key's. Only the administrator may.
//
//concordat:method
func registerIssuer(c *concordat.Context, in *registerIn) (*numberOut, error) {
	if err := administers(c); err != nil {
		return nil, err
	}
	if !isParty(in.Issuer) || in.Name == "" || len(in.Name) > textBytesMax {
		return nil, concordat.Fail(errBadText, "name the party, and give its name in at most 200 bytes")
	}
	if !(in.Algorithm == "ed25519" && len(in.Key) == 32 || in.Algorithm == "p256" && len(in.Key) == 33) {
		return nil, concordat.Fail(errBadKey, "a key is ed25519 with 32 bytes, or p256 with 33")
	}
	one := issuers.Get(c, string(in.Issuer)).Message
	if one.Keys >= keysMax {
		return nil, concordat.Fail(errBadKey, "the issuer has had 100 keys; register it under another party")
	}
	one.Name, one.Keys, one.Dismissed = in.Name, one.Keys+1, ""
	issuers.Put(c, storedIssuer{Message: one}, string(in.Issuer))
	key := issuerKey{Number: one.Keys, Algorithm: in.Algorithm, Key: in.Key}
	keys.Put(c, storedKey{Message: key}, string(in.Issuer), digits(one.Keys))
	(&issuerChanged{in.Issuer, "registered", one.Keys}).Emit(c)
	return &numberOut{one.Keys}, nil
}

// retireKey makes all that an issuer signed with a key invalid, for nobody can tell
// when it was signed. Only the administrator may.
//
//concordat:method
func retireKey(c *concordat.Context, in *retireIn) (*none, error) {
	if err := administers(c); err != nil {
		return nil, err
	}
	one, ok := keys.Find(c, string(in.Issuer), digits(in.Number))
	if !ok {
		return nil, concordat.Fail(errNotFound, string(in.Issuer)+" has no such key")
	}
	one.Message.Retired = true
	keys.Put(c, one, string(in.Issuer), digits(in.Number))
	(&issuerChanged{in.Issuer, "retired", in.Number}).Emit(c)
	return nil, nil
}

// dismissIssuer ends that a party issues, and makes all its claims invalid until it
// is registered again. Only the administrator may.
//
//concordat:method
func dismissIssuer(c *concordat.Context, in *dismissIn) (*none, error) {
	if err := administers(c); err != nil {
		return nil, err
	}
	if in.Reason == "" || len(in.Reason) > textBytesMax {
		return nil, concordat.Fail(errBadText, "give a reason of at most 200 bytes")
	}
	one, ok := issuers.Find(c, string(in.Issuer))
	if !ok {
		return nil, concordat.Fail(errNotFound, string(in.Issuer)+" is no issuer")
	}
	one.Message.Dismissed = in.Reason
	issuers.Put(c, one, string(in.Issuer))
	(&issuerChanged{Issuer: in.Issuer, What: "dismissed"}).Emit(c)
	return nil, nil
}

func administers(c *concordat.Context) error {
	s, ok := about.Find(c)
	if !ok {
		return concordat.Fail(errNotInitialised, "the contract is not initialised; deploy it with init")
	}
	if c.Caller != s.Message.Administrator {
		return concordat.Fail(errNotTheAdministrator, "only "+string(s.Message.Administrator)+" does that")
	}
	return nil
}

func mayIssue(c *concordat.Context) error {
	one, ok := issuers.Find(c, string(c.Caller))
	if !ok || one.Message.Dismissed != "" {
		return concordat.Fail(errNotAnIssuer, string(c.Caller)+" is no issuer")
	}
	return nil
}

// isParty tells whether p can name one party. An organisation's entry of an audience
// would show a record to all of its parties.
func isParty(p concordat.Party) bool {
	return p != "" && len(p) <= 64 && !strings.HasPrefix(string(p), "org:")
}

// both is the audience of two parties.
func both(a, b concordat.Party) concordat.Audience {
	return concordat.Audience{min(a, b), max(a, b)}
}

// digits is a number as a part of a key, in the order of numbers.
func digits(n uint64) string {
	text := strconv.FormatUint(n, 10)
	return "00000000000000000000"[len(text):] + text
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func hexOf(b [32]byte) string { return hex.EncodeToString(b[:]) }
