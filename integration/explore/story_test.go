package explore

import (
	"fmt"
	"slices"
	"strings"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
)

func (s *search) name(n *node) string {
	if n.index >= s.quorum.N() {
		return fmt.Sprintf("the twin of %s", n.params.Self)
	}
	return n.params.Self.String()
}

// tell gives what is wrong and the way there, a line for each action. The search may
// have gone on from images of states; the story is told as it happened, and played
// again to see that it leads there.
func (s *search) tell(last trail, to *state, sends []uint32) error {
	way := []trail{last}
	for at := last.before; at != 0; at = s.trails[at].before {
		way = append(way, s.trails[at])
	}
	slices.Reverse(way)
	var back uint8 // leads from the search's names to those of the story
	var text strings.Builder
	var played state
	for _, t := range way {
		if t.by != passes {
			n, a := s.nodes[s.group[back].nodes[t.node]], s.imageAction(int(back), t.by)
			fmt.Fprintf(&text, "%-22s %s\n", s.name(n), s.describe(a))
			played.at[n.index] = s.step(n, played.at[n.index], a).to
		}
		back = s.then(s.inverse(t.turned), back)
	}
	real := s.image(int(back), *to)
	if played.at != real.at {
		panic("the story leads somewhere else:\n" + text.String())
	}
	sent := make([]uint32, 0, len(sends))
	for _, id := range sends {
		sent = append(sent, s.imageMessage(int(back), id))
	}
	why := s.judge(&real, s.nodes[s.group[back].nodes[last.node]], sent)
	return fmt.Errorf("%s, after:\n%s", why, text.String())
}

func (s *search) describe(a action) string {
	switch {
	case a >= impatient:
		return fmt.Sprintf("loses patience with slot %d", a-impatient)
	case a == leave:
		return "leaves view 0"
	case a == propose:
		return "proposes"
	case a >= bundle:
		text := "takes together:"
		if a&slowly != 0 {
			text = "takes together, too few for the fast path:"
		}
		for _, id := range s.bundle(a) {
			m := &s.messages.list[id]
			if m.move {
				text += " " + s.describe(action(id))[len("takes "):] + ";"
				continue
			}
			text += fmt.Sprintf(" %d/%d %s phase %d of %s;", m.slot.View, m.slot.Seq, m.slot.Digest.Short(), m.phase, m.from)
		}
		return text
	}
	switch in := s.messages.list[a].input.(type) {
	case sbft.PrePrepare:
		return fmt.Sprintf("takes proposal %d/%d %s", in.View, in.Seq, in.Body.Digest.Short())
	case sbft.Prepare:
		return fmt.Sprintf("takes prepare %d/%d %s", in.Slot.View, in.Slot.Seq, in.Slot.Digest.Short())
	case sbft.CommitProof:
		return fmt.Sprintf("takes proof %d/%d %s", in.Slot.View, in.Slot.Seq, in.Slot.Digest.Short())
	case *sbft.ViewChange:
		return fmt.Sprintf("takes view change of %s: %+v", in.From, in.Slots)
	case *sbft.NewView:
		return fmt.Sprintf("takes new view %d of %v", in.View, in.Set)
	default:
		return fmt.Sprintf("takes %T", in)
	}
}

// reached tells how far the search has come, and from where on it has left out states.
func (s *search) reached() string {
	switch {
	case s.complete:
		return fmt.Sprintf("complete, the deepest after %d steps", s.deepest)
	case s.order == nil:
		return fmt.Sprintf("complete to %d steps", s.within)
	case s.thinned == 0:
		return fmt.Sprintf("complete to turn %d of %d, %d steps", s.last, len(s.queues), s.deepest)
	}
	return fmt.Sprintf("complete to turn %d of %d, %d turns thinned, the deepest after %d steps", s.completeTo, len(s.queues), s.thinned, s.deepest)
}

// ruled lists the rules that a machine has applied on its way to any place.
func (s *search) ruled() string {
	var text []string
	for r, applied := range s.rules {
		if applied {
			text = append(text, sbft.Rule(r).String()) // #nosec G115 -- few
		}
	}
	return strings.Join(text, " ")
}
