package simulator

import (
	"crypto/sha256"

	"github.com/concordat-ledger/concordat/actors/consensus/ballot"
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/actors/storage/votelog"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// flush carries out what was staged, in the order of the product's shell: persist,
// sync, send, arm, combine, draw, deliver. A crash may come at each boundary.
func (n *node) flush() {
	w := n.w
	n.staged = 0
	if len(n.out.Records) == 0 {
		n.complete()
		return
	}
	point := -1
	if !w.calm && w.r.chance(w.plan.crashRate) {
		point = w.r.intn(3)
	}
	if point == 0 { // before anything is written
		n.crash(0)
		return
	}
	if !n.persist(point) {
		return
	}
	n.busy = true
	n.syncing++
	n.inLife(w.r.between(50_000, w.plan.syncMax), func() { // the sync takes its time
		n.syncing--
		n.complete()
		if n.up && n.syncing == 0 { // else our own shares made more to write
			n.free()
		}
	})
}

// persist asks the ballot, writes and syncs; false: the replica crashed on the way.
func (n *node) persist(point int) bool {
	w := n.w
	var recs []votelog.Record
	for _, r := range n.out.Records {
		recs = append(recs, votelog.Record{Seq: uint64(r.Seq), Kind: uint8(r.Kind), Data: r.Data})
		if r.Kind != sbft.RecordVote {
			continue
		}
		v, err := sbft.ParseVote(r)
		if err == nil {
			err = n.ballot.Record(ballotVote(v))
		}
		if err != nil && !n.byzantine() {
			w.fail("A6: the ballot of replica %s has to refuse: %v", n.name(), err)
			return false
		}
	}
	n.noteView()
	if err := n.log.Append(recs); err != nil {
		w.fail("replica %s cannot write its vote log: %v", n.name(), err)
		return false
	}
	if point == 1 { // written, not synced
		n.crash(0)
		return false
	}
	if err := n.log.Sync(); err != nil {
		w.fail("replica %s cannot sync its vote log: %v", n.name(), err)
		return false
	}
	n.out.Records, n.written = n.out.Records[:0], n.machine.View()
	if point == 2 { // synced, nothing said yet
		n.crash(0)
		return false
	}
	return true
}

// complete lets the rest of the output happen. Our own shares come back as inputs.
func (n *node) complete() {
	w := n.w
	out := n.out
	n.out = sbft.Output{}
	for i, s := range out.Send {
		if !w.calm && w.plan.crashRate > 0 && i > 0 && w.r.chance(w.plan.crashRate/8) { // some have left, some have not
			n.crash(0)
			return
		}
		n.send(s)
	}
	for _, t := range out.Timers {
		n.arm(t)
	}
	for _, work := range out.Work {
		cert, bad := w.scheme.combine(sbft.Statement(w.ledger, 0, work.Phase, work.Slot), work.Shares)
		w.watch.combined(n, work, bad)
		n.loop = append(n.loop, sbft.Combined{Slot: work.Slot, Phase: work.Phase, Certificate: cert, Bad: bad})
	}
	if d := out.Draw; d != nil {
		draw := *d
		n.inLife(30_000, func() { n.take(func() { n.draw(draw) }) })
	}
	for _, d := range out.Deliver {
		w.watch.decided(n, d)
		n.exec.queue = append(n.exec.queue, block{height: number(d.Seq), body: d.Body, proof: d.Proof})
		n.execute()
	}
	if out.Entered != nil {
		n.onEntered(*out.Entered)
	}
	if out.Stable != nil {
		n.ballot.Raise(out.Stable.Seq)
		w.watch.stable(n, *out.Stable)
		if err := n.log.Truncate(uint64(out.Stable.Seq)); err != nil {
			w.fail("replica %s cannot shorten its vote log: %v", n.name(), err)
		}
	}
	w.watch.reports(n, out.Reports)
	w.watch.evidence(n, out.Equivocations)
	n.again()
}

// depthMax bounds how often an input may lead to another one of our own.
const depthMax = 200

// again steps what came back to ourselves.
func (n *node) again() {
	loop := n.loop
	n.loop = nil
	if len(loop) == 0 {
		n.depth = 0
		return
	}
	if n.depth++; n.depth > depthMax {
		n.w.fail("A9: replica %s talks to itself without end: %s", n.name(), describe(loop[0]))
		return
	}
	for _, in := range loop {
		n.step(in)
	}
	n.flush() // nothing can have crashed between
}

func (n *node) arm(t sbft.TimerChange) {
	if t.Cancel { // a cancelled timer that fires all the same must do no harm
		return
	}
	n.inLife(t.After, func() { n.take(func() { n.step(sbft.Fired{Timer: t.Timer}) }) })
}

// send signs what must be signed and lets it leave.
func (n *node) send(s sbft.Send) {
	p := n.sign(s.Message)
	if p == nil {
		return
	}
	if !s.Broadcast && s.To == n.id {
		if own := n.ingress(n.id, p); own != nil {
			n.loop = append(n.loop, own)
		}
		return
	}
	for _, o := range n.w.nodes {
		if o.id != n.id && (s.Broadcast || o.id == s.To) {
			n.transmit(o.index, p)
		}
	}
}

// transmit hands a packet to the network, through the behaviours of a Byzantine one.
func (n *node) transmit(to int, p any) {
	list := []any{p}
	for _, b := range n.acts {
		list = n.act(b, to, list)
	}
	for _, p := range list {
		n.w.net.send(n.index, to, p)
	}
}

// share signs a statement if the ballot has the vote.
func (n *node) share(phase certificate.Phase, id sbft.SlotID) []byte {
	v := ballot.Vote{Phase: phase, View: id.View, Seq: id.Seq, Digest: id.Digest}
	if err := n.ballot.May(v); err != nil {
		return nil
	}
	st := sbft.Statement(n.w.ledger, 0, phase, id)
	n.w.watch.signed(n, st)
	return n.w.scheme.share(n.id, st)
}

// sign turns an output message into what travels; nil when the ballot refuses.
func (n *node) sign(m sbft.Message) any {
	w := n.w
	switch m := m.(type) {
	case sbft.OutPrePrepare:
		if n.ballot.May(ballot.Vote{Phase: sbft.PhasePropose, View: m.View, Seq: m.Seq, Digest: m.Body.Digest}) != nil {
			return nil
		}
		w.watch.signed(n, sbft.Statement(w.ledger, 0, sbft.PhasePropose, sbft.SlotID{View: m.View, Seq: m.Seq, Digest: m.Body.Digest}))
		return n.proposal(m.View, m.Seq, m.Path, m.Body)
	case sbft.OutSignShare:
		in := sbft.SignShare{From: n.id, Slot: m.Slot, Prepare: n.share(certificate.Prepare, m.Slot)}
		if in.Prepare == nil {
			return nil
		}
		if m.Fast {
			in.Fast = n.share(certificate.Fast, m.Slot)
		}
		return in
	case sbft.OutCommitShare:
		in := sbft.CommitShare{From: n.id, Slot: m.Slot, Share: n.share(certificate.Commit, m.Slot)}
		if in.Share == nil {
			return nil
		}
		return in
	case sbft.OutCheckpointShare:
		in := sbft.CheckpointShare{From: n.id, Seq: m.Seq, Digest: m.Digest, Share: n.share(certificate.Checkpoint, sbft.SlotID{Seq: m.Seq, Digest: m.Digest})}
		if in.Share == nil {
			return nil
		}
		return in
	default:
		return n.wrap(m)
	}
}

func (n *node) proposal(v ledger.View, seq ledger.Seq, path sbft.Path, b *ledger.Body) sbft.PrePrepare {
	signed := ledger.ProposalBytes(n.w.ledger, 0, v, seq, uint8(path), b.Digest)
	return sbft.PrePrepare{From: n.id, View: v, Seq: seq, Path: path, Body: b, Signature: n.w.scheme.sign(n.id, signed)}
}

// wrap turns the messages that need no ballot into what travels.
func (n *node) wrap(m sbft.Message) any {
	w := n.w
	switch m := m.(type) {
	case sbft.OutPrepare:
		return sbft.Prepare{From: n.id, Slot: m.Slot, Certificate: m.Certificate}
	case sbft.OutCommitProof:
		return sbft.CommitProof(m)
	case sbft.OutStatus:
		return m.PeerStatus
	case sbft.OutComplaint:
		return sbft.Complaint{From: n.id, View: m.View, Signature: w.scheme.sign(n.id, sbft.ComplaintBytes(w.ledger, 0, n.id, m.View))}
	case sbft.OutViewChange:
		sig := m.Message.Signature
		if m.Message.From == n.id && len(sig) == 0 {
			sig = w.scheme.sign(n.id, m.Message.Payload)
		}
		return signedPayload{m.Message.Payload, sig}
	case sbft.OutNewView:
		return n.wrapNewView(m)
	case sbft.OutCheckpoint:
		return m.Checkpoint
	case sbft.OutFetchNewView:
		return sbft.FetchNewView{View: m.View}
	case sbft.OutFetchBody:
		return sbft.FetchBody{Seq: m.Seq, Digest: m.Digest}
	case sbft.OutBody:
		return sbft.Fetched{Seq: m.Seq, Body: m.Body}
	case sbft.OutAccusation:
		return sbft.Accusation{View: m.View, Seq: m.Seq, Proposal: m.Proposal}
	}
	return nil
}

func (n *node) wrapNewView(m sbft.OutNewView) any {
	sig := m.Message.Signature
	if len(sig) == 0 {
		if !n.ballot.MayNewView(m.Message.View, sha256.Sum256(m.Message.Payload)) {
			return nil
		}
		sig = n.w.scheme.sign(n.id, m.Message.Payload)
	}
	p := newViewPacket{signedPayload: signedPayload{m.Message.Payload, sig}}
	if m.Full {
		for _, vc := range m.Message.Bodies {
			p.bodies = append(p.bodies, [2][]byte{vc.Payload, vc.Signature})
		}
	}
	return p
}
