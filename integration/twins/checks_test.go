package twins

import (
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// checks is what the judge remembers of one scenario. It shares no code with the
// machine.
type checks struct {
	honest   map[ledger.Seq]ledger.Hash // what nodes without a twin decided
	anybody  map[ledger.Seq]ledger.Hash // and what anybody did
	accepted map[promise]ledger.Hash    // by honest nodes: the first value voted for
}

func newChecks() checks {
	return checks{map[ledger.Seq]ledger.Hash{}, map[ledger.Seq]ledger.Hash{}, map[promise]ledger.Hash{}}
}

// promises is what a node has bound itself to.
type promises struct {
	votes map[promise]ledger.Hash
	left  ledger.View // nothing is signed in an earlier view
}

type promise struct {
	phase certificate.Phase
	view  ledger.View
	seq   ledger.Seq
}

// checkRecords holds every copy, twin or not, to its own word: one digest per phase,
// view and slot, over all its lives, and nothing in a view that it has left.
func (w *world) checkRecords(n *node, records []sbft.Record) {
	for _, r := range records {
		switch r.Kind {
		case sbft.RecordView:
			d := ledger.NewReader("concordat/sbft-record/1", r.Data)
			d.U8()
			d.U64()
			to := ledger.View(d.U64())
			if to <= n.promised.left {
				w.fail("%s moves to view %d after %d", w.name(n), to, n.promised.left)
			}
			n.promised.left = to
		case sbft.RecordVote:
			v, err := sbft.ParseVote(r)
			if err != nil {
				w.fail("%s records nonsense: %v", w.name(n), err)
				return
			}
			w.checkVote(n, v)
		}
	}
}

func (w *world) checkVote(n *node, v sbft.Vote) {
	at := promise{v.Phase, v.Slot.View, v.Slot.Seq}
	if old, ok := n.promised.votes[at]; ok && old != v.Slot.Digest {
		w.fail("%s votes for two values in phase %d of slot %d of view %d", w.name(n), v.Phase, v.Slot.Seq, v.Slot.View)
	}
	n.promised.votes[at] = v.Slot.Digest
	if v.Phase == certificate.Checkpoint {
		return
	}
	if v.Slot.View < n.promised.left {
		w.fail("%s votes in view %d after it left for view %d", w.name(n), v.Slot.View, n.promised.left)
	}
	if v.Phase == certificate.Prepare && !n.twin {
		if old, ok := w.checks.accepted[at]; ok && old != v.Slot.Digest {
			w.tally.equivocated = 1
		} else {
			w.checks.accepted[at] = v.Slot.Digest
		}
	}
}

// checkDecision is order, and agreement: among honest nodes, and with the twins,
// whose decisions rest on certificates that would convince anyone.
func (w *world) checkDecision(n *node, d sbft.Decision) {
	if int(d.Seq) != len(n.chain)+1 { // #nosec G115 -- small
		w.fail("%s delivers slot %d after %d", w.name(n), d.Seq, len(n.chain))
	}
	w.checkBlock(n, sbft.Settled{Seq: d.Seq, Digest: d.Body.Digest})
}

func (w *world) checkBlock(n *node, b sbft.Settled) {
	if old, ok := w.checks.anybody[b.Seq]; ok && old != b.Digest {
		w.tally.disagreed = 1
		w.fail("slot %d is %s, for %s it is %s", b.Seq, old.Short(), w.name(n), b.Digest.Short())
	}
	w.checks.anybody[b.Seq] = b.Digest
	if !n.twin {
		w.checks.honest[b.Seq] = b.Digest
	}
}

// checkReports looks for violations, and for accusations of those who are honest.
func (w *world) checkReports(n *node, out *sbft.Output) {
	for _, r := range out.Reports {
		switch r.Kind {
		case sbft.ReportViolation:
			w.fail("%s stops: %s", w.name(n), r.Text)
		case sbft.ReportEquivocation, sbft.ReportConflictingVote, sbft.ReportBadShare, sbft.ReportNotPrimary:
			w.accuses(n, r.Replica, r.Kind)
		case sbft.ReportCommittedFast:
			w.tally.fast = 1
		case sbft.ReportCommittedSlow:
			w.tally.slow = 1
		case sbft.ReportEntered:
			w.tally.views++
		case sbft.ReportStable:
			w.tally.stable = 1
		case sbft.ReportRule:
			w.tally.rules[r.Rule]++
		}
	}
	for _, e := range out.Equivocations {
		w.tally.proven = 1
		w.accuses(n, w.quorum.Primary(e.View), sbft.ReportEquivocation)
		if e.First.Digest == e.Second.Digest || !w.signed(e, e.First) || !w.signed(e, e.Second) {
			w.fail("%s holds a proof against the primary of view %d that proves nothing", w.name(n), e.View)
		}
	}
}

func (w *world) accuses(n *node, whom ledger.ReplicaID, of sbft.ReportKind) {
	for _, o := range w.nodes {
		if o.params.Self == whom && !o.twin && !w.faults.accusable(o) {
			w.fail("%s accuses %s, who is honest, of fault %d", w.name(n), whom, of)
		}
	}
}
