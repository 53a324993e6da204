package consensus

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

func (b *ingressBench) complaint(from ledger.ReplicaID, view ledger.View) sbft.Complaint {
	p := &b.cfg.Params
	return sbft.Complaint{From: from, View: view, Signature: b.keys[from].Sign(sbft.ComplaintBytes(p.Ledger, p.Epoch, from, view))}
}

func (b *ingressBench) checkpoint(t testing.TB, seq ledger.Seq, phase certificate.Phase) sbft.Checkpoint {
	id := sbft.SlotID{Seq: seq, Digest: ledger.Hash{4}}
	return sbft.Checkpoint{Seq: seq, Digest: id.Digest, Certificate: b.certificateOf(t, phase, id)}
}

// sealed signs a view-change message as its sender does.
func (b *ingressBench) sealed(vc *sbft.ViewChange) *sbft.ViewChange {
	vc.Seal(b.cfg.Params.Ledger, b.cfg.Params.Epoch)
	vc.Signature = b.keys[vc.From].Sign(vc.Payload)
	return vc
}

// viewChange is a message for view 3 with one slot of each sort: committed on either
// path, prepared, and accepted only.
func (b *ingressBench) viewChange(t testing.TB, from ledger.ReplicaID) *sbft.ViewChange {
	committed := func(seq ledger.Seq, phase certificate.Phase) sbft.SlotEvidence {
		id := sbft.SlotID{View: 1, Seq: seq, Digest: ledger.Hash{byte(seq)}}
		return sbft.SlotEvidence{Seq: seq, Committed: &sbft.Proven{Known: sbft.Known{View: 1, Digest: id.Digest},
			Fast: phase == certificate.Fast, Certificate: b.certificateOf(t, phase, id)}}
	}
	known := sbft.Known{View: slot7.View, Digest: slot7.Digest}
	return b.sealed(&sbft.ViewChange{From: from, View: 3, Stable: b.checkpoint(t, 4, certificate.Checkpoint),
		Slots: []sbft.SlotEvidence{committed(5, certificate.Fast), committed(6, certificate.Commit),
			{Seq: 7, Prepared: &sbft.Proven{Known: known, Certificate: b.certificate(t, certificate.Prepare)}, Accepted: &known},
			{Seq: 9, Accepted: &sbft.Known{View: 2, Digest: ledger.Hash{9}}}},
		Complaints: []sbft.Complaint{b.complaint(0, 2), b.complaint(3, 2)}})
}

// newView is signed by one replica; the primary of view 3 is replica 3.
func (b *ingressBench) newView(t testing.TB, signer ledger.ReplicaID, from ...ledger.ReplicaID) *sbft.NewView {
	nv := &sbft.NewView{View: 3}
	for _, id := range from {
		vc := b.viewChange(t, id)
		nv.Set, nv.Bodies = append(nv.Set, sbft.Reference{From: id, Digest: vc.Digest}), append(nv.Bodies, vc)
	}
	nv.Seal(b.cfg.Params.Ledger, b.cfg.Params.Epoch)
	nv.Signature = b.keys[signer].Sign(nv.Payload)
	return nv
}

func (b *ingressBench) accusation(path sbft.Path, signedAs sbft.Path, signer ledger.ReplicaID) []byte {
	p := &b.cfg.Params
	head := ledger.ProposalBytes(p.Ledger, p.Epoch, slot7.View, slot7.Seq, uint8(signedAs), slot7.Digest)
	return encodeAccusation(0, sbft.OutAccusation{View: slot7.View, Seq: slot7.Seq,
		Proposal: sbft.SignedProposal{Path: path, Digest: slot7.Digest, Signature: b.keys[signer].Sign(head)}})
}

