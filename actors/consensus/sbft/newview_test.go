package sbft

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// history is one slot through several views, decided by a random adversary: which
// replicas are reached by which proposal, who learns of which certificate, and
// which messages make up the new view. Byzantine replicas sign everything, show
// any value of theirs, and hide or show any certificate that was ever formed; a
// Byzantine primary proposes two values, or sends two new views.
type history struct {
	random  *rand.Rand
	q       quorum.Config
	rule    newViewRule
	faulty  []bool
	honest  []Evidence // what each replica would show
	formed  []Known    // prepared certificates
	commits []Known
	story   []string
}

func newHistory(q quorum.Config, rule newViewRule, seed uint64) *history {
	h := &history{random: rand.New(rand.NewPCG(seed, 1)), q: q, rule: rule, faulty: make([]bool, q.N()), honest: make([]Evidence, q.N())}
	for _, i := range h.random.Perm(q.N())[:q.F] {
		h.faulty[i] = true
	}
	for i := range h.honest {
		h.honest[i].Seq = 1
	}
	return h
}

func (h *history) tell(format string, args ...any) {
	h.story = append(h.story, fmt.Sprintf(format, args...))
}

func digest(n int) ledger.Hash { return ledger.Hash{byte(n)} }

// some draws a random subset of the honest replicas, often all or hardly any.
func (h *history) some(of func(i int) bool) []int {
	odds := []float64{0.1, 0.5, 0.9, 1}[h.random.IntN(4)]
	var out []int
	for i := range h.q.N() {
		if !h.faulty[i] && of(i) && h.random.Float64() < odds {
			out = append(out, i)
		}
	}
	return out
}

// view lets a view run: offered says which value each honest replica may accept.
func (h *history) view(v ledger.View, offered []ledger.Hash) {
	accepted := map[ledger.Hash][]int{}
	var order []ledger.Hash
	for _, i := range h.some(func(int) bool { return true }) {
		h.honest[i].Accepted = &Known{v, offered[i]}
		if accepted[offered[i]] == nil {
			order = append(order, offered[i])
		}
		accepted[offered[i]] = append(accepted[offered[i]], i)
	}
	for _, r := range order {
		signed := len(accepted[r]) + h.q.F // the faulty sign everything
		h.tell("view %d: %v accept %x", v, accepted[r], r[0])
		if signed >= h.q.Fast() && h.random.IntN(2) == 0 {
			h.commit(Known{v, r}, "fast")
		}
		if signed >= h.q.Slow() && h.random.IntN(3) > 0 {
			h.formed = append(h.formed, Known{v, r})
			holders := h.some(func(int) bool { return true })
			for _, i := range holders {
				h.honest[i].Prepared = &Known{v, r}
			}
			h.tell("view %d: %x is prepared, %v hold the certificate", v, r[0], holders)
			if len(holders)+h.q.F >= h.q.Slow() && h.random.IntN(2) == 0 {
				h.commit(Known{v, r}, "slow")
			}
		}
	}
}

func (h *history) commit(k Known, path string) {
	h.commits = append(h.commits, k)
	h.tell("view %d: %x is committed on the %s path", k.View, k.Digest[0], path)
	for _, i := range h.some(func(int) bool { return h.random.IntN(4) == 0 }) {
		h.honest[i].Committed = &k
	}
}

// testimonies draws the messages of a new view.
func (h *history) testimonies(v ledger.View) []Testimony {
	var out []Testimony
	members := h.random.Perm(h.q.N())
	if h.random.IntN(2) == 0 { // the faulty are always among them
		slices.SortStableFunc(members, func(a, b int) int {
			return map[bool]int{true: 0, false: 1}[h.faulty[a]] - map[bool]int{true: 0, false: 1}[h.faulty[b]]
		})
	}
	for _, i := range members[:min(h.rule.set, len(members))] {
		e := h.honest[i]
		if h.faulty[i] {
			e = Evidence{Seq: 1}
			if h.random.IntN(4) > 0 {
				e.Accepted = &Known{ledger.View(h.random.IntN(int(v))), digest(1 + h.random.IntN(3))}
			}
			if len(h.formed) > 0 && h.random.IntN(2) == 0 {
				e.Prepared = &h.formed[h.random.IntN(len(h.formed))]
			}
		}
		out = append(out, Testimony{From: ledger.ReplicaID(i), Slots: []Evidence{e}})
	}
	return out
}

