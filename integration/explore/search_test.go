package explore

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

const nodesMax = 8

// state is everything: where each node is, and what was sent.
type state struct {
	at   [nodesMax]uint32
	net  uint32
	turn uint16 // of an ordered search: the phase, and the node that may act
}

// trail is how a state was reached first.
type trail struct {
	before uint32
	by     action
	node   uint8
	turned uint8 // after the action the search went on from the image under this symmetry
	depth  uint16
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
	order    []phase // nil: anything may happen at any time
	group    []*symmetry

	queues []queue
	trails []trail
	figures
}

// figures count the work.
type figures struct {
	widest, thinned, last                int
	completeTo                           int // turns of which no state was left out, if thinned
	states                               int // that a step led to; that the turn passes on makes none
	transitions, merged, rebuilt, inputs int
	complete                             bool
	decisions                            [2]int // commit certificates that came about, by view
	deepest, within                      uint16 // steps to the deepest state; so many that no state within is missing
	rules                                [sbft.Rules]bool
}

// newSearch has one node for each replica, and a second one for each twinned one.
func newSearch(q quorum.Config, slots int, twins ...ledger.ReplicaID) *search {
	s := &search{quorum: q, slots: slots, twins: twins, messages: &catalogue{numbers: map[[32]byte]uint32{}},
		bundled: map[string]action{}, nets: newNetworks()}
	for id := range ledger.ReplicaID(q.N()) { // #nosec G115 -- few
		s.nodes = append(s.nodes, s.newNode(len(s.nodes), id, s.twinned(id)))
	}
	for _, id := range twins {
		s.nodes = append(s.nodes, s.newNode(len(s.nodes), id, true))
	}
	s.symmetries()
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

// queue holds the states of one turn, in the order in which they were found. The turn
// never goes back, so that a queue is forgotten when it is done.
type queue struct {
	items   []item
	visited map[state]struct{}
}

type item struct {
	state
	number uint32 // of its trail
}

// run visits states in the order of their depth, turn by turn, until there are so many.
// Where a turn has more states than width to begin with, as many of them are drawn
// (thin). It returns what violates something, with the schedule that leads there.
func (s *search) run(most, width int) error {
	s.queues = make([]queue, max(1, len(s.order)*len(s.nodes)))
	s.visit(trail{by: passes}, state{})
	for turn := range s.queues {
		q := &s.queues[turn]
		s.thin(q, width)
		s.widest = max(s.widest, len(q.items))
		began := len(q.items)
		for at := 0; at < len(q.items); at++ {
			if err := s.expand(q.items[at], at >= began); err != nil {
				return err
			}
			if s.states >= most {
				s.last, s.within = turn, s.trails[q.items[at].number].depth
				return nil
			}
		}
		*q = queue{}
	}
	s.last, s.complete = len(s.queues)-1, s.thinned == 0
	return nil
}

// expand takes every action that is possible in a state; moved: its node has acted in
// its turn.
func (s *search) expand(it item, moved bool) error {
	from, number := it.state, it.number
	if s.order != nil && !(moved && s.lastPhase(from.turn)) {
		if to, turned, ok := s.pass(from); ok {
			s.visit(trail{before: number, by: passes, turned: turned}, to)
		}
	}
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
			t := trail{before: number, node: uint8(i), by: a} // #nosec G115 -- few nodes
			if why := s.judge(&to, n, st.sends); why != "" {
				return s.tell(t, &to, st.sends)
			}
			if s.order == nil {
				to, t.turned = s.representative(to)
			}
			s.visit(t, to)
		}
	}
	return nil
}

