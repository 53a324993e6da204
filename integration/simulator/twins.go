package simulator

import (
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// Twins (Bano et al., arXiv 2004.10617): a replica runs twice under one identity, and
// equivocation, double votes and amnesia come from honest code alone. A scenario is
// three rounds; in each the five processes of n = 4 are split into at most two groups
// and a replica leads.

// Round says who is on which side (bit i: process i; process 4 is the twin of replica
// 0) and who leads.
type Round struct {
	Side   uint8
	Leader uint8
}

const twinProcesses = 5

// normal puts process 0 on side 0: the sides have no names.
func (r Round) normal() Round {
	if r.Side&1 == 1 {
		r.Side ^= 1<<twinProcesses - 1
	}
	return r
}

// renamed applies a renaming of processes.
func (r Round) renamed(to [twinProcesses]uint8) Round {
	out := Round{Leader: to[r.Leader] % 4} // the twins are one leader
	for i := range twinProcesses {
		out.Side |= (r.Side >> i & 1) << to[i]
	}
	return out.normal()
}

// renamings are the symmetries: the two twins, and the three others among themselves.
func renamings() (out [][twinProcesses]uint8) {
	for _, h := range [][3]uint8{{1, 2, 3}, {1, 3, 2}, {2, 1, 3}, {2, 3, 1}, {3, 1, 2}, {3, 2, 1}} {
		out = append(out, [twinProcesses]uint8{0, h[0], h[1], h[2], 4}, [twinProcesses]uint8{4, h[0], h[1], h[2], 0})
	}
	return out
}

func (r Round) number() int { return int(r.Side>>1)*4 + int(r.Leader) }

// TwinScenarios lists every scenario of three rounds that is different from all others
// under renaming. By Burnside's lemma there are (64^3 + 32^3 + 3*16^3 + 3*8^3 + 2*4^3 +
// 2*2^3) / 12 = 25,740: of the 16 splits and 4 leaders of a round a renaming leaves 64
// (nothing renamed), 32 (the twins), 16 (two others), 8 (both), 4 (three others in a
// circle) and 2 (with the twins) as they are.
func TwinScenarios() (out [][3]Round) {
	var rounds []Round
	for side := range uint8(16) {
		for leader := range uint8(4) {
			rounds = append(rounds, Round{side << 1, leader})
		}
	}
	maps := make([][]int, 0, 12)
	for _, to := range renamings() {
		m := make([]int, len(rounds))
		for _, r := range rounds {
			m[r.number()] = r.renamed(to).number()
		}
		maps = append(maps, m)
	}
	for a := range 64 {
		for b := range 64 {
			for c := range 64 {
				if least(maps, [3]int{a, b, c}) {
					out = append(out, [3]Round{at(a), at(b), at(c)})
				}
			}
		}
	}
	return out
}

func at(number int) Round { return Round{uint8(number/4) << 1, uint8(number % 4)} } // #nosec G115 -- below 64

// least reports whether no renaming gives a smaller scenario.
func least(maps [][]int, s [3]int) bool {
	for _, m := range maps {
		for i := range s {
			if d := m[s[i]] - s[i]; d < 0 {
				return false
			} else if d > 0 {
				break
			}
		}
	}
	return true
}

// Twins plays one scenario. With cut the rounds end after a time that the number of the
// scenario draws: most mistakes need a round that is half done. Two identities have
// twins with both: then f + 1 are faulty, and agreement must break somewhere.
func Twins(number uint64, rounds [3]Round, cut, both bool) *Result {
	p := &plan{q: quorum.Config{F: 1}, window: 8, batch: 2, inFlight: 2, slots: 1, delayMax: sbft.Milliseconds(1), syncMax: 100_000,
		execMax: 100_000, clients: 1, every: sbft.Milliseconds(10), stage: 1, liars: []ledger.ReplicaID{0}}
	if both {
		p.liars = append(p.liars, 1)
	}
	w := &world{plan: p, r: newRandom(number), scheme: newScheme(p.q, 7), result: &Result{Seed: number, Acted: map[string]int{}}}
	w.everywhere = true // whoever leads has work
	w.ledger, w.heard = ledger.Hash{2}, map[ledger.Seq][]sbft.Known{}
	w.null = ledger.NewBody(w.ledger, ledger.Proposal{}).Digest
	w.net, w.watch = newNetwork(w), newWatch(w)
	for id := range p.q.N() {
		w.nodes = append(w.nodes, newNode(w, id, ledger.ReplicaID(id))) // #nosec G115 -- below n
	}
	for _, id := range p.liars {
		n := newNode(w, len(w.nodes), id)
		n.twin = true
		w.nodes = append(w.nodes, n)
	}
	for _, n := range w.nodes {
		n.boot()
	}
	w.clients = append(w.clients, newClient(w, 0))
	w.playRounds(rounds, cut)
	w.loop()
	w.finish()
	return w.result
}

// playRounds schedules the rounds, then the healing.
func (w *world) playRounds(rounds [3]Round, cut bool) {
	view, at := ledger.View(0), sbft.Instant(0)
	for _, r := range rounds {
		view++
		for uint64(view)%4 != uint64(r.Leader) {
			view++
		}
		to, side := view, r.Side
		w.after(at, func() { w.beginRound(to, side) })
		took := sbft.Milliseconds(200)
		if cut {
			took = w.r.between(sbft.Milliseconds(2), sbft.Milliseconds(40))
		}
		at += took
	}
	w.after(at, w.heal)
}

// beginRound splits the processes and makes all of them move to a view, by complaints
// of f + 1 replicas.
func (w *world) beginRound(view ledger.View, side uint8) {
	for i, a := range w.nodes {
		for j, b := range w.nodes {
			w.net.cut[i][j] = side>>(a.index%twinProcesses)&1 != side>>(b.index%twinProcesses)&1
		}
	}
	for _, n := range w.nodes {
		n.take(func() {
			for _, by := range []ledger.ReplicaID{2, 3} {
				sig := w.scheme.sign(by, sbft.ComplaintBytes(w.ledger, 0, by, view-1))
				n.step(sbft.Complaint{From: by, View: view - 1, Signature: sig})
			}
		})
	}
}
