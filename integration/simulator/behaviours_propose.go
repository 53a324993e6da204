package simulator

import (
	"slices"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// equivocate (B1) proposes one value to one half and another to the other.
type equivocate struct {
	alternative *ledger.Body
	of          ledger.Hash
}

func (e *equivocate) out(n *node, to int, p any) []any {
	pp, ok := p.(sbft.PrePrepare)
	if !ok || pp.From != n.id || (to+number(pp.Seq))%2 == 0 {
		return []any{p}
	}
	if e.of != pp.Body.Digest {
		e.of, e.alternative = pp.Body.Digest, n.w.variant(pp.Body)
	}
	n.did("equivocate")
	second := n.proposal(pp.View, pp.Seq, pp.Path, e.alternative)
	n.w.hear(pp)
	n.w.hear(second)
	if n.w.r.chance(0.1) { // both to one, which can then prove it
		return []any{p, second}
	}
	return []any{second}
}

// subset (B2) leaves one replica out of its proposals.
type subset struct{ skip int }

func (s *subset) out(n *node, to int, p any) []any {
	if pp, ok := p.(sbft.PrePrepare); ok && pp.From == n.id && to == s.skip {
		return nil
	}
	return []any{p}
}

// late (B3, B10) sends proposals and proofs much later.
type late struct{}

func (late) out(n *node, to int, p any) []any {
	switch p.(type) {
	case sbft.PrePrepare, sbft.CommitProof, sbft.Prepare, newViewPacket:
		if n.w.r.chance(0.5) {
			n.w.after(n.w.r.between(sbft.Milliseconds(50), sbft.Milliseconds(2000)), func() { n.say(to, p) })
			return nil
		}
	}
	return []any{p}
}

// badTime (B19) proposes times at the bounds and beyond.
type badTime struct{}

func (badTime) out(n *node, _ int, p any) []any {
	pp, ok := p.(sbft.PrePrepare)
	if !ok || pp.From != n.id || !n.w.r.chance(0.1) {
		return []any{p}
	}
	n.did("bad-time")
	at := pick(n.w.r, []ledger.Time{0, pp.Body.Time - clockBound, n.clock() + clockBound - 1, n.clock() + 3*clockBound, -5})
	return []any{n.proposal(pp.View, pp.Seq, pp.Path, ledger.NewBody(n.w.ledger, ledger.Proposal{Time: at, Txs: pp.Body.Txs}))}
}

// voteBoth (B4) signs every value that it hears of.
type voteBoth struct{ seen []sbft.SlotID }

func (v *voteBoth) in(n *node, from int, p any) {
	if n.w.nodes[from].byzantine() {
		return // else liars would echo each other for ever
	}
	var id sbft.SlotID
	switch p := p.(type) {
	case sbft.SignShare:
		id = p.Slot
	case sbft.PrePrepare:
		id = sbft.SlotID{View: p.View, Seq: p.Seq, Digest: p.Body.Digest}
	case sbft.Prepare:
		v.commit(n, p.Slot)
		return
	default:
		return
	}
	if slices.Contains(v.seen, id) {
		return
	}
	v.seen = append(v.seen, id)
	if len(v.seen) > 64 {
		v.seen = v.seen[1:]
	}
	n.did("vote-both")
	st := func(phase certificate.Phase) []byte {
		return n.w.scheme.share(n.id, sbft.Statement(n.w.ledger, 0, phase, id))
	}
	for _, to := range n.others() {
		n.say(to, sbft.SignShare{Slot: id, Fast: st(certificate.Fast), Prepare: st(certificate.Prepare)})
	}
}

func (v *voteBoth) commit(n *node, id sbft.SlotID) {
	share := n.w.scheme.share(n.id, sbft.Statement(n.w.ledger, 0, certificate.Commit, id))
	for _, to := range n.others() {
		n.say(to, sbft.CommitShare{Slot: id, Share: share})
	}
}

func (v *voteBoth) out(_ *node, _ int, p any) []any { return []any{p} }

// voteBlind (B5) votes for slots and views to come.
type voteBlind struct{ last sbft.SlotID }

func (v *voteBlind) out(_ *node, _ int, p any) []any {
	if s, ok := p.(sbft.SignShare); ok {
		v.last = s.Slot
	}
	return []any{p}
}

func (v *voteBlind) tick(n *node) {
	id := v.last
	id.View += ledger.View(n.w.r.intn(3))                 // #nosec G115 -- small
	id.Seq += ledger.Seq(n.w.r.intn(2 * n.w.plan.window)) // #nosec G115 -- small
	id.Digest[0]++
	sh := func(phase certificate.Phase) []byte {
		return n.w.scheme.share(n.id, sbft.Statement(n.w.ledger, 0, phase, id))
	}
	for _, to := range n.others() {
		n.say(to, sbft.SignShare{Slot: id, Fast: sh(certificate.Fast), Prepare: sh(certificate.Prepare)})
		n.say(to, sbft.CommitShare{Slot: id, Share: sh(certificate.Commit)})
	}
}

// withhold (B6) keeps kinds of messages from some replicas.
type withhold struct{ mask, kinds uint64 }

func (h *withhold) out(n *node, to int, p any) []any {
	kind := uint(63)
	if in, ok := p.(sbft.Input); ok {
		kind = uint(kindOf(in)) // #nosec G115 -- small
	}
	if h.mask>>(to%64)&1 == 1 && h.kinds>>kind&1 == 1 {
		return nil
	}
	return []any{p}
}

// badShare (B7) sends shares that do not verify, or of another phase.
type badShare struct{}

func (badShare) out(n *node, _ int, p any) []any {
	if !n.w.r.chance(0.4) {
		return []any{p}
	}
	other := func(id sbft.SlotID) []byte {
		return n.w.scheme.share(n.id, sbft.Statement(n.w.ledger, 0, certificate.Commit, id))
	}
	switch s := p.(type) {
	case sbft.SignShare:
		n.did("bad-share")
		s.Prepare = other(s.Slot)
		if s.Fast != nil && n.w.r.chance(0.5) {
			s.Fast = []byte("nonsense")
		}
		return []any{s}
	case sbft.CommitShare:
		n.did("bad-share")
		s.Share = n.w.scheme.share(n.id, sbft.Statement(n.w.ledger, 1, certificate.Commit, s.Slot))
		return []any{s}
	}
	return []any{p}
}

// badCertificate (B8) sends certificates with signers twice, too few of them, or beyond n.
type badCertificate struct{}

func (badCertificate) out(n *node, _ int, p any) []any {
	if !n.w.r.chance(0.3) {
		return []any{p}
	}
	spoil := func(c certificate.Certificate, st certificate.Statement) certificate.Certificate {
		ids := signers(c)
		switch {
		case len(ids) == 0:
			return c
		case n.w.r.chance(0.3):
			ids[len(ids)-1] = ids[0]
		case n.w.r.chance(0.5):
			ids = ids[1:]
		default:
			out := slices.Clone(c)
			out[1], out[2] = 0xff, 0xff
			return out
		}
		return n.w.scheme.certify(st, ids)
	}
	switch s := p.(type) {
	case sbft.Prepare:
		n.did("bad-certificate")
		if n.w.r.chance(0.3) { // a prepared certificate shown as a commit certificate
			return []any{p, sbft.CommitProof{Slot: s.Slot, Certificate: s.Certificate}, sbft.CommitProof{Slot: s.Slot, Fast: true, Certificate: s.Certificate}}
		}
		s.Certificate = spoil(s.Certificate, sbft.Statement(n.w.ledger, 0, certificate.Prepare, s.Slot))
		return []any{s}
	case sbft.CommitProof:
		n.did("bad-certificate")
		phase := certificate.Commit
		if s.Fast {
			phase = certificate.Fast
		}
		s.Certificate = spoil(s.Certificate, sbft.Statement(n.w.ledger, 0, phase, s.Slot))
		return []any{s}
	}
	return []any{p}
}

// collude (B9) is the split-brain collector: it keeps every share that reaches it, adds
// those of all liars, makes every certificate that can be made, and tells it to some.
type collude struct {
	shares map[colludeKey]map[ledger.ReplicaID][]byte // looked up only
	order  []colludeKey
	made   map[colludeKey]bool
}

type colludeKey struct {
	phase certificate.Phase
	slot  sbft.SlotID
}

func newCollude() *collude {
	return &collude{shares: map[colludeKey]map[ledger.ReplicaID][]byte{}, made: map[colludeKey]bool{}}
}

func (c *collude) in(n *node, from int, p any) {
	id := n.w.nodes[from].id
	switch s := p.(type) {
	case sbft.SignShare:
		c.add(n, colludeKey{certificate.Fast, s.Slot}, id, s.Fast)
		c.add(n, colludeKey{certificate.Prepare, s.Slot}, id, s.Prepare)
	case sbft.CommitShare:
		c.add(n, colludeKey{certificate.Commit, s.Slot}, id, s.Share)
	}
}

const colludeMax = 256

func (c *collude) add(n *node, key colludeKey, from ledger.ReplicaID, share []byte) {
	w := n.w
	st := sbft.Statement(w.ledger, 0, key.phase, key.slot)
	if share == nil || string(share) != string(w.scheme.share(from, st)) || c.made[key] {
		return
	}
	have := c.shares[key]
	if have == nil {
		have = map[ledger.ReplicaID][]byte{}
		for _, liar := range w.plan.liars {
			have[liar] = w.scheme.share(liar, st)
		}
		c.shares[key] = have
		c.order = append(c.order, key)
		if len(c.order) > colludeMax {
			delete(c.shares, c.order[0])
			c.order = c.order[1:]
		}
	}
	have[from] = share
	if len(have) < w.scheme.threshold(key.phase) {
		return
	}
	c.made[key] = true
	c.tell(n, key, st, have)
}

func (c *collude) tell(n *node, key colludeKey, st certificate.Statement, have map[ledger.ReplicaID][]byte) {
	var ids []ledger.ReplicaID
	for id := range n.w.plan.q.N() {
		if rid := replicaID(id); have[rid] != nil {
			ids = append(ids, rid)
		}
	}
	cert := n.w.scheme.certify(st, ids[:n.w.scheme.threshold(key.phase)])
	n.did("collude")
	for _, to := range n.others() {
		if !n.w.r.chance(0.5) {
			continue
		}
		var p any = sbft.Prepare{Slot: key.slot, Certificate: cert}
		if key.phase != certificate.Prepare {
			p = sbft.CommitProof{Slot: key.slot, Fast: key.phase == certificate.Fast, Certificate: cert}
		}
		n.w.after(n.w.r.between(0, sbft.Milliseconds(int64(1+n.w.r.intn(800)))), func() { n.say(to, p) })
	}
}

func (c *collude) out(_ *node, _ int, p any) []any { return []any{p} }
