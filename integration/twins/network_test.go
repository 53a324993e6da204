package twins

import (
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/integration/twins/standin"
)

// network holds what was sent and has not arrived, in order for each link. Links
// between different sides carry nothing.
type network struct {
	links [][][]sbft.Input // from, to
	side  []int            // by node
	keeps bool             // what is cut off stays under way until the sides meet again
	turn  int
}

func newNetwork(nodes int) network {
	n := network{side: make([]int, nodes)}
	for range nodes {
		n.links = append(n.links, make([][]sbft.Input, nodes))
	}
	return n
}

func (n *network) clear() {
	for from := range n.links {
		for to := range n.links[from] {
			n.links[from][to] = nil
		}
	}
}

// transmit sends to every node of the identity, or of all others: who has a copy
// elsewhere does not know which of the two it talks to.
func (w *world) transmit(n *node, s sbft.Send) {
	var in sbft.Input
	for _, o := range w.nodes {
		other := o.params.Self != n.params.Self
		reaches := s.Broadcast && other || !s.Broadcast && o.params.Self == s.To && (other || o == n)
		same := w.net.side[o.index] == w.net.side[n.index]
		if !reaches || !same && !w.net.keeps || n.silent || o.silent {
			continue
		}
		if in == nil {
			var err error
			if in, err = standin.Input(n.params, w.eager(n, s.Message)); err != nil {
				w.fail("%s sends what nobody accepts: %v", w.name(n), err)
				return
			}
		}
		if o == n {
			n.own = append(n.own, in)
			continue
		}
		link := &w.net.links[n.index][o.index]
		*link = append(*link, in)
	}
	w.forge(n, s.Message)
}

// run delivers until nothing is under way, or so many messages have arrived. It
// returns how many did.
func (w *world) run(most int) int {
	for done := range most {
		from, to := w.pick()
		if from < 0 || w.err != nil {
			return done
		}
		link := &w.net.links[from][to]
		in := (*link)[0]
		*link = (*link)[1:]
		w.tally.deliveries++
		w.step(w.nodes[to], in)
	}
	return most
}

// pick chooses the link whose oldest message arrives next; -1: nothing is under way.
// In an orderly play the receivers take turns, and every second one looks at the
// senders in the other direction, so that two proposals of two twins arrive in both
// orders. Otherwise chance decides.
func (w *world) pick() (from, to int) {
	size := len(w.nodes)
	if w.random != nil {
		return w.pickDrawn()
	}
	for range size {
		to = w.net.turn % size
		w.net.turn++
		for k := 1; k < size; k++ {
			from = (to + k) % size
			if to%2 == 1 {
				from = (to + size - k) % size
			}
			if w.deliverable(from, to) {
				return from, to
			}
		}
	}
	return -1, -1
}

func (w *world) pickDrawn() (from, to int) {
	size := len(w.nodes)
	seen := 0
	from, to = -1, -1
	for i := range size * size {
		if w.deliverable(i/size, i%size) {
			seen++
			if w.random.IntN(seen) == 0 {
				from, to = i/size, i%size
			}
		}
	}
	return from, to
}

func (w *world) deliverable(from, to int) bool {
	return len(w.net.links[from][to]) > 0 && w.net.side[from] == w.net.side[to]
}
