package twins

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// cast says who plays. Identities 0 to twinned-1 have two nodes each, the others one.
// Nodes are numbered by identity, the twins of all identities last: with four
// identities and one twin, node 4 is the twin of node 0.
type cast struct{ identities, twinned int }

func (c cast) nodes() int { return c.identities + c.twinned }

// identity is whose keys a node has.
func (c cast) identity(node int) int {
	if node >= c.identities {
		return node - c.identities
	}
	return node
}

// round is one view: which nodes are on the side of node 0 (as bits, so bit 0 is
// always set: the order of the two sides means nothing, and no split is a side with
// everybody), and whose turn it is to lead. A leader is an identity: when it is
// twinned, both nodes lead, each where it is.
type round struct {
	side   uint16
	leader uint8
}

// rounds are all different rounds: 2^(nodes-1) splits, times the identities.
func (c cast) rounds() []round {
	var out []round
	for side := range uint16(1) << (c.nodes() - 1) { // #nosec G115 -- few nodes
		for leader := range c.identities {
			out = append(out, round{side<<1 | 1, uint8(leader)}) // #nosec G115 -- few identities
		}
	}
	return out
}

// scenario is a round after the other.
type scenario []round

func (s scenario) String() string {
	text := ""
	for _, r := range s {
		text += fmt.Sprintf("[side %07b leader %d]", r.side, r.leader)
	}
	return text
}

// renaming is a symmetry: where each node goes. Scenarios that differ by one are the
// same story with other names. What may be renamed are the identities without a twin
// among themselves, those with one among themselves, and the two nodes of a twinned
// identity, independently.
type renaming []int

// renamings of four identities of which one is twinned are 3! · 2 = 12.
func (c cast) renamings() []renaming {
	var out []renaming
	for _, twinned := range permutations(c.twinned) {
		for _, plain := range permutations(c.identities - c.twinned) {
			for swapped := range 1 << c.twinned {
				r := make(renaming, c.nodes())
				for i, to := range twinned {
					r[i], r[c.identities+i] = to, c.identities+to
					if swapped>>i&1 == 1 {
						r[i], r[c.identities+i] = r[c.identities+i], r[i]
					}
				}
				for i, to := range plain {
					r[c.twinned+i] = c.twinned + to
				}
				out = append(out, r)
			}
		}
	}
	return out
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var out [][]int
	for _, p := range permutations(n - 1) {
		for at := range n {
			out = append(out, slices.Insert(slices.Clone(p), at, n-1))
		}
	}
	return out
}

// apply renames a round.
func (c cast) apply(r renaming, in round) round {
	out := round{leader: uint8(c.identity(r[in.leader]))} // #nosec G115 -- few identities
	for node, to := range r {
		out.side |= in.side >> node & 1 << to
	}
	if out.side&1 == 0 {
		out.side ^= 1<<c.nodes() - 1
	}
	return out
}

// distinct counts scenarios that no renaming makes equal, by Burnside's lemma: the
// mean, over the renamings, of the scenarios that each leaves as they are, and those
// are the rounds it leaves as they are to the power of the number of rounds.
//
// By hand for four identities, one twinned, five nodes. A renaming with k cycles of
// nodes leaves 2^(k-1) splits as they are (a side must be made of whole cycles; that
// it exchanges the two sides is impossible with an odd number of nodes), and as
// leaders the identities it does not move:
//
//	the identity            1 ×: 16 splits · 4 leaders = 64
//	two honest exchanged    3 ×:  8 · 2 = 16
//	three honest in turn    2 ×:  4 · 1 =  4
//	twins exchanged         1 ×:  8 · 4 = 32
//	and two honest          3 ×:  4 · 2 =  8
//	and three honest        2 ×:  2 · 1 =  2
//
// With three rounds: (64³ + 3·16³ + 2·4³ + 32³ + 3·8³ + 2·2³) / 12 = 308,880 / 12 =
// 25,740, and with four 18,035,232 / 12 = 1,502,936.
func (c cast) distinct(rounds int) int {
	all, group := c.rounds(), c.renamings()
	total := 0
	for _, g := range group {
		fixed := 0
		for _, r := range all {
			if c.apply(g, r) == r {
				fixed++
			}
		}
		same := 1
		for range rounds {
			same *= fixed
		}
		total += same
	}
	return total / len(group)
}

// table is every round renamed in every way, by the number of the round.
func (c cast) table() (all []round, renamed [][]int) {
	all = c.rounds()
	number := map[round]int{}
	for i, r := range all {
		number[r] = i
	}
	for _, g := range c.renamings() {
		row := make([]int, len(all))
		for i, r := range all {
			row[i] = number[c.apply(g, r)]
		}
		renamed = append(renamed, row)
	}
	return all, renamed
}

// scenarios lists one of each kind: the one whose numbers come first.
func (c cast) scenarios() []scenario {
	all, renamed := c.table()
	var out []scenario
	for a := range all {
		for b := range all {
			for d := range all {
				if first(renamed, []int{a, b, d}) {
					out = append(out, scenario{all[a], all[b], all[d]})
				}
			}
		}
	}
	return out
}

func first(renamed [][]int, story []int) bool {
	for _, row := range renamed {
		for _, r := range story {
			if row[r] < r {
				return false
			}
			if row[r] > r {
				break
			}
		}
	}
	return true
}

// sample draws kinds of scenarios without repeating one.
func (c cast) sample(seed uint64, want int) []scenario {
	all, renamed := c.table()
	random := rand.New(rand.NewPCG(seed, 7)) // #nosec G404 -- chance with a seed
	seen := map[[3]int]bool{}
	var out []scenario
	for len(out) < want {
		drawn := [3]int{random.IntN(len(all)), random.IntN(len(all)), random.IntN(len(all))}
		best := drawn
		for _, row := range renamed {
			if s := [3]int{row[drawn[0]], row[drawn[1]], row[drawn[2]]}; slices.Compare(s[:], best[:]) < 0 {
				best = s
			}
		}
		if !seen[best] {
			seen[best] = true
			out = append(out, scenario{all[best[0]], all[best[1]], all[best[2]]})
		}
	}
	return out
}

// seats gives identities their replica ids, such that the leader of the first round is
// replica 0: only view 0 begins on the fast path, and no view change precedes it.
func (s scenario) seats(c cast) []int {
	order := []int{int(s[0].leader)}
	for id := range c.identities {
		if id != order[0] {
			order = append(order, id)
		}
	}
	seat := make([]int, c.identities)
	for at, id := range order {
		seat[id] = at
	}
	return seat
}

// sideOf is the side on which a node is in a round.
func sideOf(r round, node int) int { return int(r.side >> node & 1) }
