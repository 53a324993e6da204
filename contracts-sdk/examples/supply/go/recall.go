package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

// How many lots one call looks at. Each has at most 10 children that may have to wait
// for the next call, so it stays far below the ledger's limit of writes.
const markedMax = 16

// quarantine holds a lot back. Only an inspector may.
//
//concordat:method
func quarantine(c *concordat.Context, in *reasonIn) (*none, error) {
	one, err := inspectable(c, in)
	if err != nil {
		return nil, err
	}
	if one.Quarantined != "" {
		return nil, concordat.Fail(errBadState, one.ID+" is in quarantine already")
	}
	one.Quarantined = in.Reason
	save(c, one)
	(&inspected{one.ID, true, in.Reason}).Emit(c)
	return nil, nil
}

// release lets a lot go that is held back. Only an inspector may.
//
//concordat:method
func release(c *concordat.Context, in *reasonIn) (*none, error) {
	one, err := inspectable(c, in)
	if err != nil {
		return nil, err
	}
	if one.Quarantined == "" {
		return nil, concordat.Fail(errBadState, one.ID+" is not in quarantine")
	}
	one.Quarantined = ""
	save(c, one)
	(&inspected{one.ID, false, in.Reason}).Emit(c)
	return nil, nil
}

func inspectable(c *concordat.Context, in *reasonIn) (*lot, error) {
	if err := inspects(c); err != nil {
		return nil, err
	}
	return reasoned(c, in)
}

// inspects is an error unless the inspectorate vouches that the caller is an inspector.
// Any organisation may say so of its own parties, so the attribute alone is nothing.
func inspects(c *concordat.Context) error {
	s, ok := about.Find(c)
	if !ok {
		return concordat.Fail(errNotInitialised, "the contract is not initialised; deploy it with init")
	}
	if err := c.RequireOrganisation(s.Message.Inspectorate); err != nil {
		return err
	}
	return c.RequireAttribute("role", "inspector")
}

func reasoned(c *concordat.Context, in *reasonIn) (*lot, error) {
	if in.Reason == "" || len(in.Reason) > reasonBytesMax {
		return nil, concordat.Fail(errBadText, "give a reason of at most 200 bytes")
	}
	return load(c, in.ID)
}

// recall marks a lot and all that was made of it, for ever. What one call does not
// reach, continue_recall does. The lot's producer and inspectors may.
//
//concordat:method
func recall(c *concordat.Context, in *reasonIn) (*recallOut, error) {
	one, err := reasoned(c, in)
	if err != nil {
		return nil, err
	}
	if c.Caller != one.Producer && inspects(c) != nil {
		return nil, concordat.Fail(errNotAllowed, "only "+string(one.Producer)+" or an inspector recalls "+one.ID)
	}
	if one.Recalled != "" {
		return nil, concordat.Fail(errBadState, one.ID+" is recalled with "+one.Recalled)
	}
	pending.Add(c, one.ID, one.ID)
	return advance(c, one.ID, &recallOf{By: c.Caller, Time: c.Time, Reason: in.Reason})
}

// continueRecall goes on with a recall that is not done. Anyone may.
//
//concordat:method
func continueRecall(c *concordat.Context, in *idIn) (*recallOut, error) {
	stored, err := recallStatus(c, in)
	if err != nil {
		return nil, err
	}
	if stored.Done {
		return nil, concordat.Fail(errBadState, "the recall of "+in.ID+" is done")
	}
	return advance(c, in.ID, stored)
}

// advance marks the next lots of a recall. A lot that is reached a second time, or by
// another recall, is not followed again, so it comes to an end.
func advance(c *concordat.Context, root string, r *recallOf) (*recallOut, error) {
	queue := waiting(c, root)
	for looked := 0; len(queue) > 0 && looked < markedMax; looked++ {
		id := queue[0]
		queue = queue[1:]
		pending.Remove(c, root, id)
		one, err := load(c, id)
		if err != nil {
			return nil, err
		}
		if one.Recalled != "" {
			continue
		}
		one.Recalled = root
		save(c, one)
		r.Marked++
		(&recalled{id, root}).Emit(c)
		queue = append(queue, one.Children...)
	}
	for _, id := range queue {
		pending.Add(c, root, id)
	}
	r.Done = len(waiting(c, root)) == 0
	recalls.Put(c, storedRecall{Message: *r}, root)
	return &recallOut{r.Marked, r.Done}, nil
}

// waiting are lots that a recall has yet to reach, as many as one call looks at.
func waiting(c *concordat.Context, root string) (ids []string) {
	pending.Scan(c, root, func(id string) bool {
		ids = append(ids, id)
		return len(ids) < markedMax
	})
	return ids
}

// recallStatus tells how far a recall has come.
//
//concordat:query
func recallStatus(c *concordat.Context, in *idIn) (*recallOf, error) {
	r, ok := recalls.Find(c, in.ID)
	if !ok {
		return nil, concordat.Fail(errNotFound, in.ID+" is not what a recall began with")
	}
	return &r.Message, nil
}