// viewMessages is one of each kind that belongs to views, checkpoints, what is fetched
// and evidence, as replica 1 sends them.
func (b *ingressBench) viewMessages(t testing.TB) map[string][]byte {
	nv := b.newView(t, 3, 0, 1, 3)
	body := ledger.NewBody(b.cfg.Params.Ledger, ledger.Proposal{Time: 5, Txs: [][]byte{{1}, {2}}})
	return map[string][]byte{
		"complaint":               encodeComplaint(0, b.complaint(1, 2)),
		"view change":             encodeViewChange(b.viewChange(t, 1)),
		"another's view change":   encodeViewChange(b.viewChange(t, 2)),
		"new view":                encodeNewView(nv, nv.Signature, false),
		"new view with its set":   encodeNewView(nv, nv.Signature, true),
		"checkpoint share":        encodeCheckpointShare(0, sbft.CheckpointShare{Seq: 4, Digest: ledger.Hash{4}, Share: make([]byte, 64)}),
		"checkpoint":              encodeCheckpoint(0, b.checkpoint(t, 4, certificate.Checkpoint)),
		"fetch new view":          encodeFetchNewView(sbft.OutFetchNewView{View: 2}),
		"fetch body":              encodeFetchBody(sbft.OutFetchBody{Seq: 7, Digest: slot7.Digest}),
		"body":                    encodeBody(sbft.OutBody{Seq: 7, Body: body}),
		"accusation":              b.accusation(sbft.PathFast, sbft.PathFast, 2),
		"accusation, slow path":   b.accusation(sbft.PathSlow, sbft.PathSlow, 2),
		"complaint of a far view": encodeComplaint(0, b.complaint(1, 1_000_000_000)),
	}
}

// forgedViewMessages hold in everything but one thing each.
func (b *ingressBench) forgedViewMessages(t testing.TB) map[string][]byte {
	change := func(f func(vc *sbft.ViewChange)) []byte {
		vc := b.viewChange(t, 1)
		f(vc)
		return encodeViewChange(b.sealed(vc))
	}
	announced := func(nv *sbft.NewView) []byte { return encodeNewView(nv, nv.Signature, true) }
	mixed := b.newView(t, 3, 0, 1, 3)
	mixed.Bodies[1] = b.viewChange(t, 2)
	swapped := b.viewChange(t, 1)
	swapped.Signature = b.keys[2].Sign(swapped.Payload)
	body := ledger.NewBody(b.cfg.Params.Ledger, ledger.Proposal{Time: 5})
	otherLedger := b.viewChange(t, 1)
	otherLedger.Seal(ledger.ID{9}, 0)
	otherLedger.Signature = b.keys[1].Sign(otherLedger.Payload)
	return map[string][]byte{
		"someone else's complaint":       encodeComplaint(0, b.complaint(2, 2)),
		"a complaint of another epoch":   encodeComplaint(1, b.complaint(1, 2)),
		"an unsigned complaint":          encodeComplaint(0, sbft.Complaint{View: 2}),
		"a view change signed by others": encodeViewChange(swapped),
		"another ledger's view change":   encodeViewChange(otherLedger),
		"f complaints":                   change(func(vc *sbft.ViewChange) { vc.Complaints = vc.Complaints[:1] }),
		"one complaint twice":            change(func(vc *sbft.ViewChange) { vc.Complaints[1] = vc.Complaints[0] }),
		"complaints of an earlier view": change(func(vc *sbft.ViewChange) {
			vc.Complaints = []sbft.Complaint{b.complaint(0, 1), b.complaint(3, 1)}
		}),
		"a claimed checkpoint":          change(func(vc *sbft.ViewChange) { vc.Stable.Seq = 3 }),
		"a slow proof as fast":          change(func(vc *sbft.ViewChange) { vc.Slots[1].Committed.Fast = true }),
		"a certificate moved":           change(func(vc *sbft.ViewChange) { vc.Slots[2].Seq = 8 }),
		"prepared in a later view":      change(func(vc *sbft.ViewChange) { vc.Slots[2].Prepared.View = 3 }),
		"accepted in the new view":      change(func(vc *sbft.ViewChange) { vc.Slots[3].Accepted.View = 3 }),
		"slots out of order":            change(func(vc *sbft.ViewChange) { vc.Slots[0], vc.Slots[1] = vc.Slots[1], vc.Slots[0] }),
		"a slot beyond the window":      change(func(vc *sbft.ViewChange) { vc.Slots[3].Seq = 4 + 16 + 1 }),
		"not the primary's":             announced(b.newView(t, 2, 0, 1, 3)),
		"a message too few":             announced(b.newView(t, 3, 0, 3)),
		"a message too many":            announced(b.newView(t, 3, 0, 1, 2, 3)),
		"one message twice":             announced(b.newView(t, 3, 0, 0, 3)),
		"another message than said":     announced(mixed),
		"a checkpoint by commit shares": encodeCheckpoint(0, b.checkpoint(t, 4, certificate.Commit)),
		"a checkpoint at zero":          encodeCheckpoint(0, b.checkpoint(t, 0, certificate.Checkpoint)),
		"a checkpoint share at zero":    encodeCheckpointShare(0, sbft.CheckpointShare{Share: make([]byte, 64)}),
		"a body for no slot":            encodeBody(sbft.OutBody{Body: body}),
		"an accusation by no primary":   b.accusation(sbft.PathFast, sbft.PathFast, 1),
		"an accusation, other path":     b.accusation(sbft.PathSlow, sbft.PathFast, 2),
		"an accusation, no path":        b.accusation(3, 3, 2),
	}
}

