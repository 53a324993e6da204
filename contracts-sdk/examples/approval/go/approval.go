// Package main is decisions of several: what m of n members approve is done once, by the
// contract as a party of its own, and who approved is told to the members alone.
//
//concordat:contract approval
package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

//concordat:errors
const (
	// The contract was deployed without init.
	errNotInitialised = iota + 1
	// Neither the caller nor its organisation is a member of the group.
	errNotAMember
	// No proposal has that name.
	errNotFound
	// A proposal with that name is there already.
	errExists
	// The proposal is decided.
	errDecided
	// The time of the proposal is over.
	errExpired
	// The member has voted already.
	errVoted
	// The member has not voted.
	errNotVoted
	// What was approved cannot be done; the words of the called contract follow.
	errAction
	// An argument is missing, too long or makes no sense.
	errBadArgument
)

// Limits, in bytes and entries.
const (
	membersMax        = 64 // as many as an audience has
	nameBytesMax      = 64
	textBytesMax      = 256
	argumentsBytesMax = 32 << 10
	page              = 20
)

// The states of a proposal.
const (
	pending  = "pending"
	executed = "executed"
	approved = "approved"
	rejected = "rejected"
	expired  = "expired"
)

type (
	none           = concordat.Nothing
	storedGroup    = concordat.Stored[group, *group]
	storedProposal = concordat.Stored[proposal, *proposal]
	storedVote     = concordat.Stored[vote, *vote]
)

// The state: the group, the proposals, and the votes by proposal and member.
var (
	theGroup  = concordat.Single[storedGroup, *storedGroup]{Name: "group"}
	proposals = concordat.Map[storedProposal, *storedProposal]{Name: "proposal"}
	votes     = concordat.Map[storedVote, *storedVote]{Name: "vote"}
)

func main() {}

// initialise runs at deployment and names the group. It stays as it is: who gives this
// contract something trusts this group.
//
//concordat:method init
func initialise(c *concordat.Context, in *group) (*none, error) {
	for i := 1; i < len(in.Members); i++ {
		if in.Members[i-1] >= in.Members[i] {
			return nil, concordat.Fail(errBadArgument, "give each member once, in ascending order")
		}
	}
	if len(in.Members) > membersMax || in.Threshold == 0 || int(in.Threshold) > len(in.Members) {
		return nil, concordat.Fail(errBadArgument, "give 1 to 64 members, and a threshold from 1 to their number")
	}
	// The members will be an audience. When a name is none, deployment fails here rather
	// than the first vote.
	probe := concordat.Key("probe")
	c.PutFor(in.audience(), probe, probe)
	c.Delete(probe)
	theGroup.Put(c, storedGroup{Message: *in})
	return nil, nil
}

func (g *group) audience() concordat.Audience {
	var a concordat.Audience
	for _, m := range g.Members {
		a = append(a, concordat.Party(m))
	}
	return a
}

// begin is what a member's methods need: the group, and as whom in it the caller votes,
// who may be named as a party or contract, or belong to an organisation that is.
func begin(c *concordat.Context) (*group, string, error) {
	found, ok := theGroup.Find(c)
	if !ok {
		return nil, "", concordat.Fail(errNotInitialised, "there is no group; deploy the contract with init")
	}
	g := &found.Message
	for _, name := range [2]string{string(c.Caller), "org:" + c.Organisation} {
		for _, m := range g.Members {
			if m == name {
				return g, name, nil
			}
		}
	}
	return nil, "", concordat.Fail(errNotAMember, "neither "+string(c.Caller)+" nor its organisation is a member of the group")
}

// propose puts something to the vote: a call of a contract, which is done when enough
// have approved, or a document, or both. Only members may.
//
//concordat:method
func propose(c *concordat.Context, in *proposeIn) (*none, error) {
	if _, _, err := begin(c); err != nil {
		return nil, err
	}
	switch {
	case in.Proposal == "" || len(in.Proposal) > nameBytesMax || in.Title == "" || len(in.Title) > textBytesMax:
		return nil, concordat.Fail(errBadArgument, "give a name of 1 to 64 bytes and a title of 1 to 256")
	case in.Expires <= c.Time:
		return nil, concordat.Fail(errBadArgument, "give a time to come at which the proposal expires")
	case in.Contract == c.Self:
		return nil, concordat.Fail(errBadArgument, "this contract cannot be called by itself")
	case (in.Contract == "") != (in.Method == "") || in.Contract == "" && len(in.Arguments) > 0:
		return nil, concordat.Fail(errBadArgument, "name a contract and its method, or neither")
	case in.Contract == "" && in.Document == [32]byte{}:
		return nil, concordat.Fail(errBadArgument, "give what is to be approved: a call, or a document's hash")
	case len(in.Contract) > textBytesMax || len(in.Method) > textBytesMax || len(in.Arguments) > argumentsBytesMax:
		return nil, concordat.Fail(errBadArgument, "the call is too long; its arguments have at most 32 KiB")
	}
	if _, ok := proposals.Find(c, in.Proposal); ok {
		return nil, concordat.Fail(errExists, "there is a proposal "+in.Proposal+" already; choose another name")
	}
	p := &proposal{Title: in.Title, By: c.Caller, Contract: in.Contract, Method: in.Method, Arguments: in.Arguments,
		Document: in.Document, Expires: in.Expires, State: pending}
	proposals.Put(c, storedProposal{Message: *p}, in.Proposal)
	p.event(in.Proposal).Emit(c)
	return nil, nil
}

func (p *proposal) event(name string) *changed {
	return &changed{Proposal: name, State: p.State, Approvals: p.Approvals, Rejections: p.Rejections}
}
