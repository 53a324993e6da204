package twins

import (
	"fmt"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
)

// tell writes one line for an input and what it caused: the way to read a scenario
// that violates something.
func (w *world) tell(n *node, in sbft.Input) {
	if w.story == nil {
		return
	}
	text := fmt.Sprintf("%6d ms %-22s view %d %-5v takes %s", w.now/1_000_000, w.name(n), n.machine.View(), n.machine.Active(), input(in))
	for _, s := range w.out.Send {
		text += fmt.Sprintf(" | %T", s.Message)[len("sbft.")-2:]
	}
	for _, d := range w.out.Deliver {
		text += fmt.Sprintf(" | DECIDES %d %s", d.Seq, d.Body.Digest.Short())
	}
	for _, r := range w.out.Reports {
		switch r.Kind {
		case sbft.ReportRule:
			text += " " + r.Rule.String()
		case sbft.ReportViolation:
			text += " VIOLATION " + r.Text
		}
	}
	fmt.Fprintln(w.story, text)
}

func input(in sbft.Input) string {
	switch in := in.(type) {
	case sbft.PrePrepare:
		return fmt.Sprintf("proposal %d/%d %s %s of %s", in.View, in.Seq, in.Path, in.Body.Digest.Short(), in.From)
	case sbft.SignShare:
		return fmt.Sprintf("share %s of %s", slot(in.Slot), in.From)
	case sbft.CommitShare:
		return fmt.Sprintf("commit share %s of %s", slot(in.Slot), in.From)
	case sbft.Prepare:
		return fmt.Sprintf("prepare %s of %s", slot(in.Slot), in.From)
	case sbft.CommitProof:
		return fmt.Sprintf("proof %s fast %v", slot(in.Slot), in.Fast)
	case sbft.Combined:
		return fmt.Sprintf("combined %s phase %d", slot(in.Slot), in.Phase)
	case *sbft.ViewChange:
		return "view change " + testimony(in)
	case *sbft.NewView:
		text := fmt.Sprintf("new view %d:", in.View)
		for _, b := range in.Bodies {
			text += " [" + testimony(b) + "]"
		}
		for _, r := range in.Set {
			text += " " + r.From.String()
		}
		return text
	default:
		return fmt.Sprintf("%T%+v", in, in)
	}
}

func slot(s sbft.SlotID) string { return fmt.Sprintf("%d/%d %s", s.View, s.Seq, s.Digest.Short()) }

func testimony(vc *sbft.ViewChange) string {
	text := fmt.Sprintf("%s to %d stable %d", vc.From, vc.View, vc.Stable.Seq)
	for _, e := range vc.Slots {
		text += fmt.Sprintf("; %d", e.Seq)
		if e.Committed != nil {
			text += fmt.Sprintf(" committed %d %s", e.Committed.View, e.Committed.Digest.Short())
		}
		if e.Prepared != nil {
			text += fmt.Sprintf(" prepared %d %s", e.Prepared.View, e.Prepared.Digest.Short())
		}
		if e.Accepted != nil {
			text += fmt.Sprintf(" accepted %d %s", e.Accepted.View, e.Accepted.Digest.Short())
		}
	}
	return text
}
