package simulator

import (
	"slices"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// forgedViewChange (B11) shows stale, omitted or invented evidence, another one to each.
type forgedViewChange struct{}

func (forgedViewChange) out(n *node, _ int, p any) []any {
	sp, ok := p.(signedPayload)
	if !ok {
		return []any{p}
	}
	n.did("forged-view-change")
	return []any{n.forge(sp)}
}

// forge makes another view-change message of our own out of one.
func (n *node) forge(sp signedPayload) signedPayload {
	w := n.w
	vc, err := sbft.ParseViewChange(n.params(), sp.payload, sp.signature)
	if err != nil || vc.From != n.id {
		return sp
	}
	var slots []sbft.SlotEvidence
	for _, e := range vc.Slots {
		switch w.r.intn(8) {
		case 0: // left out
			continue
		case 1:
			e.Committed, e.Prepared = nil, nil
		case 2:
			e.Committed = nil
			e.Accepted = &sbft.Known{View: vc.View - 1, Digest: ledger.Hash{byte(w.r.intn(4))}}
		case 3, 4, 5: // another value that is really there, as late as can be claimed
			if k := w.rumour(e.Seq, e.Accepted); k != nil && k.View < vc.View {
				e.Committed, e.Prepared, e.Accepted = nil, nil, k
			}
		case 6:
			e.Accepted = &sbft.Known{View: vc.View - 1, Digest: w.null}
		}
		if e.Committed != nil || e.Prepared != nil || e.Accepted != nil {
			slots = append(slots, e)
		}
	}
	vc.Slots = slots
	n.forgeClaims(vc)
	vc.Seal(w.ledger, 0)
	return signedPayload{vc.Payload, w.scheme.sign(n.id, vc.Payload)}
}

// forgeClaims adds what needs a certificate, or a signature, that there is none for.
func (n *node) forgeClaims(vc *sbft.ViewChange) {
	w := n.w
	garbage := w.scheme.certify(certificate.Statement{Digest: ledger.Hash{9}}, w.plan.liars)
	switch w.r.intn(6) {
	case 0:
		vc.Stable, vc.Slots = sbft.Checkpoint{}, nil
	case 1: // a checkpoint that nobody certified, far enough to leave everything out
		vc.Stable = sbft.Checkpoint{Seq: vc.Stable.Seq + ledger.Seq(w.plan.window)/4*ledger.Seq(1+w.r.intn(4)), Digest: ledger.Hash{7}, Certificate: garbage} // #nosec G115 -- small
		vc.Slots = nil
	case 2:
		for i := range vc.Slots {
			e := &vc.Slots[i]
			forged := &sbft.Proven{Known: sbft.Known{View: vc.View - 1, Digest: w.null}, Certificate: garbage}
			if w.r.chance(0.5) {
				e.Prepared, e.Committed = forged, nil
			} else {
				e.Prepared, e.Committed = nil, forged
			}
		}
	case 3: // complaints of others that they did not sign
		for i := range vc.Complaints {
			vc.Complaints[i].View += ledger.View(w.r.intn(3)) // #nosec G115 -- small
		}
		vc.View = vc.Complaints[0].View + 1
	}
}

// badNewView (B12) announces other sets to others, made of all it has heard and of
// forged messages of its own.
type badNewView struct{ heard []signedPayload }

func (b *badNewView) in(_ *node, _ int, p any) {
	if sp, ok := p.(signedPayload); ok {
		b.heard = append(b.heard, sp)
		if len(b.heard) > 48 {
			b.heard = b.heard[1:]
		}
	}
}

func (b *badNewView) out(n *node, _ int, p any) []any {
	nv, ok := p.(newViewPacket)
	if sp, mine := p.(signedPayload); mine {
		b.heard = append(b.heard, sp)
	}
	if !ok || !n.w.r.chance(0.7) {
		return []any{p}
	}
	parsed, err := sbft.ParseNewView(n.params(), nv.payload, nv.signature, nil)
	if err != nil || primaryOf(n.w, parsed.View) != n.id {
		return []any{p}
	}
	n.did("bad-new-view")
	if other := b.another(n, parsed.View); other != nil {
		return []any{*other}
	}
	return []any{p}
}

func (b *badNewView) another(n *node, view ledger.View) *newViewPacket {
	w := n.w
	byID := map[ledger.ReplicaID]*sbft.ViewChange{}
	for _, sp := range b.heard {
		if vc, err := sbft.ParseViewChange(n.params(), sp.payload, sp.signature); err == nil && vc.View == view && vc.Check(n.params(), w.scheme) == nil {
			if vc.From == n.id {
				forged := n.forge(sp)
				vc, err = sbft.ParseViewChange(n.params(), forged.payload, forged.signature)
				if err != nil {
					continue
				}
			}
			byID[vc.From] = vc
		}
	}
	need := 2*w.plan.q.F + 2*w.plan.q.C + 1
	if w.r.chance(0.2) {
		need++ // one too many
	}
	nv := &sbft.NewView{View: view}
	out := &newViewPacket{}
	for _, id := range w.r.r.Perm(w.plan.q.N()) {
		if vc := byID[replicaID(id)]; vc != nil && len(nv.Set) < need {
			nv.Set = append(nv.Set, sbft.Reference{From: vc.From, Digest: vc.Digest})
			nv.Bodies = append(nv.Bodies, vc)
		}
	}
	if len(nv.Set) < need {
		return nil
	}
	if last := len(nv.Set) - 1; last > 0 && w.r.chance(0.1) { // one replica twice
		nv.Set[last], nv.Bodies[last] = nv.Set[0], nv.Bodies[0]
	}
	slices.SortFunc(nv.Set, func(a, c sbft.Reference) int { return int(a.From) - int(c.From) })
	slices.SortFunc(nv.Bodies, func(a, c *sbft.ViewChange) int { return int(a.From) - int(c.From) })
	nv.Seal(w.ledger, 0)
	out.signedPayload = signedPayload{nv.Payload, w.scheme.sign(n.id, nv.Payload)}
	for _, vc := range nv.Bodies {
		out.bodies = append(out.bodies, [2][]byte{vc.Payload, vc.Signature})
	}
	return out
}

// overwrite (B12) proposes, as the primary, for slots whose value its new view has fixed.
type overwrite struct{ last *ledger.Body }

func (o *overwrite) in(_ *node, _ int, p any) {
	if pp, ok := p.(sbft.PrePrepare); ok {
		o.last = pp.Body
	}
}

func (o *overwrite) out(n *node, to int, p any) []any {
	if _, ok := p.(newViewPacket); !ok || o.last == nil || primaryOf(n.w, n.machine.View()) != n.id {
		return []any{p}
	}
	n.did("overwrite")
	out := []any{p}
	for range 4 { // right behind the announcement
		seq := n.machine.Stable().Seq + 1 + ledger.Seq(n.w.r.intn(n.w.plan.window)) // #nosec G115 -- small
		out = append(out, n.proposal(n.machine.View(), seq, sbft.PathSlow, n.w.variant(o.last)))
	}
	return out
}

// complain (B13) wants to leave whatever view there is.
type complain struct{}

func (complain) out(_ *node, _ int, p any) []any { return []any{p} }

func (complain) tick(n *node) {
	view := n.machine.View()
	if n.w.r.chance(0.2) {
		view += ledger.View(n.w.r.intn(5)) // #nosec G115 -- small
	}
	sig := n.w.scheme.sign(n.id, sbft.ComplaintBytes(n.w.ledger, 0, n.id, view))
	for _, to := range n.others() {
		n.say(to, sbft.Complaint{View: view, Signature: sig})
	}
}

// noComplaints (B13) never helps to leave one.
type noComplaints struct{}

func (noComplaints) out(_ *node, _ int, p any) []any {
	switch p.(type) {
	case sbft.Complaint, signedPayload:
		return nil
	}
	return []any{p}
}

// lyingStatus (B14) claims heights and views too high, too low, shrinking.
type lyingStatus struct{}

func (lyingStatus) out(n *node, _ int, p any) []any {
	s, ok := p.(sbft.PeerStatus)
	if !ok {
		return []any{p}
	}
	n.did("lying-status")
	switch n.w.r.intn(5) {
	case 0:
		s.Executed, s.Durable, s.Stable = s.Executed+1e9, s.Durable+1e9, s.Stable+1e9
	case 1:
		s.Executed, s.Durable, s.Stable = 0, 0, 0
	case 2:
		s.View += 1e9
	case 3:
		s.Durable += ledger.Height(n.w.r.intn(50)) // #nosec G115 -- small
	}
	return []any{s}
}

// badCheckpoint (B15) votes for another state.
type badCheckpoint struct{}

func (badCheckpoint) out(n *node, _ int, p any) []any {
	c, ok := p.(sbft.CheckpointShare)
	if !ok {
		return []any{p}
	}
	n.did("bad-checkpoint")
	c.Digest[0] ^= 1
	c.Share = n.w.scheme.share(n.id, sbft.Statement(n.w.ledger, 0, 4, sbft.SlotID{Seq: c.Seq, Digest: c.Digest}))
	return []any{c}
}

// amnesia (B20) forgets its vote log whenever it crashes, and crashes at will.
type amnesia struct{}

func (amnesia) out(_ *node, _ int, p any) []any { return []any{p} }

func (amnesia) tick(n *node) {
	if n.w.r.chance(0.2) {
		n.crash(sbft.Milliseconds(20))
	}
}

// twins (B21): two processes of one identity, each talking to its own half.
type twins struct{ flip bool }

func (t *twins) out(n *node, to int, p any) []any {
	if ((to%2 == 0) != n.twin) != t.flip {
		return []any{p}
	}
	return nil
}

func (t *twins) tick(n *node) {
	if n.w.r.chance(0.2) {
		t.flip = !t.flip
	}
}
