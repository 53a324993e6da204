package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

// lock stops everything that could be done with an asset. Only a registrar may.
//
//concordat:method
func lock(c *concordat.Context, in *lockIn) (*none, error) {
	a, err := lockable(c, in.ID)
	if err != nil {
		return nil, err
	}
	if err := texts(in.Reason); err != nil {
		return nil, err
	}
	if a.Locked != "" {
		return nil, concordat.Fail(errLocked, "asset "+in.ID+" is locked already: "+a.Locked)
	}
	a.Locked = in.Reason
	save(c, in.ID, a)
	note(c, in.ID, "locked", "", in.Reason)
	return nil, nil
}

// unlock ends a lock. Only a registrar may, not only the one who locked.
//
//concordat:method
func unlock(c *concordat.Context, in *idIn) (*none, error) {
	a, err := lockable(c, in.ID)
	if err != nil {
		return nil, err
	}
	if a.Locked == "" {
		return nil, concordat.Fail(errNotLocked, "asset "+in.ID+" is not locked")
	}
	a.Locked = ""
	save(c, in.ID, a)
	note(c, in.ID, "unlocked", "", "")
	return nil, nil
}

// lockable is an asset that the registrar who calls may lock and unlock.
func lockable(c *concordat.Context, id string) (*asset, error) {
	if err := asRegistrar(c); err != nil {
		return nil, err
	}
	a, err := find(c, id)
	if err == nil && a.Retired {
		return nil, concordat.Fail(errRetired, "asset "+id+" is retired")
	}
	return a, err
}

// hold gives an asset into the custody of a party or contract, until a time. Only that
// one can then release it; the owner remains the owner.
//
//concordat:method
func hold(c *concordat.Context, in *holdIn) (*none, error) {
	a, err := owned(c, in.ID)
	if err != nil {
		return nil, err
	}
	if in.Holder == "" || in.Holder == a.Owner || len(in.Holder) > textBytesMax || in.Until <= c.Time {
		return nil, concordat.Fail(errBadArgument, "name a holder other than the owner, and a time to come")
	}
	a.Holder, a.HeldUntil, a.OfferedTo = in.Holder, in.Until, ""
	save(c, in.ID, a)
	note(c, in.ID, "held", in.Holder, "")
	return nil, nil
}

// release ends the caller's custody: the asset is the given party's.
//
//concordat:method
func release(c *concordat.Context, in *releaseIn) (*none, error) {
	a, err := movable(c, in.ID)
	switch {
	case err != nil:
		return nil, err
	case a.Holder == "" || a.Holder != c.Caller:
		return nil, concordat.Fail(errNotHeld, "only who has asset "+in.ID+" in custody can release it")
	case in.To == "":
		return nil, concordat.Fail(errBadArgument, "name the party that gets the asset")
	case in.To == a.Owner:
		giveBack(c, in.ID, a)
	default:
		move(c, in.ID, a, in.To)
	}
	return nil, nil
}

// takeBack ends a custody whose time is over. Only the owner may.
//
//concordat:method
func takeBack(c *concordat.Context, in *idIn) (*none, error) {
	a, err := movable(c, in.ID)
	switch {
	case err != nil:
		return nil, err
	case a.Owner != c.Caller:
		return nil, concordat.Fail(errNotTheOwner, "only "+string(a.Owner)+", who owns asset "+in.ID+", may do this")
	case a.Holder == "" || c.Time < a.HeldUntil:
		return nil, concordat.Fail(errNotHeld, "asset "+in.ID+" is in no custody whose time is over")
	}
	giveBack(c, in.ID, a)
	return nil, nil
}

func giveBack(c *concordat.Context, id string, a *asset) {
	a.Holder, a.HeldUntil = "", 0
	save(c, id, a)
	note(c, id, "given back", a.Owner, "")
}

// get tells what the register says about an asset.
//
//concordat:query
func get(c *concordat.Context, in *idIn) (*asset, error) { return find(c, in.ID) }

// history tells what was done with an asset, the oldest first.
//
//concordat:query
func history(c *concordat.Context, in *historyIn) (*historyOut, error) {
	if _, err := find(c, in.ID); err != nil {
		return nil, err
	}
	out := &historyOut{Count: past.Count(c, in.ID)}
	if in.First >= out.Count {
		return out, nil
	}
	last := in.First + min(out.Count-in.First, uint64(page(in.Limit)))
	past.Scan(c, in.First, last, func(_ uint64, e storedEntry) bool {
		out.Entries = append(out.Entries, e.Message)
		return true
	}, in.ID)
	return out, nil
}

// ownedBy tells the ids of the assets that a party owns, page by page.
//
//concordat:query
func ownedBy(c *concordat.Context, in *ownedIn) (*ownedOut, error) {
	if len(in.After) > idBytesMax {
		return nil, concordat.Fail(errBadArgument, "after is an id, of at most 64 bytes")
	}
	out, limit := &ownedOut{}, page(in.Limit)
	byOwner.ScanAfter(c, string(in.Owner), in.After, func(id string) bool {
		if out.More = len(out.Assets) == limit; out.More {
			return false
		}
		out.Assets = append(out.Assets, id)
		return true
	})
	return out, nil
}

// page is how many entries an answer has at most.
func page(limit uint32) int {
	if limit == 0 {
		return pageDefault
	}
	return int(min(limit, pageMax))
}
