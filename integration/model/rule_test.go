package model

import (
	"fmt"
	"maps"
	"slices"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// slotSeq is the slot that the model is about.
const slotSeq ledger.Seq = 1

const (
	window = 16
	values = 3 // 0 is the empty proposal
)

// bodies are the proposals that stand for the model's values.
var bodies = func() (out [values]*ledger.Body) {
	out[0] = ledger.NewBody(ledger.ID{}, ledger.Proposal{})
	for i := 1; i < values; i++ {
		out[i] = ledger.NewBody(ledger.ID{}, ledger.Proposal{Time: ledger.Time(i), Txs: [][]byte{{byte(i)}}})
	}
	return out
}()

// valueOf is the model's value that a digest stands for; -1: none.
func valueOf(digest ledger.Hash) int {
	return slices.IndexFunc(bodies[:], func(b *ledger.Body) bool { return b.Digest == digest })
}

func viewOf(view int) ledger.View { return ledger.View(view) } // #nosec G115 -- the model's views are few

func idOf(who int) ledger.ReplicaID { return ledger.ReplicaID(who) } // #nosec G115 -- the model's replicas are few

// knownOf is a model's pair for the machine; nil for none.
func knownOf(view, value int) *sbft.Known {
	if view < 0 {
		return nil
	}
	return &sbft.Known{View: viewOf(view), Digest: bodies[value].Digest}
}

func (e evidence) empty() bool {
	return e.Committed.View < 0 && e.Prepared.View < 0 && e.Accepted.View < 0
}

// checkRule gives the set of a new view to the machine's rule, and compares what it
// makes of it with the model's choice.
func checkRule(q quorum.Config, s step) error {
	var set []sbft.Testimony
	for _, who := range slices.Sorted(maps.Keys(s.Set)) {
		e := s.Set[who]
		t := sbft.Testimony{From: idOf(who)}
		if !e.empty() {
			t.Slots = []sbft.Evidence{{Seq: slotSeq, Committed: knownOf(e.Committed.View, e.Committed.Value),
				Prepared: knownOf(e.Prepared.View, e.Prepared.Value), Accepted: knownOf(e.Accepted.View, e.Accepted.Value)}}
		}
		set = append(set, t)
	}
	stable, choices, err := sbft.NewViewChoices(q, window, set)
	if err != nil {
		return fmt.Errorf("the rule refuses the set of view %d: %w", s.View, err)
	}
	got, want := "free", s.Choice.Kind
	switch {
	case stable != 0 || len(choices) > 1 || len(choices) == 1 && choices[0].Seq != slotSeq:
		return fmt.Errorf("the rule chooses for other slots than the model's: %d, %v", stable, choices)
	case len(choices) == 1 && choices[0].Kind == sbft.Null:
		got = "null"
	case len(choices) == 1 && choices[0].Kind == sbft.Adopted:
		got = fmt.Sprint("adopted ", valueOf(choices[0].Digest))
	case len(choices) == 1:
		got = fmt.Sprint("decided ", valueOf(choices[0].Digest))
	}
	if want == "adopted" || want == "decided" {
		want = fmt.Sprint(want, " ", s.Choice.Value)
	}
	if got != want {
		return fmt.Errorf("the rule makes %q of the set of view %d, the model %q", got, s.View, want)
	}
	return nil
}
