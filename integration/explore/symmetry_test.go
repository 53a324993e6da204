package explore

import (
	"fmt"
	"slices"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
)

// Replicas with the same duties are interchangeable, and so are the two copies of a
// twinned one, whose proposals are then exchanged as well. Of the states that differ
// in nothing else the search goes on from one.
//
// Nobody renames anything inside a machine. What becomes of a state under a permutation
// of the nodes follows from how it was reached: if replica 3 is where it is because of
// certain messages, then replica 4 in its stead is where the images of those messages
// lead it, and the image of a message is what the image of its sender sent in its stead.
// That this is a symmetry is not believed but compared, for every transition of every
// node that the search ever makes use of (compare).
type symmetry struct {
	nodes    []int      // the image of each node
	places   [][]uint32 // the image of each of its places + 1; 0: not known yet
	messages []uint32   // of each message + 1
	nets     []uint32   // of each set + 1
}

// symmetries are all of them; the first changes nothing.
func (s *search) symmetries() {
	identity := make([]int, len(s.nodes))
	for i := range identity {
		identity[i] = i
	}
	for _, nodes := range s.permutations(identity, 0) {
		s.group = append(s.group, &symmetry{nodes: nodes, places: make([][]uint32, len(s.nodes))})
	}
	slices.SortStableFunc(s.group, func(a, b *symmetry) int { return slices.Compare(a.nodes, b.nodes) })
}

// permutations exchanges nodes with the same duties, from a node on.
func (s *search) permutations(nodes []int, from int) (all [][]int) {
	if from == len(nodes) {
		return [][]int{slices.Clone(nodes)}
	}
	for i := from; i < len(nodes); i++ {
		if i != from && s.duties(s.nodes[nodes[i]]) != s.duties(s.nodes[nodes[from]]) {
			continue
		}
		nodes[from], nodes[i] = nodes[i], nodes[from]
		all = append(all, s.permutations(nodes, from+1)...)
		nodes[from], nodes[i] = nodes[i], nodes[from]
	}
	return all
}

// duties are what makes a replica different from others: leading, collecting, and
// complaining of view 0. Copies have those of their identity, and nobody else has them.
func (s *search) duties(n *node) string {
	id := n.params.Self
	text := fmt.Sprint(int(id) < s.quorum.Weak())
	if s.twinned(id) || int(id) < s.quorum.Weak() {
		text += id.String()
	}
	for view := range ledger.View(2) {
		text += fmt.Sprint(s.quorum.Primary(view) == id)
		for slot := 1; slot <= s.slots; slot++ {
			c := sbft.Collectors(n.params, view, ledger.Seq(slot), sbft.PathSlow) // #nosec G115 -- few
			text += fmt.Sprint(slices.Contains(c, id))
		}
	}
	return text
}

// representative is the first among the states that are the same but for a symmetry.
func (s *search) representative(in state) (first state, by uint8) {
	first = in
	for g := 1; g < len(s.group); g++ {
		if to := s.image(g, in); to.before(&first) {
			first, by = to, uint8(g) // #nosec G115 -- at most 5!
		}
	}
	return first, by
}

func (a *state) before(b *state) bool {
	if c := slices.Compare(a.at[:], b.at[:]); c != 0 {
		return c < 0
	}
	return a.net < b.net
}

func (s *search) image(g int, in state) state {
	to := in
	for i := range s.nodes {
		to.at[s.group[g].nodes[i]] = s.imagePlace(g, i, in.at[i])
	}
	to.net = s.imageNet(g, in.net)
	return to
}

func (s *search) imagePlace(g, node int, at uint32) uint32 {
	if at == 0 {
		return 0
	}
	list := grown(&s.group[g].places[node], at)
	if list[at] == 0 {
		p := s.nodes[node].places[at]
		before := s.imagePlace(g, node, p.before)
		to := s.step(s.nodes[s.group[g].nodes[node]], before, s.imageAction(g, p.by)).to
		list = grown(&s.group[g].places[node], at) // it may have grown
		list[at] = to + 1
	}
	return list[at] - 1
}

func (s *search) imageAction(g int, a action) action {
	switch {
	case a >= propose:
		return a
	case a >= bundle:
		var ids []uint32
		for _, id := range s.bundle(a) {
			ids = append(ids, s.imageMessage(g, id))
		}
		slices.Sort(ids)
		return s.bundleNumber(ids) | a&slowly
	}
	return action(s.imageMessage(g, uint32(a)))
}

func (s *search) imageMessage(g int, id uint32) uint32 {
	list := grown(&s.group[g].messages, id)
	if list[id] == 0 {
		o := s.messages.list[id].first
		before := s.imagePlace(g, o.node, o.place)
		st := s.step(s.nodes[s.group[g].nodes[o.node]], before, s.imageAction(g, o.by))
		if o.index >= len(st.order) {
			panic(fmt.Sprintf("%v is no symmetry: message %d has no image", s.group[g].nodes, id))
		}
		list = grown(&s.group[g].messages, id)
		list[id] = st.order[o.index] + 1
	}
	return list[id] - 1
}

func (s *search) imageNet(g int, net uint32) uint32 {
	list := grown(&s.group[g].nets, net)
	if list[net] == 0 {
		var ids []uint32
		for _, id := range s.nets.sets[net] {
			ids = append(ids, s.imageMessage(g, id))
		}
		slices.Sort(ids)
		to := s.nets.number(ids)
		list = grown(&s.group[g].nets, net)
		list[net] = to + 1
	}
	return list[net] - 1
}

func grown(list *[]uint32, to uint32) []uint32 {
	for uint32(len(*list)) <= to { // #nosec G115 -- it fits into memory
		*list = append(*list, 0)
	}
	return *list
}

// compare panics if the image of a transition is not that of where it leads and of what
// it sends.
func (s *search) compare(n *node, at uint32, a action, st step) {
	for g := 1; g < len(s.group); g++ {
		other := s.nodes[s.group[g].nodes[n.index]]
		st2 := s.step(other, s.imagePlace(g, n.index, at), s.imageAction(g, a))
		same := st2.to == s.imagePlace(g, n.index, st.to) && len(st2.order) == len(st.order)
		for i := 0; same && i < len(st.order); i++ {
			same = st2.order[i] == s.imageMessage(g, st.order[i])
		}
		x, y := n.places[st.to], other.places[st2.to]
		if !same || x.view != y.view || x.active != y.active || x.primary != y.primary || (x.bad == "") != (y.bad == "") {
			panic(fmt.Sprintf("%v is no symmetry: %s at %d %s", s.group[g].nodes, s.name(n), at, s.describe(a)))
		}
	}
}

// then is one symmetry after another.
func (s *search) then(g, h uint8) uint8 {
	if g == 0 || h == 0 {
		return g + h
	}
	nodes := make([]int, len(s.nodes))
	for i := range nodes {
		nodes[i] = s.group[h].nodes[s.group[g].nodes[i]]
	}
	return s.numbered(nodes)
}

// inverse undoes one.
func (s *search) inverse(g uint8) uint8 {
	nodes := make([]int, len(s.nodes))
	for i, to := range s.group[g].nodes {
		nodes[to] = i
	}
	return s.numbered(nodes)
}

func (s *search) numbered(nodes []int) uint8 {
	at, _ := slices.BinarySearchFunc(s.group, nodes, func(g *symmetry, to []int) int { return slices.Compare(g.nodes, to) })
	return uint8(at) // #nosec G115 -- at most 5!
}
