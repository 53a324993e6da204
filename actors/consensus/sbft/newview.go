package sbft

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// Known is a value that was proposed for a slot in a view. The digest is that of
// the proposal's body, the R of the paper, and does not depend on the view.
type Known struct {
	View   ledger.View
	Digest ledger.Hash
}

// Evidence is what a view-change message shows of one slot. Its certificates and
// its share were verified before it comes here; evidence that does not verify is
// left out first, and never shadows what does.
type Evidence struct {
	Seq       ledger.Seq
	Committed *Known // by a commit certificate of either path
	Prepared  *Known // by the prepared certificate, τ(h), of the highest view
	Accepted  *Known // by its own fast share, for the proposal of the highest view that it accepted
}

// Testimony is a view-change message as the rule sees it: the highest checkpoint
// that it proves by a certificate, and evidence for slots above its own, in
// ascending order. A claimed checkpoint without a certificate counts as nothing.
type Testimony struct {
	From   ledger.ReplicaID
	Stable ledger.Seq
	Slots  []Evidence
}

// ChoiceKind says what a new view makes of a slot.
type ChoiceKind uint8

// Decided is committed already; Adopted is proposed again and agreed in the new
// view; Null is the empty proposal, where nothing can have been committed.
const (
	Null ChoiceKind = iota
	Adopted
	Decided
)

// Choice is the value of one slot in the new view.
type Choice struct {
	Seq    ledger.Seq
	Kind   ChoiceKind
	Digest ledger.Hash // zero for Null
}

// Errors of NewViewChoices.
var (
	// ErrViewChangeSet means that the messages are not exactly n - f of different
	// replicas. More would be as wrong as fewer: two values could then both have
	// enough witnesses.
	ErrViewChangeSet = errors.New("a new view takes exactly n - f view-change messages of different replicas")
	// ErrAgreement means that valid certificates contradict each other: more than f
	// replicas are faulty, and going on would hide it.
	ErrAgreement = errors.New("valid certificates contradict each other; more than f replicas are faulty")
)

// NewViewChoices is what a set of view-change messages makes of every slot above
// the highest certified checkpoint among them, in ascending order (SBFT, arXiv
// 1804.01626, section on the view change). It is a function of the set: neither
// the new primary nor the order of the messages has a say.
func NewViewChoices(q quorum.Config, window int, set []Testimony) (stable ledger.Seq, choices []Choice, err error) {
	return ruleOf(q).choices(window, set)
}

// newViewRule is the rule with its three numbers apart, so that tests can show
// that each of them matters.
type newViewRule struct {
	set       int // messages, exactly
	witnesses int // fast shares that make a value possible: f + c + 1
	// overrides tells whether witnesses of a fast commit at one view outweigh a
	// prepared certificate of another. Only later ones do: after a fast commit no
	// honest quorum prepares anything else, before it one might have.
	overrides func(fast, prepared ledger.View) bool
}

func ruleOf(q quorum.Config) newViewRule {
	return newViewRule{set: q.ViewChange(), witnesses: q.F + q.C + 1,
		overrides: func(fast, prepared ledger.View) bool { return fast > prepared }}
}

func (r newViewRule) choices(window int, set []Testimony) (stable ledger.Seq, choices []Choice, err error) {
	var last ledger.Seq
	for i := range set {
		for j := range set[:i] {
			if set[i].From == set[j].From {
				return 0, nil, fmt.Errorf("%w: %s stands twice", ErrViewChangeSet, set[i].From)
			}
		}
		stable = max(stable, set[i].Stable)
		if n := len(set[i].Slots); n > 0 {
			last = max(last, set[i].Slots[n-1].Seq)
		}
	}
	if len(set) != r.set {
		return 0, nil, fmt.Errorf("%w: %d, not %d", ErrViewChangeSet, len(set), r.set)
	}
	last = min(last, stable+ledger.Seq(window)) // #nosec G115 -- a window is positive
	for seq := stable + 1; seq <= last; seq++ {
		var shown []Evidence
		for i := range set {
			if at, ok := slices.BinarySearchFunc(set[i].Slots, seq, func(e Evidence, s ledger.Seq) int { return cmp.Compare(e.Seq, s) }); ok {
				shown = append(shown, set[i].Slots[at])
			}
		}
		c, err := r.choose(seq, shown)
		if err != nil {
			return 0, nil, err
		}
		choices = append(choices, c)
	}
	return stable, choices, nil
}

// choose is the rule for one slot.
func (r newViewRule) choose(seq ledger.Seq, shown []Evidence) (Choice, error) {
	decided, err := agreed(shown, func(e *Evidence) *Known { return e.Committed }, false)
	if err != nil {
		return Choice{}, fmt.Errorf("slot %d: %w", seq, err)
	}
	if decided != nil {
		return Choice{Seq: seq, Kind: Decided, Digest: decided.Digest}, nil
	}
	prepared, err := agreed(shown, func(e *Evidence) *Known { return e.Prepared }, true)
	if err != nil {
		return Choice{}, fmt.Errorf("slot %d: %w", seq, err)
	}
	fast := r.witnessed(shown)
	switch {
	case fast != nil && (prepared == nil || r.overrides(fast.View, prepared.View)):
		return Choice{Seq: seq, Kind: Adopted, Digest: fast.Digest}, nil
	case prepared != nil:
		return Choice{Seq: seq, Kind: Adopted, Digest: prepared.Digest}, nil
	}
	return Choice{Seq: seq, Kind: Null}, nil
}

// agreed returns the certified value of the highest view. Certificates of one view,
// or commit certificates of any two, must not contradict each other.
func agreed(shown []Evidence, of func(*Evidence) *Known, byView bool) (*Known, error) {
	var best *Known
	for i := range shown {
		k := of(&shown[i])
		if k == nil {
			continue
		}
		if best != nil && k.Digest != best.Digest && (!byView || k.View == best.View) {
			return nil, fmt.Errorf("%w: %s and %s", ErrAgreement, k.Digest, best.Digest)
		}
		if best == nil || k.View > best.View {
			best = k
		}
	}
	return best, nil
}

// witnessed returns the value with enough fast shares at the highest view: for each
// value the views of its shares in descending order, of which the witnesses-th is
// the view at or above which enough replicas accepted it. nil when there is none, or
// when two values share that view, which exactly n - f messages make impossible.
func (r newViewRule) witnessed(shown []Evidence) *Known {
	views := map[ledger.Hash][]ledger.View{} // looked up and filled only
	var order []ledger.Hash
	for i := range shown {
		if k := shown[i].Accepted; k != nil {
			if views[k.Digest] == nil {
				order = append(order, k.Digest)
			}
			views[k.Digest] = append(views[k.Digest], k.View)
		}
	}
	var best *Known
	unique := true
	for _, digest := range order {
		list := views[digest]
		if len(list) < r.witnesses {
			continue
		}
		slices.Sort(list)
		k := Known{View: list[len(list)-r.witnesses], Digest: digest}
		switch {
		case best == nil || k.View > best.View:
			best, unique = &k, true
		case k.View == best.View:
			unique = false
		}
	}
	if !unique {
		return nil
	}
	return best
}
