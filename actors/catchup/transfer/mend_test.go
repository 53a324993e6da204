package transfer

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/ledger"
)

// What another replica does when it is asked.
const (
	mendGives = iota
	mendLacks
	mendLies
	mendSilent
	mendLate
)

// patient is a damaged replica among others.
type patient struct {
	m     *Mend
	kinds []int
	open  []Wound
	asked map[Wound]map[ledger.ReplicaID]int
	begun map[Wound]bool
}

// answer lets whoever was asked do what it does.
func (p *patient) answer(ask *MendAsk, now int64) {
	if p.asked[ask.Wound] == nil {
		p.asked[ask.Wound] = map[ledger.ReplicaID]int{}
	}
	p.asked[ask.Wound][ask.To]++
	kind := p.kinds[ask.To]
	if kind == mendLate && !p.begun[ask.Wound] {
		p.begun[ask.Wound] = true
		p.m.OnAnswer(ask.To, ask.Request, Preparing, now)
		return
	}
	switch kind {
	case mendGives, mendLate:
		p.m.OnAnswer(ask.To, ask.Request, Good, now)
		p.open = slices.DeleteFunc(p.open, func(w Wound) bool { return w == ask.Wound })
	case mendLacks:
		p.m.OnAnswer(ask.To, ask.Request, Lacking, now)
	case mendLies:
		p.m.OnAnswer(ask.To, ask.Request, Bad, now)
	}
}

// Whatever liars answer, a wound is healed as long as one replica that is heard has what
// it needs; when nobody has it that is said, and nobody is asked for ever.
func TestWoundsAreHealedDespiteLiars(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{4, 7}).Draw(t, "n")
		weak := (n-1)/3 + 1
		params := DefaultParams(0, n, weak, 64)
		p := &patient{m: NewMend(params), kinds: make([]int, n), asked: map[Wound]map[ledger.ReplicaID]int{}, begun: map[Wound]bool{}}
		able, refusing := false, 0
		for id := 1; id < n; id++ {
			p.kinds[id] = rapid.IntRange(mendGives, mendLate).Draw(t, "peer")
			able = able || p.kinds[id] == mendGives || p.kinds[id] == mendLate
			if p.kinds[id] == mendLacks || p.kinds[id] == mendLies {
				refusing++
			}
			p.m.OnPeer(ledger.ReplicaID(id), 100)
		}
		p.open = []Wound{{Kind: KindBlock, Height: 7}, {Kind: KindRecord, Height: 9, Key: "a"}, {Kind: KindRecord, Key: "b"}}
		p.open = p.open[:rapid.IntRange(1, 3).Draw(t, "wounds")]
		for now := int64(1); now < 400*params.Penalty && len(p.open) > 0 && len(p.m.Lost()) < len(p.open); now += params.Again / 2 {
			p.m.OnWounds(p.open)
			ask := p.m.Next(now)
			if ask == nil {
				continue
			}
			require.NotEqual(t, params.Self, ask.To)
			require.Contains(t, p.open, ask.Wound)
			require.Nil(t, p.m.Wants(ask.To, ask.Request+1))
			p.answer(ask, now)
		}
		for _, w := range p.open {
			require.False(t, able, "%v is open although somebody has it: %v", w, p.asked[w])
			for id := 1; id < n; id++ {
				if p.kinds[id] == mendLacks || p.kinds[id] == mendLies {
					require.Equal(t, 1, p.asked[w][ledger.ReplicaID(id)], "asked again who has refused")
				}
			}
			if refusing >= weak {
				require.Contains(t, p.m.Lost(), w)
			}
		}
	})
}

func TestManyWoundsAreNotMendedOneByOne(t *testing.T) {
	m := NewMend(DefaultParams(0, 4, 2, 64))
	var all []Wound
	for h := range ledger.Height(woundsMax) {
		all = append(all, Wound{Kind: KindBlock, Height: h + 1})
	}
	m.OnWounds(all)
	require.False(t, m.Beyond())
	m.OnWounds(append(all, Wound{Kind: KindRecord, Key: "k"}))
	require.True(t, m.Beyond())
	m.OnWounds(all[:3])
	require.False(t, m.Beyond())
}