// run plays views and returns what broke agreement, if anything did.
func (h *history) run(views int) error {
	offered := make([]ledger.Hash, h.q.N())
	two := h.random.IntN(3) > 0
	for i := range offered {
		offered[i] = digest(1)
		if two && h.random.IntN(2) == 0 {
			offered[i] = digest(2)
		}
	}
	for v := range ledger.View(views) {
		h.view(v, offered)
		for _, c := range h.commits {
			if c.Digest != h.commits[0].Digest {
				return fmt.Errorf("%x and %x are both committed", c.Digest[0], h.commits[0].Digest[0])
			}
		}
		var choice [2]ledger.Hash
		for k := range choice {
			_, choices, err := h.rule.choices(8, h.testimonies(v+1))
			if err != nil {
				return err
			}
			if len(choices) == 1 {
				choice[k] = choices[0].Digest
			}
			h.tell("new view %d chooses %x", v+1, choice[k][0])
			if len(h.commits) > 0 && choice[k] != h.commits[0].Digest {
				return fmt.Errorf("%x is committed, and view %d may go on with %x", h.commits[0].Digest[0], v+1, choice[k][0])
			}
		}
		primaryLies := h.faulty[h.q.Primary(v+1)]
		for i := range offered {
			offered[i] = choice[0]
			if primaryLies && h.random.IntN(2) == 0 {
				offered[i] = choice[1]
			}
		}
	}
	return nil
}

var budgets = []quorum.Config{{F: 1}, {F: 1, C: 1}, {F: 2}, {F: 1, C: 2}}

// What is committed in a view is what every later view goes on with, whatever f
// replicas do.
func TestACommittedValueSurvivesEveryNewView(t *testing.T) {
	runs := uint64(20_000)
	if testing.Short() {
		runs = 5_000
	}
	for _, q := range budgets {
		committed := 0
		for seed := range runs {
			h := newHistory(q, ruleOf(q), seed)
			if err := h.run(4); err != nil {
				for _, line := range h.story {
					t.Log(line)
				}
				t.Fatalf("%s, seed %d: %v", q, seed, err)
			}
			committed += min(1, len(h.commits))
		}
		require.Greater(t, committed, int(runs/4), "%s: histories in which something is committed", q)
	}
}

// Each number of the rule matters: with another one the same histories break
// agreement.
func TestBrokenRulesAreFound(t *testing.T) {
	broken := map[string]func(q quorum.Config, r *newViewRule){
		"one witness too few":           func(_ quorum.Config, r *newViewRule) { r.witnesses-- },
		"one witness too many":          func(_ quorum.Config, r *newViewRule) { r.witnesses++ },
		"witnesses always win":          func(_ quorum.Config, r *newViewRule) { r.overrides = func(_, _ ledger.View) bool { return true } },
		"witnesses never win":           func(_ quorum.Config, r *newViewRule) { r.overrides = func(_, _ ledger.View) bool { return false } },
		"earlier witnesses win":         func(_ quorum.Config, r *newViewRule) { r.overrides = func(f, p ledger.View) bool { return f < p } },
		"a message too few":             func(_ quorum.Config, r *newViewRule) { r.set -= 1 },
		"as many witnesses as prepared": func(q quorum.Config, r *newViewRule) { r.witnesses = q.Slow() },
	}
	const most = 50_000
	for name, breakRule := range broken {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(most) {
				q := budgets[seed%uint64(len(budgets))]
				rule := ruleOf(q)
				breakRule(q, &rule)
				if newHistory(q, rule, seed).run(4) != nil {
					t.Logf("found after %d histories", seed+1)
					return
				}
			}
			t.Errorf("%d histories do not find it", most)
		})
	}
}

func known(v ledger.View, r int) *Known { return &Known{v, digest(r)} }

func messages(list ...Evidence) []Testimony {
	var out []Testimony
	for i, e := range list {
		e.Seq = 1
		out = append(out, Testimony{From: ledger.ReplicaID(i), Slots: []Evidence{e}})
	}
	return out
}

func chosen(t *testing.T, q quorum.Config, list ...Evidence) Choice {
	_, choices, err := NewViewChoices(q, 8, messages(list...))
	require.NoError(t, err)
	require.Len(t, choices, 1)
	return choices[0]
}

// With one message more two values can have enough witnesses at one view, and the
// rule would have nothing to go by: that is why the set is exact. (No history was
// found in which it breaks agreement, since neither can then be committed.)
func TestOneMessageMoreCanMakeTwoValuesPossible(t *testing.T) {
	q := quorum.Config{F: 1}
	rule := ruleOf(q)
	two := []Evidence{{Accepted: known(0, 1)}, {Accepted: known(0, 1)}, {Accepted: known(0, 2)}, {Accepted: known(0, 2)}}
	require.Nil(t, rule.witnessed(two))
	for left := range two { // any three of them have one such value at most
		three := slices.Delete(slices.Clone(two), left, left+1)
		require.NotNil(t, rule.witnessed(three))
	}
}

