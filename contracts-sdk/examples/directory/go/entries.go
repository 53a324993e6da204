package main

import (
	"encoding/hex"
	"strconv"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
)

// maintained tells whose keys the caller wants to change, and the owner's
// organisation, if the caller may.
func maintained(c *concordat.Context, owner concordat.Party) (concordat.Party, string, error) {
	if owner == "" || owner == c.Caller {
		return c.Caller, c.Organisation, nil
	}
	g, ok := grants.Find(c, string(owner), string(c.Caller))
	if !ok || g.Message.Until <= c.Time {
		return "", "", concordat.Fail(errNotAllowed, string(c.Caller)+" may not maintain the keys of "+string(owner))
	}
	return owner, g.Message.Organisation, nil
}

// administers tells whether the caller's organisation vouches that it is its
// administrator, and the key belongs to that organisation.
func administers(c *concordat.Context, organisation string) bool {
	return organisation != "" && c.RequireOrganisation(organisation) == nil && c.RequireAttribute("role", "administrator") == nil
}

// checkKey judges the form of a key. A purpose is one line of the signed text, so it
// must not hold the end of one.
func checkKey(purpose, algorithm string, key []byte) error {
	if purpose == "" || len(purpose) > 32 {
		return concordat.Fail(errBadKey, "a purpose has 1 to 32 letters")
	}
	for _, r := range purpose {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return concordat.Fail(errBadKey, "a purpose has lower-case letters, digits and hyphens")
		}
	}
	switch {
	case algorithm == "ed25519" && len(key) == 32:
	case algorithm == "p256" && len(key) == 33:
	default:
		return concordat.Fail(errBadKey, "a key is ed25519 with 32 bytes, or p256 with 33")
	}
	return nil
}

// statementText names the contract and the owner, so that the proof serves nowhere
// else and for nobody else.
func statementText(c *concordat.Context, in *statementIn) string {
	text := "concordat directory 1"
	for _, line := range []string{c.Self, string(in.Owner), in.Purpose, in.Algorithm, hex.EncodeToString(in.Key), decimal(in.From), decimal(in.Until)} {
		text += "\n" + line
	}
	return text
}

// proves tells whether a key signed its statement.
func proves(c *concordat.Context, in *statementIn, proof []byte) bool {
	text := []byte(statementText(c, in))
	if len(proof) != 64 {
		return false
	}
	if in.Algorithm == "p256" {
		return c.VerifyP256(in.Key, c.SHA256(text), [64]byte(proof))
	}
	return c.VerifyEd25519([32]byte(in.Key), text, [64]byte(proof))
}

// enter makes an entry of a key that proves itself. A key is entered once and never
// again, so no proof can be used twice.
func enter(c *concordat.Context, in *statementIn, organisation string, proof []byte) (uint64, error) {
	if err := checkKey(in.Purpose, in.Algorithm, in.Key); err != nil {
		return 0, err
	}
	from := in.From
	if from == 0 {
		from = c.Time
	}
	if from < c.Time || in.Until <= from {
		return 0, concordat.Fail(errBadValidity, "a key is valid from now or later, "+decimal(c.Time)+", and until after that")
	}
	mark := fingerprint(c, in.Key)
	if _, known := places.Find(c, mark); known {
		return 0, concordat.Fail(errKnown, "this key was published before; make a new one")
	}
	if !proves(c, in, proof) {
		return 0, concordat.Fail(errBadProof, "the proof is no signature of the statement by this key")
	}
	number := last(c, in.Owner, in.Purpose) + 1
	save(c, in.Owner, in.Purpose, &entry{Number: number, Algorithm: in.Algorithm, Key: in.Key, From: from, Until: in.Until,
		Published: c.Time, Organisation: organisation})
	places.Put(c, storedPlace{Message: place{in.Owner, in.Purpose, number}}, mark)
	return number, nil
}

// last is the number of the newest key for a purpose: numbers are in the order of
// their keys.
func last(c *concordat.Context, owner concordat.Party, purpose string) (number uint64) {
	from := concordat.Key(entries.Name, string(owner), purpose)
	c.ScanReverse(from, append(append([]byte(nil), from...), 0xff), func(_, raw []byte) bool {
		var one storedEntry
		if !one.ParseValue(raw) {
			panic("an entry cannot be read")
		}
		number = one.Message.Number
		return false
	})
	return number
}

func load(c *concordat.Context, owner concordat.Party, purpose string, number uint64) (*entry, error) {
	one, ok := entries.Find(c, string(owner), purpose, digits(number))
	if !ok {
		return nil, concordat.Fail(errNotFound, string(owner)+" has no key "+strconv.FormatUint(number, 10)+" for "+purpose)
	}
	return &one.Message, nil
}

func save(c *concordat.Context, owner concordat.Party, purpose string, one *entry) {
	entries.Put(c, storedEntry{Message: *one}, string(owner), purpose, digits(one.Number))
}

// note remembers what was done, and tells it.
func note(c *concordat.Context, owner concordat.Party, what, purpose string, number uint64, reason string) {
	one := change{c.Time, what, purpose, number, c.Caller, reason}
	changes.Append(c, storedChange{Message: one}, string(owner))
	(&changed{owner, one}).Emit(c)
}

func fingerprint(c *concordat.Context, key []byte) string {
	sum := c.SHA256(key)
	return hex.EncodeToString(sum[:])
}
