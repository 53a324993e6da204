package explore

import (
	"cmp"
	"slices"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// thin draws states where a turn has too many. Most states of a turn are ones in which
// little has happened and little can: drawn evenly, those from which a later view
// decides anything would be gone after a few turns. So they are drawn by how far they
// have come: as many of each stage, of a stage as many of each kind, and of a kind by a
// hash of them: the same ones every time.
func (s *search) thin(q *queue, width int) {
	if s.order == nil || len(q.items) <= width {
		return
	}
	if s.thinned == 0 {
		s.completeTo = int(q.items[0].turn)
	}
	s.thinned++
	all := make([]candidate, len(q.items))
	for i, it := range q.items {
		stage, kind := s.progress(&it.state)
		all[i] = candidate{item: it, stage: stage, group: kind, hash: mix(append(it.at[:], it.net))}
	}
	rank(all)
	for i := range all {
		all[i].group = all[i].stage
	}
	rank(all)
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.hash, b.hash)) })
	clear(q.items[width:])
	q.items = q.items[:width]
	for i := range q.items {
		q.items[i] = all[i].item
	}
}

type candidate struct {
	item
	stage, group, hash uint64
	rank               int // within its group
}

// rank numbers the members of each group, in the order of the ranks that they had.
func rank(all []candidate) {
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.rank, b.rank), cmp.Compare(a.hash, b.hash))
	})
	for i := range all {
		all[i].rank = 0
		if i > 0 && all[i].group == all[i-1].group {
			all[i].rank = all[i-1].rank + 1
		}
	}
}

// progress is how far a state has come. Its stage is how many nodes have left view 0, have
// entered view 1, have decided, and how many values are voted for; its kind, how far each is, whichever it is, and how many
// messages of each kind are on their way.
func (s *search) progress(in *state) (stage, kind uint64) {
	far := make([]uint32, len(s.nodes), len(s.nodes)+int(kinds))
	var count [4]uint32
	values := map[ledger.Hash]bool{}
	for i, n := range s.nodes {
		p := &n.places[in.at[i]]
		far[i] = p.far()
		for j, reached := range [3]bool{p.view > 0, p.view > 0 && p.active, p.decided[1] != nil} {
			if reached {
				count[j]++
			}
		}
		for _, v := range p.votes {
			values[v.Slot.Digest] = true
		}
	}
	slices.Sort(far)
	count[3] = uint32(len(values)) // #nosec G115 -- few
	var sent [kinds]uint32
	for _, id := range s.nets.sets[in.net] {
		sent[s.messages.list[id].kindTaking()]++
	}
	return mix(count[:]), mix(append(far, sent[:]...))
}

// far is the view, and for each slot whether it is voted for, prepared, or decided.
func (p *place) far() uint32 {
	out := uint32(p.view) << 1 // #nosec G115 -- 0 or 1
	if p.active {
		out++
	}
	for slot := 1; slot <= slotsMax; slot++ {
		level := uint32(0)
		for _, v := range p.votes {
			switch {
			case int(v.Slot.Seq) != slot: // #nosec G115 -- small
			case v.Phase == certificate.Commit:
				level = 2
			default:
				level = max(level, 1)
			}
		}
		if p.decided[slot] != nil {
			level = 3
		}
		out = out<<2 | level
	}
	return out
}

func mix(in []uint32) uint64 {
	h := uint64(14695981039346656037)
	for _, at := range in {
		h = (h ^ uint64(at)) * 1099511628211
		h ^= h >> 29
	}
	return h
}
