package model

import (
	"fmt"
	"slices"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/integration/twins/standin"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// testimonyOf is a replica's view-change message for a new view: a machine's own, which
// must say what the model's says, or one forged for a liar.
func (c *cluster) testimonyOf(who int, s step) (*sbft.ViewChange, error) {
	if slices.Contains(c.liars, who) {
		return c.forgeTestimony(who, s.View, s.Set[who])
	}
	vc := c.nodes[who].testified[s.View]
	if vc == nil {
		return nil, fmt.Errorf("replica %d has not left for view %d", who, s.View)
	}
	if got := shown(vc); got != s.Set[who] {
		return nil, fmt.Errorf("replica %d shows %+v for view %d, the model %+v", who, got, s.View, s.Set[who])
	}
	return vc, nil
}

// shown is what a view-change message says, in the model's words.
func shown(vc *sbft.ViewChange) evidence {
	e := evidence{Committed: commit{View: -1}, Prepared: none, Accepted: none}
	for i := range vc.Slots {
		s := &vc.Slots[i]
		if p := s.Committed; p != nil {
			e.Committed = commit{int(p.View), valueOf(p.Digest), p.Fast} // #nosec G115 -- the model's views are few
		}
		if p := s.Prepared; p != nil {
			e.Prepared = plainKnown(&p.Known)
		}
		if s.Accepted != nil {
			e.Accepted = plainKnown(s.Accepted)
		}
	}
	return e
}

func plainKnown(k *sbft.Known) known {
	return known{int(k.View), valueOf(k.Digest)} // #nosec G115 -- the model's views are few
}

// forgeTestimony says what the trace lets a liar say. Its certificates must be ones
// that can exist: liars forge everything but those.
func (c *cluster) forgeTestimony(who, view int, e evidence) (*sbft.ViewChange, error) {
	p := c.params(who)
	vc := &sbft.ViewChange{From: p.Self, View: viewOf(view)}
	for other := range c.quorum.Weak() {
		vc.Complaints = append(vc.Complaints, standin.Complaint(p, idOf(other), viewOf(view-1)))
	}
	if !e.empty() {
		slot := sbft.SlotEvidence{Seq: slotSeq, Accepted: knownOf(e.Accepted.View, e.Accepted.Value)}
		phase := certificate.Commit
		if e.Committed.Fast {
			phase = certificate.Fast
		}
		var err error
		if slot.Committed, err = c.proven(phase, e.Committed.View, e.Committed.Value); err != nil {
			return nil, err
		}
		if slot.Prepared, err = c.proven(certificate.Prepare, e.Prepared.View, e.Prepared.Value); err != nil {
			return nil, err
		}
		vc.Slots = []sbft.SlotEvidence{slot}
	}
	vc.Seal(p.Ledger, p.Epoch)
	in, err := standin.Input(p, sbft.OutViewChange{Message: vc})
	if err != nil {
		return nil, err
	}
	return in.(*sbft.ViewChange), nil
}

func (c *cluster) proven(phase certificate.Phase, view, value int) (*sbft.Proven, error) {
	k := knownOf(view, value)
	if k == nil {
		return nil, nil
	}
	cert, err := c.certify(phase, slotOf(view, value))
	return &sbft.Proven{Known: *k, Fast: phase == certificate.Fast, Certificate: cert}, err
}

// forgeNewView announces a set in a lying primary's name. It is checked as every
// receiver checks it: a liar may choose the set, and nothing else.
func (c *cluster) forgeNewView(primary, view int, set []*sbft.ViewChange) (*sbft.NewView, error) {
	p := c.params(primary)
	nv := &sbft.NewView{View: viewOf(view), Bodies: set}
	for _, vc := range set {
		nv.Set = append(nv.Set, sbft.Reference{From: vc.From, Digest: vc.Digest})
	}
	nv.Seal(p.Ledger, p.Epoch)
	in, err := standin.Input(p, sbft.OutNewView{Message: nv, Full: true})
	if err != nil {
		return nil, err
	}
	return in.(*sbft.NewView), nil
}