// forgedEvidence is signed by whom it should be, and wrong further inside.
func (b *ingressBench) forgedEvidence(t testing.TB) map[string][]byte {
	change := func(f func(vc *sbft.ViewChange)) []byte {
		vc := b.viewChange(t, 1)
		f(vc)
		return encodeViewChange(b.sealed(vc))
	}
	bits := func(bits byte) []byte { // of the last slot, which is only accepted
		vc := b.viewChange(t, 1)
		vc.Payload[len(vc.Payload)-ledger.HashSize-9] = bits
		vc.Signature = b.keys[1].Sign(vc.Payload)
		return encodeViewChange(vc)
	}
	later := sbft.SlotID{View: 3, Seq: 7, Digest: slot7.Digest}
	other := b.newView(t, 3, 0, 1, 3)
	other.Bodies[1] = b.sealed(&sbft.ViewChange{From: 1, View: 3, Complaints: other.Bodies[1].Complaints})
	another := b.newView(t, 3, 0, 1, 3) // replica 3 leads view 7 as well
	another.View = 7
	another.Seal(b.cfg.Params.Ledger, b.cfg.Params.Epoch)
	another.Signature = b.keys[3].Sign(another.Payload)
	descending := b.newView(t, 3, 3, 1, 0)
	foreign := b.newView(t, 3, 0, 1, 3)
	foreign.Seal(ledger.ID{9}, 0)
	foreign.Signature = b.keys[3].Sign(foreign.Payload)
	return map[string][]byte{
		"a move to view 0":        change(func(vc *sbft.ViewChange) { vc.View, vc.Slots = 0, nil }),
		"a complaint not signed":  change(func(vc *sbft.ViewChange) { vc.Complaints[1].Signature = make([]byte, ledger.SignatureSize) }),
		"a complaint renamed":     change(func(vc *sbft.ViewChange) { vc.Complaints[1].From = 2 }),
		"a complaint moved ahead": change(func(vc *sbft.ViewChange) { vc.Complaints[1].View = 5 }),
		"a complaint by nobody":   change(func(vc *sbft.ViewChange) { vc.Complaints[1].From = 4 }),
		"f+2 complaints":          change(func(vc *sbft.ViewChange) { vc.Complaints = append(vc.Complaints, b.complaint(2, 2)) }),
		"prepared in its own view": change(func(vc *sbft.ViewChange) {
			vc.Slots[2].Prepared.View, vc.Slots[2].Prepared.Certificate = 3, b.certificateOf(t, certificate.Prepare, later)
		}),
		"a slot about nothing":     change(func(vc *sbft.ViewChange) { vc.Slots[3].Accepted = nil }),
		"a slot twice":             change(func(vc *sbft.ViewChange) { vc.Slots[3].Seq = 7 }),
		"an unknown sort of proof": bits(8 | 16),
		"fast, and not committed":  bits(8 | 2),
		"its other message":        encodeNewView(other, other.Signature, true),
		"messages of another view": encodeNewView(another, another.Signature, true),
		"a set in another order":   encodeNewView(descending, descending.Signature, true),
		"another ledger's view":    encodeNewView(foreign, foreign.Signature, false),
	}
}

