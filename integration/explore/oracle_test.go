package explore

import (
	"fmt"
	"reflect"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
)

// The search knows nothing of crashes, and in two views no agreement breaks because one
// replica forgets what it has prepared, or votes for something else than its view fixed:
// the others outvote it. So two rules are checked where a machine is bound by them.

// remembers says whether a replica that crashes now would still show, when it leaves its
// view, what it has just shown. What is committed is left out: its certificate is not
// durable before the block is.
func (r *run) remembers(shown *sbft.ViewChange) string {
	m, err := sbft.New(r.n.params, sbft.Restored{Records: r.records})
	if err != nil {
		return err.Error()
	}
	var out sbft.Output
	m.Step(1, sbft.Started{}, &out)
	for _, s := range out.Send {
		again, ok := s.Message.(sbft.OutViewChange)
		if !ok {
			continue
		}
		kept := map[ledger.Seq]sbft.SlotEvidence{}
		for _, e := range again.Message.Slots {
			kept[e.Seq] = e
		}
		for _, e := range shown.Slots {
			k := kept[e.Seq]
			if e.Committed == nil && !(reflect.DeepEqual(e.Prepared, k.Prepared) && reflect.DeepEqual(e.Accepted, k.Accepted)) {
				return fmt.Sprintf("after a crash it has forgotten what it shows of slot %d", e.Seq)
			}
		}
		return ""
	}
	return "after a crash it does not say what it knows"
}

// obeys says whether a vote is for what the view made of its slot.
func (r *run) obeys(v sbft.Vote) string {
	nv := r.machine.NewView()
	if nv == nil || nv.View != v.Slot.View {
		return ""
	}
	var set []sbft.Testimony
	for _, vc := range nv.Bodies {
		t := sbft.Testimony{From: vc.From, Stable: vc.Stable.Seq}
		for _, e := range vc.Slots {
			known := sbft.Evidence{Seq: e.Seq, Accepted: e.Accepted}
			if e.Committed != nil {
				known.Committed = &e.Committed.Known
			}
			if e.Prepared != nil {
				known.Prepared = &e.Prepared.Known
			}
			t.Slots = append(t.Slots, known)
		}
		set = append(set, t)
	}
	_, choices, err := sbft.NewViewChoices(r.s.quorum, r.n.params.Window, set)
	if err != nil {
		return err.Error()
	}
	for _, c := range choices {
		want := c.Digest
		if c.Kind == sbft.Null {
			want = ledger.NewBody(r.n.params.Ledger, ledger.Proposal{}).Digest
		}
		if c.Seq == v.Slot.Seq && want != v.Slot.Digest {
			return fmt.Sprintf("it votes for %s in slot %d, which view %d made %s", v.Slot.Digest.Short(), c.Seq, nv.View, want.Short())
		}
	}
	return ""
}
