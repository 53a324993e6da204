package transfer

import (
	"slices"

	"github.com/concordat-ledger/concordat/ledger"
)

// KindRecord asks for one record of the state as of a height. It belongs to no snapshot:
// a replica that is damaged there asks for it.
const KindRecord Kind = 16

// Wound is something damaged here that another replica can give: a block, or with
// KindRecord a record. Height 0 of a record: as of now.
type Wound struct {
	Kind   Kind
	Height ledger.Height
	Key    string
}

// MendAsk asks a replica for what a wound has lost.
type MendAsk struct {
	To      ledger.ReplicaID
	Request uint64
	Wound   Wound
}

// woundsMax is with how many wounds at once a store is not mended piece by piece any
// more: so many come of something that nobody has found yet.
const woundsMax = 128

// Mend decides from whom what is damaged is fetched, pure: one piece at a time, from one
// replica after the other. Whoever gave something that does not hold, or nothing, is
// asked for that piece again only when all others were.
//
// In: what is damaged, heights, what became of asks, the time. Out: asks, wounds that
// nobody can heal, and whether the whole store should be fetched. Durable: nothing.
type Mend struct {
	p       Params
	heights []ledger.Height
	barred  []int64
	wounds  []wound
	request uint64
	next    int // whom to ask first
	turn    int // about which wound
	pending *MendAsk
	sent    int64
	lost    []Wound
}

type wound struct {
	Wound
	refused []bool // by replica: it lacks it, or gave something else
	tried   []int  // by replica: how often it was asked
	since   int64  // first asked
}

// mendRequests are numbered apart from those of a joining replica.
const mendRequests = 1 << 61

// NewMend is idle.
func NewMend(p Params) *Mend {
	return &Mend{p: p, heights: make([]ledger.Height, p.Replicas), barred: make([]int64, p.Replicas)}
}

// OnPeer notes what a replica says of its durable height.
func (m *Mend) OnPeer(from ledger.ReplicaID, stable ledger.Height) {
	if int(from) < len(m.heights) && from != m.p.Self {
		m.heights[from] = stable
	}
}

// OnWounds says what is damaged now. What is not among them any more is healed.
func (m *Mend) OnWounds(now []Wound) {
	m.wounds = slices.DeleteFunc(m.wounds, func(w wound) bool { return !slices.Contains(now, w.Wound) })
	for _, w := range now {
		if !slices.ContainsFunc(m.wounds, func(o wound) bool { return o.Wound == w }) && !slices.Contains(m.lost, w) {
			m.wounds = append(m.wounds, wound{Wound: w, refused: make([]bool, len(m.heights)), tried: make([]int, len(m.heights))})
		}
	}
	m.lost = slices.DeleteFunc(m.lost, func(w Wound) bool { return !slices.Contains(now, w) })
	if m.pending != nil && !slices.Contains(now, m.pending.Wound) {
		m.pending = nil
	}
}

// Beyond reports whether there is more than is worth mending.
func (m *Mend) Beyond() bool { return len(m.wounds) > woundsMax }

// Lost are the wounds that nobody can heal.
func (m *Mend) Lost() []Wound { return slices.Clone(m.lost) }

// Again has all others asked once more for what none of them could give.
func (m *Mend) Again(w Wound) {
	m.lost = slices.DeleteFunc(m.lost, func(o Wound) bool { return o == w })
}

// Wants reports which ask a reply answers, nil if none.
func (m *Mend) Wants(from ledger.ReplicaID, request uint64) *MendAsk {
	if m.pending == nil || m.pending.To != from || m.pending.Request != request {
		return nil
	}
	return m.pending
}

// OnProgress notes that a part has come and more of it was asked for.
func (m *Mend) OnProgress(from ledger.ReplicaID, request uint64, now int64) {
	if m.Wants(from, request) != nil {
		m.sent = now
	}
}

// OnAnswer takes what came of an ask. A good one has healed the wound.
func (m *Mend) OnAnswer(from ledger.ReplicaID, request uint64, a Answer, now int64) {
	ask := m.Wants(from, request)
	if ask == nil {
		return
	}
	m.pending = nil
	at := slices.IndexFunc(m.wounds, func(w wound) bool { return w.Wound == ask.Wound })
	if at < 0 {
		return
	}
	switch a {
	case Good:
		m.wounds = slices.Delete(m.wounds, at, at+1)
	case Preparing:
		m.barred[from] = now + m.p.Again
	default:
		m.wounds[at].refused[from] = true
		if a == Bad {
			m.barred[from] = now + m.p.Penalty
		}
	}
}

// Next returns what to ask now, nil for nothing.
func (m *Mend) Next(now int64) *MendAsk {
	if m.pending != nil {
		if now-m.sent < m.p.Timeout {
			return nil
		}
		m.pending = nil // whoever was asked less comes first now
	}
	m.giveUp(now)
	for i := range m.wounds {
		w := &m.wounds[(m.turn+i)%len(m.wounds)]
		id := m.whom(w, now)
		if id < 0 {
			continue
		}
		if w.since == 0 {
			w.since = max(now, 1)
		}
		w.tried[id]++
		m.next = (id + 1) % len(m.heights)
		m.turn = (m.turn + i + 1) % len(m.wounds) // one that nobody answers holds up no other
		m.request++
		// #nosec G115 -- below n
		m.pending, m.sent = &MendAsk{To: ledger.ReplicaID(id), Request: mendRequests + m.request, Wound: w.Wound}, now
		return m.pending
	}
	return nil
}

// whom finds who was asked least about a wound, in turns; -1: there is nobody now.
func (m *Mend) whom(w *wound, now int64) int {
	best := -1
	for j := range m.heights {
		id := (m.next + j) % len(m.heights)
		if id == int(m.p.Self) || w.refused[id] || m.barred[id] > now {
			continue
		}
		// What is told of heights lags behind: it only says who comes first.
		behind := func(id int) int { return 2*w.tried[id] + boolInt(m.heights[id] < max(w.Height, 1)) }
		if best < 0 || behind(id) < behind(best) {
			best = id
		}
	}
	return best
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// triesMax is how often one that does not answer is asked before it counts as away.
const triesMax = 3

// giveUp takes out the wounds that all others have refused to heal; those that are away
// are waited for, but not for ever.
func (m *Mend) giveUp(now int64) {
	m.wounds = slices.DeleteFunc(m.wounds, func(w wound) bool {
		refused, away, others := 0, 0, 0
		for id := range m.heights {
			switch {
			case id == int(m.p.Self):
				continue
			case w.refused[id]:
				refused++
			case w.tried[id] >= triesMax:
				away++
			}
			others++
		}
		gone := refused == others || refused >= m.p.Weak && refused+away == others && now-w.since > m.p.GiveUp
		if gone {
			m.lost = append(m.lost, w.Wound)
		}
		return gone
	})
}
