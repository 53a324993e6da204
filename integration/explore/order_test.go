package explore

import "github.com/concordat-ledger/concordat/actors/consensus/sbft"

// An ordered search goes deep by not looking at orders that come to the same. Steps
// of two nodes commute unless one takes what the other sent, and what is sent in one
// phase of the protocol is taken in a later one. So every schedule in which each node
// for itself takes its steps in the order of the phases can be rearranged, without
// any node noticing, into one where all nodes finish a phase before anyone begins the
// next, and within a phase one node after the other. The search walks through those
// only: first to last phase, and in each the nodes in turn, of which each takes any
// sequence of that phase's steps, or none. What it does not see are schedules in
// which one node takes an earlier phase's step after a later one's; passes repeat the
// phases of a view, so that it may do so as often. Nor does it see what a replica does
// that stays in view 0 while others agree in view 1.
type phase struct {
	kind kind
	view int // messages and votes of earlier views matter no more
}

type kind uint8

const (
	kindPropose kind = iota + 1
	kindProposal
	kindShares
	kindPrepare
	kindCommit
	kindProof
	kindLeave
	kindViewChange
	kindNewView
	kindFetch
	kindBody
	kinds
)

// viewPhases is how many phases one pass through view 0 has.
const viewPhases = 6

// phases of two views, with so many passes through each.
func phases(passes int) []phase {
	agree := []kind{kindPropose, kindProposal, kindShares, kindPrepare, kindCommit, kindProof}
	var out []phase
	for view := range 2 {
		if view == 1 {
			out = append(out, phase{kindLeave, 0})
			for _, k := range []kind{kindViewChange, kindNewView, kindFetch, kindBody} {
				out = append(out, phase{k, 1})
			}
		}
		for range passes {
			for _, k := range agree {
				out = append(out, phase{k, view})
			}
		}
	}
	return out
}

func (s *search) kindOf(a action) kind {
	switch {
	case a >= impatient:
		return kindShares
	case a == leave:
		return kindLeave
	case a == propose:
		return kindPropose
	case a >= bundle:
		return s.messages.list[s.bundle(a)[0]].kindTaking()
	}
	return s.messages.list[a].kindTaking()
}

// kindTaking is the kind of phase in which a message is taken.
func (m *message) kindTaking() kind {
	switch m.input.(type) {
	case sbft.PrePrepare:
		return kindProposal
	case sbft.SignShare:
		return kindShares
	case sbft.CommitShare:
		return kindCommit
	case sbft.Prepare:
		return kindPrepare
	case *sbft.ViewChange:
		return kindViewChange
	case *sbft.NewView:
		return kindNewView
	case sbft.FetchBody:
		return kindFetch
	case sbft.Fetched:
		return kindBody
	default:
		return kindProof
	}
}

// lastPhase tells that nothing is taken any more of what is sent now: it is enough to
// let each node take its steps alone.
func (s *search) lastPhase(turn uint16) bool { return int(turn)/len(s.nodes) == len(s.order)-1 }

// missed tells that no phase is left in which anybody takes a message.
func (s *search) missed(m *message, turn uint16) bool {
	for _, p := range s.order[int(turn)/len(s.nodes):] {
		if p.kind == m.kindTaking() && (!m.dies || p.view == int(m.view)) { // #nosec G115 -- 0 or 1
			return false
		}
	}
	return true
}

// inTurn reports whether a node may take an action now.
func (s *search) inTurn(n *node, from state, a action) bool {
	if s.order == nil {
		return true
	}
	now := s.order[int(from.turn)/len(s.nodes)]
	if int(from.turn)%len(s.nodes) != n.index || s.kindOf(a) != now.kind {
		return false
	}
	switch now.kind {
	case kindViewChange, kindNewView, kindLeave:
		return true
	default: // who stayed behind stays behind
		return int(n.places[from.at[n.index]].view) == now.view // #nosec G115 -- 0 or 1
	}
}

// pass gives the turn to the next node that can do anything; false: nobody can. Before
// a phase it goes on from the representative of the state, and says by which symmetry.
func (s *search) pass(from state) (to state, turned uint8, ok bool) {
	for int(from.turn)+1 < len(s.order)*len(s.nodes) {
		from.turn++
		if int(from.turn)%len(s.nodes) == 0 {
			from.net = s.nets.with(from.net, nil, func(id uint32) bool { return s.dead(id, &from) })
			var by uint8
			from, by = s.representative(from)
			turned = s.then(turned, by)
		}
		n := s.nodes[int(from.turn)%len(s.nodes)]
		for _, a := range s.actions(n, from) {
			if st := s.step(n, from.at[n.index], a); st.to != from.at[n.index] || !s.nets.holds(from.net, st.sends) {
				return from, turned, true
			}
		}
	}
	return from, turned, false
}