// The rule's cases, one by one, with f = 1: three messages, two witnesses.
func TestNewViewCases(t *testing.T) {
	q := quorum.Config{F: 1}
	require.Equal(t, Choice{Seq: 1}, chosen(t, q, Evidence{}, Evidence{}, Evidence{}), "nothing is known")
	require.Equal(t, Choice{Seq: 1}, chosen(t, q, Evidence{Accepted: known(0, 1)}, Evidence{Accepted: known(0, 2)}, Evidence{}), "one witness is not enough")
	require.Equal(t, Choice{1, Adopted, digest(1)}, chosen(t, q, Evidence{Accepted: known(0, 1)}, Evidence{Accepted: known(0, 1)}, Evidence{Accepted: known(3, 2)}), "two are")
	require.Equal(t, Choice{1, Adopted, digest(2)}, chosen(t, q, Evidence{Prepared: known(0, 2), Accepted: known(0, 1)}, Evidence{Accepted: known(0, 1)}, Evidence{}), "at one view the certificate wins")
	require.Equal(t, Choice{1, Adopted, digest(1)}, chosen(t, q, Evidence{Prepared: known(0, 2), Accepted: known(1, 1)}, Evidence{Accepted: known(1, 1)}, Evidence{}), "later witnesses win")
	require.Equal(t, Choice{1, Adopted, digest(2)}, chosen(t, q, Evidence{Prepared: known(1, 2), Accepted: known(2, 1)}, Evidence{Accepted: known(0, 1)}, Evidence{}),
		"the view of two witnesses is the lower of theirs")
	require.Equal(t, Choice{1, Decided, digest(3)}, chosen(t, q, Evidence{Committed: known(0, 3)}, Evidence{Prepared: known(2, 1), Accepted: known(2, 1)}, Evidence{Accepted: known(2, 1)}))

	for name, set := range map[string][]Testimony{
		"too few": messages(Evidence{}, Evidence{}), "too many": messages(Evidence{}, Evidence{}, Evidence{}, Evidence{}),
		"one twice": {{From: 1}, {From: 2}, {From: 1}},
	} {
		_, _, err := NewViewChoices(q, 8, set)
		require.ErrorIs(t, err, ErrViewChangeSet, name)
	}
	for name, set := range map[string][]Testimony{
		"two commits":              messages(Evidence{Committed: known(0, 1)}, Evidence{Committed: known(1, 2)}, Evidence{}),
		"two prepared in one view": messages(Evidence{Prepared: known(1, 1)}, Evidence{Prepared: known(1, 2)}, Evidence{}),
	} {
		_, _, err := NewViewChoices(q, 8, set)
		require.ErrorIs(t, err, ErrAgreement, name)
	}
}

// The checkpoint is the highest that is certified: a replica that is behind cannot
// free slots that others have executed (concord-bft takes a claimed one).
func TestOnlySlotsAboveTheHighestCertifiedCheckpointAreChosen(t *testing.T) {
	q := quorum.Config{F: 1}
	ahead := Testimony{From: 0, Stable: 300}
	behind := Testimony{From: 1, Stable: 150, Slots: []Evidence{{Seq: 200, Accepted: known(0, 1)}, {Seq: 301, Accepted: known(0, 7)}}}
	liar := Testimony{From: 2, Stable: 150, Slots: []Evidence{{Seq: 151}, {Seq: 301, Accepted: known(0, 7)}, {Seq: 100_000}}}
	stable, choices, err := NewViewChoices(q, 4, []Testimony{ahead, behind, liar})
	require.NoError(t, err)
	require.EqualValues(t, 300, stable)
	require.Equal(t, []Choice{{301, Adopted, digest(7)}, {Seq: 302}, {Seq: 303}, {Seq: 304}}, choices, "bounded by the window")
}

// The order of the messages does not matter.
func TestTheChoiceIsAFunctionOfTheSet(t *testing.T) {
	q := quorum.Config{F: 2}
	for seed := range uint64(2000) {
		h := newHistory(q, ruleOf(q), seed)
		offered := make([]ledger.Hash, q.N())
		for i := range offered {
			offered[i] = digest(1 + h.random.IntN(2))
		}
		h.view(0, offered)
		set := h.testimonies(1)
		s1, c1, err1 := NewViewChoices(q, 8, set)
		h.random.Shuffle(len(set), func(i, j int) { set[i], set[j] = set[j], set[i] })
		s2, c2, err2 := NewViewChoices(q, 8, set)
		require.Equal(t, s1, s2)
		require.Equal(t, c1, c2)
		require.Equal(t, err1 == nil, err2 == nil)
	}
}