// visit notes a state, unless it is known.
func (s *search) visit(by trail, to state) {
	q := &s.queues[to.turn]
	if _, ok := q.visited[to]; ok {
		s.merged++
		return
	}
	if q.visited == nil {
		q.visited = map[state]struct{}{}
	}
	q.visited[to] = struct{}{}
	if len(s.trails) > 0 {
		by.depth = s.trails[by.before].depth
	}
	if by.by != passes {
		by.depth++
	}
	if by.by != passes || len(s.trails) == 0 {
		s.states++
		s.deepest = max(s.deepest, by.depth)
	}
	number := by.before
	if by.by != passes || by.turned != 0 || len(s.trails) == 0 {
		number = uint32(len(s.trails)) // #nosec G115 -- it fits into memory
		s.trails = append(s.trails, by)
	}
	q.items = append(q.items, item{to, number})
}

// actions lists what may happen to a node, if it is its turn.
func (s *search) actions(n *node, from state) []action {
	if s.order != nil && int(from.turn)%len(s.nodes) != n.index {
		return nil
	}
	return slices.DeleteFunc(s.possible(n, from), func(a action) bool { return !s.inTurn(n, from, a) })
}

// possible lists what may happen to a node.
func (s *search) possible(n *node, from state) []action {
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
	var shares, moves []uint32
	for _, id := range s.nets.sets[from.net] {
		m := &s.messages.list[id]
		switch {
		case m.to>>n.index&1 == 0 || m.dies && m.view < p.view || m.late > p.view && s.order != nil:
		case m.share:
			if m.view == p.view && p.active {
				shares = append(shares, id)
			}
		case m.move:
			if m.view > p.view || !p.active {
				moves = append(moves, id)
			}
		default:
			out = append(out, action(id))
		}
	}
	return s.choose(moves, nil, s.join(shares, out))
}

// join joins the shares of one statement, when there are enough of them beside the
// collector's own.
func (s *search) join(shares []uint32, out []action) []action {
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
			if first.phase == certificate.Prepare && len(group) >= s.quorum.Fast()-1 {
				out = append(out, s.bundleNumber(group)|slowly)
			}
		}
		shares = rest
	}
	return out
}

// choose joins the view-change messages of as many replicas as make a new view with the
// primary's own, in every way: one of each replica, of two that a twinned one has sent.
func (s *search) choose(moves, chosen []uint32, out []action) []action {
	if len(chosen) == s.quorum.ViewChange()-1 {
		slices.Sort(chosen)
		return append(out, s.bundleNumber(chosen))
	}
	for i, id := range moves {
		from := s.messages.list[id].from
		others := slices.DeleteFunc(slices.Clone(moves[i+1:]), func(o uint32) bool { return s.messages.list[o].from == from })
		out = s.choose(others, append(slices.Clone(chosen), id), out)
	}
	return out
}

// bundle is the messages that an action joins.
func (s *search) bundle(a action) []uint32 { return s.bundles[a&^(bundle|slowly)] }

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
	if s.order != nil && s.missed(m, in.turn) {
		return true
	}
	if !m.dies {
		return false
	}
	for _, n := range s.nodes {
		if m.to>>n.index&1 == 1 && n.places[in.at[n.index]].view <= m.view {
			return false
		}
	}
	return true
}

// judge says what is wrong with a state that a node's step has led to: a machine that
// complains, two decisions for one slot, two commit certificates for one slot.
func (s *search) judge(in *state, n *node, sends []uint32) string {
	if bad := n.places[in.at[n.index]].bad; bad != "" {
		return s.name(n) + ": " + bad
	}
	for _, id := range sends {
		if p, ok := s.messages.list[id].input.(sbft.CommitProof); ok {
			s.decisions[min(p.Slot.View, 1)]++
		}
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
	x, ok := a.input.(sbft.CommitProof)
	y, too := b.input.(sbft.CommitProof)
	if ok && too && x.Slot.Seq == y.Slot.Seq && x.Slot.Digest != y.Slot.Digest {
		return fmt.Sprintf("slot %d is committed as %s in view %d and as %s in view %d", x.Slot.Seq, x.Slot.Digest.Short(), x.Slot.View, y.Slot.Digest.Short(), y.Slot.View)
	}
	return ""
}
