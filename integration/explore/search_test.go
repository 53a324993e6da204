package explore

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

const nodesMax = 8

// state is everything: where each node is, and what was sent.
type state struct {
	at  [nodesMax]uint32
	net uint32
}

// trail is how a state was reached first.
type trail struct {
	before uint32
	node   uint8
	by     action
}

// search is one breadth-first walk.
type search struct {
	quorum   quorum.Config
	slots    int
	twins    []ledger.ReplicaID
	nodes    []*node
	messages *catalogue
	bundles  [][]uint32
	bundled  map[string]action
	nets     *networks

	states  []state
	trails  []trail
	visited map[state]struct{}
	figures
}

// figures count the work.
type figures struct {
	depth, transitions, merged, rebuilt, inputs int
	complete                                    bool
}

// newSearch has one node for each replica, and a second one for each twinned one.
func newSearch(q quorum.Config, slots int, twins ...ledger.ReplicaID) *search {
	s := &search{quorum: q, slots: slots, twins: twins, messages: &catalogue{numbers: map[[32]byte]uint32{}},
		bundled: map[string]action{}, nets: newNetworks(), visited: map[state]struct{}{}}
	for id := range ledger.ReplicaID(q.N()) { // #nosec G115 -- few
		s.nodes = append(s.nodes, s.newNode(len(s.nodes), id, s.twinned(id), 'a'))
	}
	for _, id := range twins {
		s.nodes = append(s.nodes, s.newNode(len(s.nodes), id, true, 'b'))
	}
	s.states, s.trails = append(s.states, state{}), append(s.trails, trail{})
	s.visited[state{}] = struct{}{}
	return s
}

func (s *search) twinned(id ledger.ReplicaID) bool { return slices.Contains(s.twins, id) }

// holders are the nodes of an identity, as bits.
func (s *search) holders(id ledger.ReplicaID) (bits uint16) {
	for _, n := range s.nodes {
		if n.params.Self == id {
			bits |= 1 << n.index
		}
	}
	return bits
}

// run visits all states in the order of their depth, at most so many. It returns what
// violates something, with the schedule that leads there.
func (s *search) run(most int) error {
	end := 1
	for at := 0; at < len(s.states); at++ {
		if at == end {
			s.depth++
			end = len(s.states)
		}
		if err := s.expand(uint32(at)); err != nil { // #nosec G115 -- it fits into memory
			return err
		}
		if len(s.states) >= most {
			return nil
		}
	}
	s.complete = true
	return nil
}

// expand takes every action that is possible in a state.
func (s *search) expand(number uint32) error {
	from := s.states[number]
	for i, n := range s.nodes {
		for _, a := range s.actions(n, from) {
			st := s.step(n, from.at[i], a)
			if st.to == from.at[i] && s.nets.holds(from.net, st.sends) {
				continue
			}
			s.transitions++
			to := from
			to.at[i] = st.to
			to.net = s.nets.with(from.net, st.sends, func(id uint32) bool { return s.dead(id, &to) })
			if _, ok := s.visited[to]; ok {
				s.merged++
				continue
			}
			s.visited[to] = struct{}{}
			s.states = append(s.states, to)
			s.trails = append(s.trails, trail{number, uint8(i), a}) // #nosec G115 -- few nodes
			if why := s.judge(&to, n, st.sends); why != "" {
				return fmt.Errorf("%s; depth %d:\n%s", why, s.depth+1, s.schedule(uint32(len(s.states)-1))) // #nosec G115 -- it fits into memory
			}
		}
	}
	return nil
}

// actions lists what may happen to a node.
func (s *search) actions(n *node, from state) []action {
	var out []action
	p := &n.places[from.at[n.index]]
	if p.primary && int(p.told) < s.slots {
		out = append(out, propose)
	}
	if p.view == 0 {
		out = append(out, leave)
	}
	for slot, waits := range p.waits {
		if waits {
			out = append(out, impatient+action(slot)) // #nosec G115 -- few
		}
	}
	var shares []uint32
	for _, id := range s.nets.sets[from.net] {
		m := &s.messages.list[id]
		switch {
		case m.to>>n.index&1 == 0 || m.dies && m.view < p.view:
		case m.share:
			if m.view == p.view && p.active {
				shares = append(shares, id)
			}
		default:
			out = append(out, action(id))
		}
	}
	return s.bundle(shares, out)
}

// bundle joins the shares of one statement, when there are enough of them beside the
// collector's own.
func (s *search) bundle(shares []uint32, out []action) []action {
	for len(shares) > 0 {
		first := &s.messages.list[shares[0]]
		var group, rest []uint32
		for _, id := range shares {
			if m := &s.messages.list[id]; m.slot == first.slot && m.phase == first.phase {
				group = append(group, id)
			} else {
				rest = append(rest, id)
			}
		}
		if len(group) >= s.quorum.Slow()-1 {
			out = append(out, s.bundleNumber(group))
		}
		shares = rest
	}
	return out
}

func (s *search) bundleNumber(group []uint32) action {
	var key []byte
	for _, id := range group {
		key = binary.LittleEndian.AppendUint32(key, id)
	}
	a, ok := s.bundled[string(key)]
	if !ok {
		a = bundle + action(len(s.bundles)) // #nosec G115 -- few
		s.bundles, s.bundled[string(key)] = append(s.bundles, group), a
	}
	return a
}

// dead tells that a message is of no use to any of those whom it can reach.
func (s *search) dead(id uint32, in *state) bool {
	m := &s.messages.list[id]
	if !m.dies || m.to == 0 {
		return false
	}
	for _, n := range s.nodes {
		if m.to>>n.index&1 == 1 && n.places[in.at[n.index]].view <= m.view {
			return false
		}
	}
	return true
}

// judge says what is wrong with a new state: a machine that complains, two decisions
// for one slot, two commit certificates for one slot, two votes of one honest replica.
func (s *search) judge(in *state, n *node, sends []uint32) string {
	if bad := n.places[in.at[n.index]].bad; bad != "" {
		return s.name(n) + ": " + bad
	}
	for slot := 1; slot <= s.slots; slot++ {
		mine := n.places[in.at[n.index]].decided[slot]
		for _, o := range s.nodes {
			if other := o.places[in.at[o.index]].decided[slot]; mine != nil && other != nil && *mine != *other {
				return fmt.Sprintf("slot %d: %s decides %s, %s decides %s", slot, s.name(n), mine.Short(), s.name(o), other.Short())
			}
		}
	}
	for _, id := range sends {
		for _, other := range s.nets.sets[in.net] {
			if why := contradict(&s.messages.list[id], &s.messages.list[other]); why != "" {
				return why
			}
		}
	}
	return ""
}

func contradict(a, b *message) string {
	if a.to == 0 && b.to == 0 && a.from == b.from && a.phase == b.phase && a.slot.View == b.slot.View &&
		a.slot.Seq == b.slot.Seq && a.slot.Digest != b.slot.Digest {
		return fmt.Sprintf("%s votes twice in phase %d of slot %d of view %d", a.from, a.phase, a.slot.Seq, a.slot.View)
	}
	x, ok := a.input.(sbft.CommitProof)
	y, too := b.input.(sbft.CommitProof)
	if ok && too && x.Slot.Seq == y.Slot.Seq && x.Slot.Digest != y.Slot.Digest {
		return fmt.Sprintf("slot %d is committed as %s in view %d and as %s in view %d", x.Slot.Seq, x.Slot.Digest.Short(), x.Slot.View, y.Slot.Digest.Short(), y.Slot.View)
	}
	return ""
}