// A message from a replica that does not exist is refused where it is read, before any
// key or list is looked up by its number.
func TestAMessageFromNobodyIsNotRead(t *testing.T) {
	b := newIngress(t)
	vc := b.viewChange(t, 1)
	for _, from := range []ledger.ReplicaID{4, 5, 65535} {
		vc.From = from
		vc.Seal(b.cfg.Params.Ledger, b.cfg.Params.Epoch)
		_, err := sbft.ParseViewChange(b.cfg.Params, vc.Payload, vc.Signature)
		require.ErrorIs(t, err, sbft.ErrEvidence)
		nv := &sbft.NewView{View: 3, Set: []sbft.Reference{{From: 0}, {From: 1}, {From: from}}}
		nv.Seal(b.cfg.Params.Ledger, b.cfg.Params.Epoch)
		_, err = sbft.ParseNewView(b.cfg.Params, nv.Payload, nil, nil)
		require.ErrorIs(t, err, sbft.ErrEvidence)
	}
}

// What comes in is what the sender meant, down to the last field.
func TestViewMessagesArriveAsTheyWereSent(t *testing.T) {
	b := newIngress(t)
	take := func(raw []byte) any {
		m, err := b.cfg.Ingress(1, raw)
		require.NoError(t, err)
		return m
	}
	vc, nv := b.viewChange(t, 1), b.newView(t, 3, 0, 1, 3)
	require.Equal(t, vc, take(encodeViewChange(vc)))
	require.Equal(t, nv, take(encodeNewView(nv, nv.Signature, true)))
	nv.Bodies = nil
	require.Equal(t, nv, take(encodeNewView(nv, nv.Signature, true)))
	require.Equal(t, b.complaint(1, 2), take(encodeComplaint(0, b.complaint(1, 2))))
	cp := b.checkpoint(t, 8, certificate.Checkpoint)
	require.Equal(t, cp, take(encodeCheckpoint(0, cp)))
	require.Equal(t, sbft.FetchNewView{From: 1, View: 5}, take(encodeFetchNewView(sbft.OutFetchNewView{View: 5})))
	require.Equal(t, sbft.FetchBody{From: 1, Seq: 7, Digest: slot7.Digest}, take(encodeFetchBody(sbft.OutFetchBody{Seq: 7, Digest: slot7.Digest})))
	body := ledger.NewBody(b.cfg.Params.Ledger, ledger.Proposal{Time: 5, Txs: [][]byte{{1}, {2}}})
	require.Equal(t, body.Digest, take(encodeBody(sbft.OutBody{Seq: 7, Body: body})).(sbft.Fetched).Body.Digest)
	long := encodeCheckpointShare(0, sbft.CheckpointShare{Seq: 4, Digest: ledger.Hash{4}, Share: make([]byte, shareBytesMax+1)})
	require.Empty(t, take(long).(sbft.CheckpointShare).Share, "a share that no scheme makes is not kept")
	require.Equal(t, slot7.Digest, take(b.accusation(sbft.PathFast, sbft.PathFast, 2)).(sbft.Accusation).Proposal.Digest)
}

// Nobody makes a replica take a body list without end: the count is held before the
// signatures are looked at.
func TestANewViewWithMoreMessagesThanReplicasIsRefused(t *testing.T) {
	b := newIngress(t)
	m := &actorspb.NewView{}
	for range b.cfg.Params.Quorum.N() + 1 {
		m.Bodies = append(m.Bodies, &actorspb.SignedPayload{})
	}
	_, err := b.cfg.Ingress(1, encode(&actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_NewView{NewView: m}}))
	require.ErrorIs(t, err, ErrMessage)
	require.ErrorContains(t, err, "5 messages")
}
