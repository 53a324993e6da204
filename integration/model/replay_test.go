package model

import (
	"fmt"
	"maps"
	"slices"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/integration/twins/standin"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// figures are what a replay did.
type figures struct {
	traces, steps, newViews int
	kinds                   map[string]int // steps by name, new views by what they choose
	rules                   map[sbft.Rule]int
}

func (f *figures) add(o figures) {
	f.traces, f.steps, f.newViews = f.traces+o.traces, f.steps+o.steps, f.newViews+o.newViews
	if f.kinds == nil {
		f.kinds, f.rules = map[string]int{}, map[sbft.Rule]int{}
	}
	for kind, count := range o.kinds {
		f.kinds[kind] += count
	}
	for rule, count := range o.rules {
		f.rules[rule] += count
	}
}

// replay plays a trace with real machines. After every step the machines must be where
// the model is; an error tells the first difference.
func replay(t trace) (figures, error) {
	f := figures{traces: 1, kinds: map[string]int{}}
	q, err := t.quorum()
	if err != nil {
		return f, err
	}
	c, err := newCluster(q, t[0])
	if err != nil {
		return f, err
	}
	f.rules = c.rules
	for i, s := range t[1:] {
		if err := c.take(i, s.Last); err != nil {
			return f, fmt.Errorf("step %d, %s: %w", i+1, s.Last.Act, err)
		}
		if err := c.compare(s); err != nil {
			return f, fmt.Errorf("after step %d, %s: %w", i+1, s.Last.Act, err)
		}
		f.steps++
		f.kinds[s.Last.Act]++
		if s.Last.Act == "newview" {
			f.newViews++
			f.kinds["newview "+s.Last.Choice.Kind]++
		}
	}
	return f, nil
}

// take does one step of the model with every machine that it concerns.
func (c *cluster) take(index int, s step) error {
	do := map[string]func(*node, step) error{
		"propose": c.propose, "accept": c.accept, "prepare": c.prepare, "commit": c.commit, "leave": c.leave,
		"adopt": func(n *node, s step) error { return c.adopt(n, s, (index+n.id)%2 == 0) },
	}[s.Act]
	switch {
	case s.Act == "newview":
		return c.newView(s)
	case do == nil:
		return fmt.Errorf("the model knows a step that the replay does not")
	}
	for _, who := range s.Who {
		n := c.nodes[who]
		if n == nil {
			return fmt.Errorf("replica %d is not honest", who)
		}
		if err := do(n, s); err != nil {
			return err
		}
		if err := c.supply(n); err != nil {
			return err
		}
	}
	return nil
}

// supply gives a machine whatever body it lacks. One that lacks none takes no notice.
func (c *cluster) supply(n *node) error {
	for _, body := range bodies {
		if err := c.give(n, sbft.Fetched{Seq: slotSeq, Body: body}); err != nil {
			return err
		}
	}
	return nil
}

func pathOf(fast bool) sbft.Path {
	if fast {
		return sbft.PathFast
	}
	return sbft.PathSlow
}

func (c *cluster) propose(n *node, s step) error {
	n.draws, n.proposed = bodies[s.Value], nil
	if err := c.give(n, sbft.Pending{Transactions: 1, Bytes: 1}); err != nil {
		return err
	}
	if p := n.proposed; p == nil || p.View != viewOf(s.View) || p.Body != bodies[s.Value] || p.Path != pathOf(s.Fast) {
		return fmt.Errorf("replica %d proposes %+v", n.id, p)
	}
	return nil
}

// accept hands over the proposal of the view's primary, as it or a liar signs it.
func (c *cluster) accept(n *node, s step) error {
	primary := c.params(int(c.quorum.Primary(viewOf(s.View))))
	in, err := standin.Input(primary, sbft.OutPrePrepare{View: viewOf(s.View), Seq: slotSeq, Path: pathOf(s.Fast), Body: bodies[s.Value]})
	if err != nil {
		return err
	}
	return c.give(n, in)
}

// collects tells whether a machine gathers the shares of its view's slot.
func (c *cluster) collects(n *node, view int) bool {
	// The path changes the order of the collectors, not who they are.
	return n.machine.View() == viewOf(view) && n.machine.Active() &&
		slices.Contains(sbft.Collectors(n.params, viewOf(view), slotSeq, sbft.PathFast), n.params.Self)
}

// prepare lets a collector combine the shares itself, after its patience; the others
// are given the certificate.
func (c *cluster) prepare(n *node, s step) error {
	slot := slotOf(s.View, s.Value)
	cert, err := c.certify(certificate.Prepare, slot)
	if err != nil {
		return err
	}
	if !c.collects(n, s.View) {
		return c.give(n, sbft.Prepare{From: c.quorum.Primary(slot.View), Slot: slot, Certificate: cert})
	}
	if err := c.shares(n, certificate.Prepare, slot); err != nil {
		return err
	}
	timer := sbft.Timer{Kind: sbft.TimerCollect, Seq: slotSeq}
	if !n.timers[timer] {
		return nil
	}
	n.timers[timer] = false
	return c.give(n, sbft.Fired{Timer: timer})
}

// shares gives a collector exactly as many shares as make a certificate, its own among
// them: it must need no more, and do nothing with fewer.
func (c *cluster) shares(n *node, phase certificate.Phase, slot sbft.SlotID) error {
	left := phase.Threshold(c.quorum)
	if c.signed[signature{n.id, phase, slot}] {
		left--
	}
	for _, who := range c.signers(phase, slot) {
		if who == n.id || left == 0 {
			continue
		}
		left--
		var in sbft.Input = sbft.CommitShare{From: idOf(who), Slot: slot, Share: standin.Share(idOf(who), certificate.Commit, slot)}
		if phase != certificate.Commit {
			share := sbft.SignShare{From: idOf(who), Slot: slot, Prepare: standin.Share(idOf(who), certificate.Prepare, slot)}
			if phase == certificate.Fast {
				share.Fast = standin.Share(idOf(who), certificate.Fast, slot)
			}
			in = share
		}
		if err := c.give(n, in); err != nil {
			return err
		}
	}
	return nil
}

// commit lets a collector of the view combine where it can, and gives the certificate
// to everyone else.
func (c *cluster) commit(n *node, s step) error {
	slot, phase := slotOf(s.View, s.Value), certificate.Commit
	if s.Fast {
		phase = certificate.Fast
	}
	cert, err := c.certify(phase, slot)
	if err != nil {
		return err
	}
	if c.collects(n, s.View) && c.signed[signature{n.id, phase, slot}] {
		return c.shares(n, phase, slot)
	}
	return c.give(n, sbft.CommitProof{Slot: slot, Fast: s.Fast, Certificate: cert})
}

// leave lets f+1 replicas complain. Who they are and when stands for timers, which the
// model leaves out.
func (c *cluster) leave(n *node, s step) error {
	for who := range c.quorum.Weak() {
		if int(n.machine.View()) >= s.View { // #nosec G115 -- the model's views are few
			return fmt.Errorf("replica %d leaves for view %d too early", n.id, s.View)
		}
		if err := c.give(n, standin.Complaint(n.params, idOf(who), viewOf(s.View-1))); err != nil {
			return err
		}
	}
	return nil
}

// newView lets the primary take the messages of the set. A liar's new view is made for it.
func (c *cluster) newView(s step) error {
	if err := checkRule(c.quorum, s); err != nil {
		return err
	}
	var set []*sbft.ViewChange
	for _, who := range slices.Sorted(maps.Keys(s.Set)) {
		vc, err := c.testimonyOf(who, s)
		if err != nil {
			return err
		}
		set = append(set, vc)
	}
	primary := int(c.quorum.Primary(viewOf(s.View)))
	n := c.nodes[primary]
	if n == nil {
		nv, err := c.forgeNewView(primary, s.View, set)
		c.entered[name(s)] = nv
		return err
	}
	for _, vc := range set {
		if vc.From == n.params.Self {
			continue
		}
		if n.machine.Active() {
			return fmt.Errorf("replica %d enters view %d before the set is complete", n.id, s.View)
		}
		if err := c.give(n, vc); err != nil {
			return err
		}
	}
	if n.lead == nil || n.lead.View != viewOf(s.View) || !slices.EqualFunc(n.lead.Bodies, set,
		func(a, b *sbft.ViewChange) bool { return a.From == b.From && a.Digest == b.Digest }) {
		return fmt.Errorf("replica %d does not announce view %d with the model's set", n.id, s.View)
	}
	c.entered[name(s)] = n.lead
	return c.supply(n)
}

// name tells new views of one view apart.
func name(s step) string {
	text := fmt.Sprint(s.View)
	for _, who := range slices.Sorted(maps.Keys(s.Set)) {
		text += fmt.Sprintf(" %d:%+v", who, s.Set[who])
	}
	return text
}

// adopt brings a replica into a view: by the full message, or, where it is waiting for
// this view, by the messages one by one and then their digests.
func (c *cluster) adopt(n *node, s step, piecemeal bool) error {
	nv := c.entered[name(s)]
	if nv == nil {
		return fmt.Errorf("view %d was not announced with this set", s.View)
	}
	if !piecemeal || n.machine.View() != nv.View {
		return c.give(n, nv)
	}
	for _, vc := range nv.Bodies {
		if err := c.give(n, vc); err != nil {
			return err
		}
	}
	bare := *nv
	bare.Bodies = nil
	return c.give(n, &bare)
}
