package simulator

import (
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
)

// network carries packets between nodes, badly.
type network struct {
	w     *world
	cut   [][]bool         // from, to
	clog  [][]sbft.Instant // extra delay
	until [][]sbft.Instant // packets of a pair that must not overtake; 0 with reordering
}

func newNetwork(w *world) *network {
	size := 2 * w.plan.q.N() // room for twins
	net := &network{w: w}
	for range size {
		net.cut = append(net.cut, make([]bool, size))
		net.clog = append(net.clog, make([]sbft.Instant, size))
		net.until = append(net.until, make([]sbft.Instant, size))
	}
	return net
}

// send carries one packet, perhaps never, perhaps twice, perhaps late.
func (net *network) send(from, to int, p any) {
	w := net.w
	w.result.Messages++
	if _, ok := p.(sbft.PeerStatus); ok {
		w.result.Statuses++
	}
	if net.cut[from][to] {
		return
	}
	copies := 1
	if !w.calm {
		switch {
		case w.r.chance(w.plan.loss):
			copies = 0
		case w.r.chance(w.plan.dup):
			copies = 2
		}
	}
	for range copies {
		delay := w.r.between(100_000, sbft.Milliseconds(3))
		if !w.calm && w.plan.on("delay") && w.r.chance(0.3) {
			delay = w.r.between(0, w.plan.delayMax)
		}
		delay += net.clog[from][to]
		if !w.plan.on("delay") { // a link keeps its order unless it is said not to
			at := max(w.now+delay, net.until[from][to]+1)
			net.until[from][to], delay = at, at-w.now
		}
		target := w.nodes[to]
		w.after(delay, func() { target.receive(from, p) })
	}
}

// heal mends all links but those to replicas outside the core.
func (net *network) heal() {
	for i := range net.cut {
		for j := range net.cut[i] {
			net.cut[i][j], net.clog[i][j] = false, 0
			if i < len(net.w.nodes) && j < len(net.w.nodes) {
				net.cut[i][j] = net.w.outside(i) || net.w.outside(j)
			}
		}
	}
}

// outside reports whether a node stays broken for ever.
func (w *world) outside(index int) bool {
	n := w.nodes[index]
	return w.plan.core != nil && !w.liar(n.id) && !w.counts(n)
}

// scheduleChaos plans what breaks and when, until the chaos ends.
func (w *world) scheduleChaos() {
	again := func(name string, every sbft.Instant, do func()) {
		if !w.plan.on(name) {
			return
		}
		var tick func()
		tick = func() {
			if w.calm {
				return
			}
			do()
			w.after(w.r.between(every/4, 2*every), tick)
		}
		w.after(w.r.between(0, every), tick)
	}
	again("partition", sbft.Milliseconds(1500), w.partition)
	again("one-way", sbft.Milliseconds(1000), w.oneWay)
	again("flap", sbft.Milliseconds(150), w.flap)
	again("clog", sbft.Milliseconds(800), w.clogLink)
	again("crash", sbft.Milliseconds(1200), func() { w.anyNode().crash(0) })
	again("crash-all", sbft.Milliseconds(3000), func() {
		w.tell("-- everyone crashes")
		for _, n := range w.nodes {
			n.crash(sbft.Milliseconds(100))
		}
	})
	again("pause", sbft.Milliseconds(1500), func() { w.anyNode().pause(w.r.between(sbft.Milliseconds(20), sbft.Milliseconds(3000))) })
	again("clock", sbft.Milliseconds(700), func() { w.anyNode().shiftClock() })
	again("execution-restart", sbft.Milliseconds(700), func() { w.anyNode().restartExecution() })
}

func (w *world) anyNode() *node { return pick(w.r, w.nodes) }

// partition splits all nodes into two groups, or mends everything.
func (w *world) partition() {
	side := make([]bool, len(w.nodes))
	mend := w.r.chance(0.4)
	for i := range side {
		side[i] = w.r.chance(0.5)
	}
	w.tell("-- partition %v, mended %v", side, mend)
	for i := range side {
		for j := range side {
			w.net.cut[i][j] = !mend && side[i] != side[j]
		}
	}
}

func (w *world) oneWay() {
	i, j := w.r.intn(len(w.nodes)), w.r.intn(len(w.nodes))
	w.net.cut[i][j] = !w.net.cut[i][j]
	w.tell("-- link %d to %d cut %v", i, j, w.net.cut[i][j])
}

func (w *world) flap() {
	i := w.r.intn(len(w.nodes))
	down := w.r.chance(0.5)
	for j := range w.nodes {
		w.net.cut[i][j], w.net.cut[j][i] = down, down
	}
}

func (w *world) clogLink() {
	i, j := w.r.intn(len(w.nodes)), w.r.intn(len(w.nodes))
	w.net.clog[i][j] = w.r.between(0, sbft.Milliseconds(1000))
	if w.r.chance(0.4) {
		w.net.clog[i][j] = 0
	}
}
