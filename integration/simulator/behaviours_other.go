package simulator

import (
	"slices"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
)

// badBlocks (B16) serves blocks that were not agreed, or nothing.
type badBlocks struct{}

func (badBlocks) out(n *node, _ int, p any) []any {
	b, ok := p.(blocks)
	if !ok || len(b.list) == 0 {
		return []any{p}
	}
	n.did("bad-blocks")
	b.list = slices.Clone(b.list)
	i := n.w.r.intn(len(b.list))
	switch n.w.r.intn(4) {
	case 0:
		return nil
	case 1:
		b.list[i].body = n.w.variant(b.list[i].body)
	case 2:
		b.list[i].proof.View++
	case 3:
		b.list = b.list[:i]
	}
	return []any{b}
}

// badBody (B28) answers with another body than was asked for.
type badBody struct{}

func (badBody) out(n *node, _ int, p any) []any {
	f, ok := p.(sbft.Fetched)
	if !ok {
		return []any{p}
	}
	n.did("bad-body")
	f.Body = n.w.variant(f.Body)
	return []any{f}
}

// replay (B17) sends again what it, or somebody else, said long ago.
type replay struct{ said []any }

const replayMax = 200

func (r *replay) out(n *node, _ int, p any) []any {
	r.keep(n, p)
	return []any{p}
}

func (r *replay) in(n *node, _ int, p any) { // certificates and signed messages are anybody's to pass on
	switch p.(type) {
	case sbft.PrePrepare, sbft.Prepare, sbft.CommitProof, signedPayload, newViewPacket, sbft.Checkpoint, sbft.Accusation:
		r.keep(n, p)
	}
}

func (r *replay) keep(n *node, p any) {
	if len(r.said) < replayMax {
		r.said = append(r.said, p)
	} else if n.w.r.chance(0.1) {
		r.said[n.w.r.intn(replayMax)] = p
	}
}

func (r *replay) tick(n *node) {
	for range 1 + n.w.r.intn(10) {
		if len(r.said) > 0 {
			n.say(pick(n.w.r, n.others()), pick(n.w.r, r.said))
		}
	}
}

// far (B18) speaks of views and slots far away.
type far struct{}

func (far) out(n *node, _ int, p any) []any {
	if !n.w.r.chance(0.1) {
		return []any{p}
	}
	n.did("far")
	jump := pick(n.w.r, []uint64{1e9, 1 << 40, ^uint64(0) - 3})
	switch s := p.(type) {
	case sbft.PrePrepare:
		if s.From == n.id {
			return []any{p, n.proposal(s.View, ledger.Seq(jump), s.Path, s.Body), n.proposal(s.View+ledger.View(jump)/4*4, s.Seq, s.Path, s.Body)}
		}
	case sbft.SignShare:
		q := s
		q.Slot.Seq = ledger.Seq(jump)
		s.Slot.View += ledger.View(jump)
		return []any{p, q, s}
	case sbft.CheckpointShare:
		q := s
		q.Seq = ledger.Seq(jump) / 64 * 64
		return []any{p, q}
	case sbft.Complaint:
		view := s.View + ledger.View(jump)
		return []any{p, sbft.Complaint{View: view, Signature: n.w.scheme.sign(n.id, sbft.ComplaintBytes(n.w.ledger, 0, n.id, view))}}
	}
	return []any{p}
}

// mutate (B25) changes one field of a real message by one.
type mutate struct{}

func (mutate) out(n *node, _ int, p any) []any {
	if !n.w.r.chance(0.1) {
		return []any{p}
	}
	n.did("mutate")
	step := func(id *sbft.SlotID) {
		switch n.w.r.intn(5) {
		case 0:
			id.View++
		case 1:
			id.View--
		case 2:
			id.Seq++
		case 3:
			id.Seq--
		case 4:
			id.Digest[31] ^= 1
		}
	}
	switch s := p.(type) {
	case sbft.SignShare:
		step(&s.Slot)
		return []any{s}
	case sbft.CommitShare:
		step(&s.Slot)
		return []any{s}
	case sbft.Prepare:
		step(&s.Slot)
		return []any{s}
	case sbft.CommitProof:
		s.Fast = !s.Fast
		return []any{s}
	case sbft.Checkpoint:
		s.Seq++
		return []any{s}
	case signedPayload:
		s.payload = slices.Clone(s.payload)
		s.payload[n.w.r.intn(len(s.payload))] ^= 1 << n.w.r.intn(8)
		return []any{s, signedPayload{s.payload, n.w.scheme.sign(n.id, s.payload)}}
	}
	return []any{p}
}

// mute (B29) stops at any step, for a while.
type mute struct{ silent bool }

func (m *mute) out(_ *node, _ int, p any) []any {
	if m.silent {
		return nil
	}
	return []any{p}
}

func (m *mute) tick(n *node) { m.silent = n.w.r.chance(0.5) }

// flood (B27) says everything many times.
type flood struct{}

func (flood) out(n *node, _ int, p any) []any {
	if !n.w.r.chance(0.05) {
		return []any{p}
	}
	out := []any{}
	for range 8 {
		out = append(out, p)
	}
	return out
}
