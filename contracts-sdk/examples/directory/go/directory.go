// Package main is a directory of public keys: parties publish, replace and revoke
// theirs, and everyone looks up which key was valid when.
//
//concordat:contract directory
package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

//concordat:errors
const (
	// The caller is neither the owner nor a delegate, nor may it revoke as an administrator.
	errNotAllowed = iota + 1
	// The purpose, the algorithm or the key has another form.
	errBadKey
	// The times do not fit each other, or the block's.
	errBadValidity
	// The proof is no signature of the statement by the new key.
	errBadProof
	// The key stands in the directory already; make a new one.
	errKnown
	// There is no such key.
	errNotFound
	// The key was revoked before.
	errRevoked
	// A text is missing or too long, or a party is missing or the caller itself.
	errBadText
)

// The state: keys by owner, purpose and number, how many there are, where a key
// stands, who maintains whose keys, and what happened to an owner's keys.
var (
	entries = concordat.Map[storedEntry, *storedEntry]{Name: "entry"}
	places  = concordat.Map[storedPlace, *storedPlace]{Name: "place"}
	grants  = concordat.Map[storedGrant, *storedGrant]{Name: "grant"}
	changes = concordat.History[storedChange, *storedChange]{Name: "change"}
)

type (
	none         = concordat.Nothing
	storedEntry  = concordat.Stored[entry, *entry]
	storedPlace  = concordat.Stored[place, *place]
	storedGrant  = concordat.Stored[grant, *grant]
	storedChange = concordat.Stored[change, *change]
)

// What one query looks at, so that its work is bounded however much there is.
const pageMax = 50

func main() {}

// statement tells the text that a new key signs to enter the directory. A key on
// P-256 signs its SHA-256.
//
//concordat:query
func statement(c *concordat.Context, in *statementIn) (*statementOut, error) {
	if err := checkKey(in.Purpose, in.Algorithm, in.Key); err != nil {
		return nil, err
	}
	return &statementOut{statementText(c, in)}, nil
}

// publish enters a key. Its owner may, or a party to which the owner delegated; the
// key proves by a signature that its holder wants to be entered just so.
//
//concordat:method
func publish(c *concordat.Context, in *publishIn) (*numberOut, error) {
	owner, organisation, err := maintained(c, in.Owner)
	if err != nil {
		return nil, err
	}
	s := &statementIn{owner, in.Purpose, in.Algorithm, in.Key, in.From, in.Until}
	number, err := enter(c, s, organisation, in.Proof)
	if err != nil {
		return nil, err
	}
	note(c, owner, "published", in.Purpose, number, "")
	return &numberOut{number}, nil
}

// rotate replaces a key by a new one, which is valid at once. The old one stays valid
// until the given moment, so that both can be used for a while.
//
//concordat:method
func rotate(c *concordat.Context, in *rotateIn) (*numberOut, error) {
	owner, organisation, err := maintained(c, in.Owner)
	if err != nil {
		return nil, err
	}
	old, err := load(c, owner, in.Purpose, in.Number)
	if err != nil {
		return nil, err
	}
	if in.OldUntil == 0 {
		in.OldUntil = c.Time
	}
	if old.Revoked {
		return nil, concordat.Fail(errRevoked, "the old key is revoked; publish the new one")
	}
	if in.OldUntil < c.Time || in.OldUntil > old.Until {
		return nil, concordat.Fail(errBadValidity, "the old key can stay valid from now to "+decimal(old.Until))
	}
	old.Until = in.OldUntil
	save(c, owner, in.Purpose, old)
	s := &statementIn{owner, in.Purpose, in.Algorithm, in.Key, 0, in.Until}
	number, err := enter(c, s, organisation, in.Proof)
	if err != nil {
		return nil, err
	}
	note(c, owner, "rotated", in.Purpose, number, "")
	return &numberOut{number}, nil
}

// revoke ends a key at once, or in the past if it is not to be trusted since then.
// Its owner, a delegate and an administrator of the owner's organisation may.
//
//concordat:method
func revoke(c *concordat.Context, in *revokeIn) (*none, error) {
	if in.Owner == "" {
		in.Owner = c.Caller
	}
	one, err := load(c, in.Owner, in.Purpose, in.Number)
	if err != nil {
		return nil, err
	}
	if _, _, err := maintained(c, in.Owner); err != nil && !administers(c, one.Organisation) {
		return nil, err
	}
	if in.Reason == "" || len(in.Reason) > 200 {
		return nil, concordat.Fail(errBadText, "give a reason of at most 200 bytes")
	}
	if one.Revoked {
		return nil, concordat.Fail(errRevoked, "the key is revoked since "+decimal(one.Until))
	}
	if in.Since == 0 {
		in.Since = c.Time
	}
	if in.Since < 0 || in.Since > c.Time {
		return nil, concordat.Fail(errBadValidity, "a key is revoked from now on, or since an earlier moment")
	}
	one.Revoked, one.Reason, one.Until = true, in.Reason, min(one.Until, in.Since)
	save(c, in.Owner, in.Purpose, one)
	note(c, in.Owner, "revoked", in.Purpose, in.Number, in.Reason)
	return nil, nil
}

// delegate lets a party maintain the caller's keys until a moment; it cannot delegate
// further. A later one replaces it.
//
//concordat:method
func delegate(c *concordat.Context, in *delegateIn) (*none, error) {
	if in.To == "" || in.To == c.Caller {
		return nil, concordat.Fail(errBadText, "name another party than yourself")
	}
	if in.Until <= c.Time {
		return nil, concordat.Fail(errBadValidity, "a delegation ends after now, "+decimal(c.Time))
	}
	g := grant{Until: in.Until, Organisation: c.Organisation}
	grants.Put(c, storedGrant{Message: g}, string(c.Caller), string(in.To))
	(&delegated{c.Caller, in.To, in.Until}).Emit(c)
	return nil, nil
}

// undelegate takes a delegation back.
//
//concordat:method
func undelegate(c *concordat.Context, in *undelegateIn) (*none, error) {
	if _, ok := grants.Find(c, string(c.Caller), string(in.To)); !ok {
		return nil, concordat.Fail(errNotFound, "there is no delegation to "+string(in.To))
	}
	grants.Delete(c, string(c.Caller), string(in.To))
	(&delegated{Owner: c.Caller, To: in.To}).Emit(c)
	return nil, nil
}
