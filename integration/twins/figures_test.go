package twins

import (
	"fmt"
	"strings"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
)

// figures count what happened: in one scenario, or in many.
type figures struct {
	scenarios, steps, deliveries       int
	fast, slow, stable                 int // scenarios with such a commit, with a checkpoint
	equivocated, proven                int // honest nodes voted for two proposals of one view and slot; somebody can prove it
	disagreed, violated, views, starts int
	healed                             int // milliseconds of the slowest healing, in virtual time
	rules                              [sbft.Rules]int
}

func (f *figures) add(o *figures) {
	f.scenarios += o.scenarios
	f.steps += o.steps
	f.deliveries += o.deliveries
	f.fast += o.fast
	f.slow += o.slow
	f.stable += o.stable
	f.equivocated += o.equivocated
	f.proven += o.proven
	f.disagreed += o.disagreed
	f.violated += o.violated
	f.views += o.views
	f.starts += o.starts
	f.healed = max(f.healed, o.healed)
	for i, n := range o.rules {
		f.rules[i] += n
	}
}

func (f *figures) String() string {
	return fmt.Sprintf("%d scenarios, %d steps, %d deliveries; commits on the fast path in %d, on the slow path in %d, checkpoints in %d; "+
		"honest votes for two proposals of one view and slot in %d, equivocation proven in %d; %d views entered, %d restarts; healed within %d ms; %d scenarios broken",
		f.scenarios, f.steps, f.deliveries, f.fast, f.slow, f.stable, f.equivocated, f.proven, f.views, f.starts, f.healed, f.violated)
}

// unused names rules that were never applied.
func (f *figures) unused() string {
	var names []string
	for i, n := range f.rules {
		if n == 0 && i > 0 {
			names = append(names, sbft.Rule(i).String()) // #nosec G115 -- few
		}
	}
	return strings.Join(names, " ")
}
