// Package main is a register of assets: who owns what, what was ever done with it, and
// what may not be done with it now.
//
//concordat:contract asset
package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

//concordat:errors
const (
	// No asset has that id.
	errNotFound = iota + 1
	// An asset with that id is registered already.
	errExists
	// Only the owner may do this.
	errNotTheOwner
	// The asset is not offered to the caller.
	errNotOffered
	// A registrar locked the asset.
	errLocked
	// The asset is not locked.
	errNotLocked
	// The asset was retired, which is for good.
	errRetired
	// The asset is in somebody's custody.
	errHeld
	// The asset is not in the caller's custody, or its time is not over.
	errNotHeld
	// An argument is missing, too long or makes no sense.
	errBadArgument
	// The contract was deployed without init.
	errNotInitialised
)

// Limits, in bytes and entries.
const (
	idBytesMax   = 64
	textBytesMax = 256
	pageDefault  = 20
	pageMax      = 100
)

const registrar = "registrar"

var authorityKey = concordat.Key("authority")

type (
	none        = concordat.Nothing
	storedAsset = concordat.Stored[asset, *asset]
	storedEntry = concordat.Stored[entry, *entry]
)

// The state: assets by id, ids by owner, and what was done with each asset.
var (
	assets  = concordat.Map[storedAsset, *storedAsset]{Name: "asset"}
	byOwner = concordat.Index{Name: "owner"}
	past    = concordat.History[storedEntry, *storedEntry]{Name: "history"}
)

func main() {}

func save(c *concordat.Context, id string, a *asset) { assets.Put(c, storedAsset{Message: *a}, id) }

// note appends to an asset's history, and tells it.
func note(c *concordat.Context, id, action string, to concordat.Party, text string) {
	done := entry{Action: action, By: c.Caller, To: to, Text: text, Time: c.Time}
	if c.Signer != c.Caller {
		done.Signer = c.Signer
	}
	n := past.Append(c, storedEntry{Message: done}, id)
	(&changed{ID: id, Number: n, Action: action, By: c.Caller, To: to}).Emit(c)
}

func find(c *concordat.Context, id string) (*asset, error) {
	if found, ok := assets.Find(c, id); ok && len(id) <= idBytesMax {
		return &found.Message, nil
	}
	return nil, concordat.Fail(errNotFound, "there is no asset "+id+"; a registrar registers it")
}

// movable is an asset with which something may be done.
func movable(c *concordat.Context, id string) (*asset, error) {
	a, err := find(c, id)
	switch {
	case err != nil:
		return nil, err
	case a.Retired:
		return nil, concordat.Fail(errRetired, "asset "+id+" is retired")
	case a.Locked != "":
		return nil, concordat.Fail(errLocked, "asset "+id+" is locked: "+a.Locked)
	}
	return a, nil
}

// owned is an asset that the caller owns, and with which something may be done.
func owned(c *concordat.Context, id string) (*asset, error) {
	a, err := movable(c, id)
	switch {
	case err != nil:
		return nil, err
	case a.Owner != c.Caller:
		return nil, concordat.Fail(errNotTheOwner, "only "+string(a.Owner)+", who owns asset "+id+", may do this")
	case a.Holder != "":
		return nil, concordat.Fail(errHeld, "asset "+id+" is in the custody of "+string(a.Holder))
	}
	return a, nil
}

func texts(title string) error {
	if title == "" || len(title) > textBytesMax {
		return concordat.Fail(errBadArgument, "give a text of 1 to 256 bytes")
	}
	return nil
}

// initialise runs at deployment, and names the organisation whose registrars register
// and lock; unless one is given it is the deployer's.
//
//concordat:method init
func initialise(c *concordat.Context, in *authority) (*none, error) {
	if in.Organisation == "" {
		in.Organisation = c.Organisation
	}
	concordat.Save(c, authorityKey, in)
	return nil, nil
}

// asRegistrar is an error unless a registrar calls. Any organisation may call its own
// parties registrars, so the attribute counts only with the organisation that was named.
func asRegistrar(c *concordat.Context) error {
	var a authority
	if !concordat.Load(c, authorityKey, &a) {
		return concordat.Fail(errNotInitialised, "the register is not initialised; deploy it with init")
	}
	if err := c.RequireOrganisation(a.Organisation); err != nil {
		return err
	}
	return c.RequireAttribute("role", registrar)
}

