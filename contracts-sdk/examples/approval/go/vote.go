package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

// approve counts the caller's member for a proposal, and does what was approved when
// enough have, as this contract: nobody lends their name to it. If that cannot be done,
// all stays as it was, this approval included.
//
//concordat:method
func approve(c *concordat.Context, in *proposalIn) (*none, error) {
	p, err := cast(c, in.Proposal, true)
	if err != nil || p.State != executed {
		return nil, err
	}
	// The votes of others were not read, so what is called may write for everyone.
	args := concordat.Raw(p.Arguments)
	var out concordat.Raw
	if err := c.Call(p.Contract, p.Method, &args, &out); err != nil {
		return nil, concordat.Fail(errAction, p.Contract+"."+p.Method+" refuses: "+err.Error())
	}
	return nil, nil
}

// reject counts the caller's member against a proposal, which ends when the threshold
// cannot be reached any more.
//
//concordat:method
func reject(c *concordat.Context, in *proposalIn) (*none, error) {
	_, err := cast(c, in.Proposal, false)
	return nil, err
}

// votable is a proposal on which the caller may vote, with the group and as whom.
func votable(c *concordat.Context, name string) (*group, string, *proposal, error) {
	g, member, err := begin(c)
	if err != nil {
		return nil, "", nil, err
	}
	found, ok := proposals.Find(c, name)
	p := &found.Message
	switch {
	case !ok:
		return nil, "", nil, concordat.Fail(errNotFound, "there is no proposal "+name)
	case p.State != pending:
		return nil, "", nil, concordat.Fail(errDecided, "proposal "+name+" is "+p.State)
	case c.Time >= p.Expires:
		return nil, "", nil, concordat.Fail(errExpired, "the time of proposal "+name+" is over; propose it again")
	}
	return g, member, p, nil
}

// cast records a vote and counts it. Public is how many voted; who did is the group's.
func cast(c *concordat.Context, name string, approve bool) (*proposal, error) {
	g, member, p, err := votable(c, name)
	if err != nil {
		return nil, err
	}
	// A vote that is there has now been read, so only the code of this error is public.
	if _, ok := votes.Find(c, name, member); ok {
		return nil, concordat.Fail(errVoted, member+" has voted already; withdraw that first")
	}
	votes.PutFor(c, g.audience(), storedVote{Message: vote{By: c.Caller, Approve: approve, Time: c.Time}}, name, member)
	action := "reject"
	if approve {
		action = "approve"
		p.Approvals++
	} else {
		p.Rejections++
	}
	c.EmitFor(g.audience(), "voted", &voted{Proposal: name, Member: member, By: c.Caller, Action: action})
	switch {
	case p.Approvals >= g.Threshold && p.Contract != "":
		p.State = executed
	case p.Approvals >= g.Threshold:
		p.State = approved
	case int(p.Rejections)+int(g.Threshold) > len(g.Members):
		p.State = rejected
	}
	proposals.Put(c, storedProposal{Message: *p}, name)
	p.event(name).Emit(c)
	return p, nil
}

// withdraw takes back what the caller's member voted, while nothing is decided.
//
//concordat:method
func withdraw(c *concordat.Context, in *proposalIn) (*none, error) {
	g, member, p, err := votable(c, in.Proposal)
	if err != nil {
		return nil, err
	}
	before, ok := votes.Find(c, in.Proposal, member)
	if !ok {
		return nil, concordat.Fail(errNotVoted, member+" has not voted on proposal "+in.Proposal)
	}
	votes.Delete(c, in.Proposal, member)
	c.EmitFor(g.audience(), "voted", &voted{Proposal: in.Proposal, Member: member, By: c.Caller, Action: "withdraw"})
	if before.Message.Approve {
		p.Approvals--
	} else {
		p.Rejections--
	}
	// Declassified: what the vote was goes into the counts, which are public for every
	// vote; whose it was does not.
	proposals.PutDeclassified(c, nil, storedProposal{Message: *p}, in.Proposal)
	c.EmitDeclassified(nil, "changed", p.event(in.Proposal))
	return nil, nil
}

// get tells about a proposal and how it stands.
//
//concordat:query
func get(c *concordat.Context, in *proposalIn) (*proposal, error) {
	found, ok := proposals.Find(c, in.Proposal)
	if !ok {
		return nil, concordat.Fail(errNotFound, "there is no proposal "+in.Proposal)
	}
	p := &found.Message
	if p.State == pending && c.Time >= p.Expires {
		p.State = expired
	}
	return p, nil
}

// members tells who decides.
//
//concordat:query
func members(c *concordat.Context, _ *none) (*group, error) {
	found, ok := theGroup.Find(c)
	if !ok {
		return nil, concordat.Fail(errNotInitialised, "there is no group; deploy the contract with init")
	}
	return &found.Message, nil
}

// list tells the names of the proposals, page by page.
//
//concordat:query
func list(c *concordat.Context, in *listIn) (*listOut, error) {
	if len(in.After) > nameBytesMax {
		return nil, concordat.Fail(errBadArgument, "after is the name of a proposal, of at most 64 bytes")
	}
	out := &listOut{}
	proposals.ScanAfter(c, []string{in.After}, func(key []string, _ storedProposal) bool {
		if out.More = len(out.Proposals) == page; !out.More {
			out.Proposals = append(out.Proposals, key[0])
		}
		return !out.More
	})
	return out, nil
}
