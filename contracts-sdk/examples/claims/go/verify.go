package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

// commitment tells what stands on the ledger for a content: a hash of it and of a
// salt of 32 random bytes, without which contents could be guessed.
//
//concordat:query
func commitment(c *concordat.Context, in *commitmentIn) (*commitmentOut, error) {
	sum, err := commit(c, in.Content, in.Salt)
	return &commitmentOut{sum}, err
}

func commit(c *concordat.Context, content []byte, salt [32]byte) ([32]byte, error) {
	if len(content) == 0 || salt == ([32]byte{}) {
		return salt, concordat.Fail(errBadText, "give the content, and a salt of 32 random bytes")
	}
	b := append([]byte("concordat claim 1\n"), salt[:]...)
	return c.SHA256(append(b, content...)), nil
}

// statement tells the text that an issuer signs for a claim that it does not enter in
// the ledger. A key on P-256 signs its SHA-256.
//
//concordat:query
func statement(c *concordat.Context, in *statementIn) (*statementOut, error) {
	return &statementOut{statementText(c, in)}, nil
}

// statementText names the contract and the issuer, so that a signature serves nowhere
// else.
func statementText(c *concordat.Context, in *statementIn) string {
	text := "concordat claim statement 1"
	for _, line := range []string{c.Self, string(in.Issuer), hexOf(in.Commitment), decimal(in.From), decimal(in.Until)} {
		text += "\n" + line
	}
	return text
}

// status tells how a claim of an issuer stands.
//
//concordat:query
func status(c *concordat.Context, in *statusIn) (*standingOut, error) { return standing(c, in) }

// verify tells whether an issuer vouches on the ledger for a content.
//
//concordat:query
func verify(c *concordat.Context, in *verifyIn) (*standingOut, error) {
	sum, err := commit(c, in.Content, in.Salt)
	if err != nil {
		return nil, err
	}
	return standing(c, &statusIn{in.Issuer, sum})
}

// verifySigned tells whether an issuer vouches by a signature for a content. It may
// have been suspended or revoked on the ledger.
//
//concordat:query
func verifySigned(c *concordat.Context, in *verifySignedIn) (*standingOut, error) {
	sum, err := commit(c, in.Content, in.Salt)
	if err != nil {
		return nil, err
	}
	by, err := known(c, in.Issuer)
	if err != nil {
		return nil, err
	}
	stored, ok := keys.Find(c, string(in.Issuer), digits(in.Number))
	if !ok {
		return nil, concordat.Fail(errNotFound, string(in.Issuer)+" has no such key")
	}
	text := statementText(c, &statementIn{in.Issuer, sum, in.From, in.Until})
	one := claims.Get(c, string(in.Issuer), hexOf(sum)).Message
	switch {
	case !signed(c, &stored.Message, []byte(text), in.Signature):
		return &standingOut{Standing: "bad signature"}, nil
	case stored.Message.Retired:
		return &standingOut{Standing: "key retired", From: in.From, Until: in.Until}, nil
	case one.State == "":
		one.State = valid // never suspended
	}
	one.From, one.Until = in.From, in.Until
	return judge(c, by, &one), nil
}

func signed(c *concordat.Context, key *issuerKey, text, signature []byte) bool {
	if len(signature) != 64 {
		return false
	}
	if key.Algorithm == "p256" {
		return c.VerifyP256(key.Key, c.SHA256(text), [64]byte(signature))
	}
	return c.VerifyEd25519([32]byte(key.Key), text, [64]byte(signature))
}

// issuerOf tells about an issuer and its keys.
//
//concordat:query issuer
func issuerOf(c *concordat.Context, in *issuerIn) (*issuerOut, error) {
	by, err := known(c, in.Issuer)
	if err != nil {
		return nil, err
	}
	out := &issuerOut{Name: by.Name, Dismissed: by.Dismissed}
	keys.Scan(c, func(_ []string, one storedKey) bool {
		out.Keys = append(out.Keys, one.Message)
		return true
	}, string(in.Issuer))
	return out, nil
}

func known(c *concordat.Context, party concordat.Party) (*issuer, error) {
	by, ok := issuers.Find(c, string(party))
	if !ok {
		return nil, concordat.Fail(errNotFound, string(party)+" is no issuer")
	}
	return &by.Message, nil
}

// standing is how a claim in the state stands at the block's time.
func standing(c *concordat.Context, in *statusIn) (*standingOut, error) {
	by, err := known(c, in.Issuer)
	if err != nil {
		return nil, err
	}
	one, ok := claims.Find(c, string(in.Issuer), hexOf(in.Commitment))
	if !ok {
		return &standingOut{Standing: "unknown"}, nil
	}
	return judge(c, by, &one.Message), nil
}

// judge says the first thing that makes a claim invalid, the gravest first.
func judge(c *concordat.Context, by *issuer, one *claim) *standingOut {
	out := &standingOut{Standing: one.State, From: one.From, Until: one.Until, Reason: one.Reason}
	switch {
	case one.State == revoked:
	case by.Dismissed != "":
		out.Standing, out.Reason = "issuer dismissed", by.Dismissed
	case one.State == suspended:
	case c.Time < one.From:
		out.Standing = "not yet"
	case c.Time >= one.Until:
		out.Standing = "expired"
	}
	out.Valid = out.Standing == valid
	return out
}