// register enters an asset for its first owner. Only a registrar may.
//
//concordat:method
func register(c *concordat.Context, in *registerIn) (*none, error) {
	if err := asRegistrar(c); err != nil {
		return nil, err
	}
	if in.ID == "" || len(in.ID) > idBytesMax || in.Owner == "" {
		return nil, concordat.Fail(errBadArgument, "give an id of 1 to 64 bytes and an owner")
	}
	if err := texts(in.Title); err != nil {
		return nil, err
	}
	if _, ok := assets.Find(c, in.ID); ok {
		return nil, concordat.Fail(errExists, "asset "+in.ID+" is registered already; choose another id")
	}
	save(c, in.ID, &asset{Title: in.Title, Document: in.Document, Owner: in.Owner})
	byOwner.Add(c, string(in.Owner), in.ID)
	note(c, in.ID, "registered", in.Owner, "")
	return nil, nil
}

// describe replaces an asset's title and document. Only the owner may.
//
//concordat:method
func describe(c *concordat.Context, in *describeIn) (*none, error) {
	a, err := owned(c, in.ID)
	if err != nil {
		return nil, err
	}
	if err := texts(in.Title); err != nil {
		return nil, err
	}
	before := a.Title
	a.Title, a.Document = in.Title, in.Document
	a.OfferedTo = "" // what was offered was described otherwise
	save(c, in.ID, a)
	note(c, in.ID, "described", "", before)
	return nil, nil
}

// offer lets a party become the owner by accepting; it replaces an earlier offer.
//
//concordat:method
func offer(c *concordat.Context, in *offerIn) (*none, error) {
	a, err := owned(c, in.ID)
	if err != nil {
		return nil, err
	}
	if in.To == "" || in.To == a.Owner {
		return nil, concordat.Fail(errBadArgument, "name another party than the owner")
	}
	a.OfferedTo = in.To
	save(c, in.ID, a)
	note(c, in.ID, "offered", in.To, "")
	return nil, nil
}

// withdraw ends an offer. The owner may, and the party to which it was made.
//
//concordat:method
func withdraw(c *concordat.Context, in *idIn) (*none, error) {
	a, err := movable(c, in.ID)
	if err != nil {
		return nil, err
	}
	if a.OfferedTo == "" || c.Caller != a.Owner && c.Caller != a.OfferedTo {
		return nil, concordat.Fail(errNotOffered, "asset "+in.ID+" is not offered by or to "+string(c.Caller))
	}
	to := a.OfferedTo
	a.OfferedTo = ""
	save(c, in.ID, a)
	note(c, in.ID, "withdrawn", to, "")
	return nil, nil
}

// accept makes the caller the owner of an asset that is offered to it.
//
//concordat:method
func accept(c *concordat.Context, in *idIn) (*none, error) {
	a, err := movable(c, in.ID)
	if err != nil {
		return nil, err
	}
	if a.OfferedTo != c.Caller {
		return nil, concordat.Fail(errNotOffered, "asset "+in.ID+" is not offered to "+string(c.Caller))
	}
	move(c, in.ID, a, c.Caller)
	return nil, nil
}

// move changes an asset's owner; what was said about the old one ends.
func move(c *concordat.Context, id string, a *asset, to concordat.Party) {
	byOwner.Remove(c, string(a.Owner), id)
	byOwner.Add(c, string(to), id)
	from := a.Owner
	a.Owner, a.OfferedTo, a.Holder, a.HeldUntil = to, "", "", 0
	save(c, id, a)
	note(c, id, "transferred", to, "from "+string(from))
}

// retire ends an asset for good. Only the owner may.
//
//concordat:method
func retire(c *concordat.Context, in *idIn) (*none, error) {
	a, err := owned(c, in.ID)
	if err != nil {
		return nil, err
	}
	a.Retired, a.OfferedTo = true, ""
	save(c, in.ID, a)
	byOwner.Remove(c, string(a.Owner), in.ID)
	note(c, in.ID, "retired", "", "")
	return nil, nil
}
