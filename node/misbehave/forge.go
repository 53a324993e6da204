//go:build misbehave

package misbehave

import (
	"crypto/rand"
	"math/big"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
)

// forge changes bytes of view-change and new-view messages and signs them anew, and
// sends some that nobody asked for: with a checkpoint that was never certified, with
// slots that it never saw, for views that nobody wants.
func forge(l *liar, _ ledger.ReplicaID, m *actorspb.ConsensusMessage) []*actorspb.ConsensusMessage {
	switch b := m.GetBody().(type) {
	case *actorspb.ConsensusMessage_ViewChange:
		out := clone(m)
		spoil(out.GetViewChange().GetPayload())
		out.GetViewChange().Signature = l.key.Sign(out.GetViewChange().GetPayload())
		return []*actorspb.ConsensusMessage{out}
	case *actorspb.ConsensusMessage_NewView:
		out := clone(m)
		spoil(out.GetNewView().GetPayload())
		for _, body := range out.GetNewView().GetBodies() {
			spoil(body.GetPayload())
		}
		out.GetNewView().Signature = l.key.Sign(out.GetNewView().GetPayload())
		return []*actorspb.ConsensusMessage{out}
	case *actorspb.ConsensusMessage_Status:
		return []*actorspb.ConsensusMessage{m, l.viewChange(l.view+1, b.Status), l.viewChange(l.view+far, b.Status)}
	}
	return []*actorspb.ConsensusMessage{m}
}

// spoil changes one byte.
func spoil(b []byte) {
	if len(b) == 0 {
		return
	}
	at, err := rand.Int(rand.Reader, big.NewInt(int64(len(b))))
	if err == nil {
		b[at.Int64()] ^= 1 << (len(b) % 8)
	}
}

// viewChange is one that is signed well and says what is not true. It complains
// about itself, in its own name and in another's.
func (l *liar) viewChange(to ledger.View, st *actorspb.Status) *actorspb.ConsensusMessage {
	noise := make([]byte, 64+ledger.HashSize)
	_, _ = rand.Read(noise) // crypto/rand.Read never fails
	digest := ledger.Hash(noise[64:])
	vc := &sbft.ViewChange{From: l.self, View: to}
	if to > l.view+1 {
		vc.Stable = sbft.Checkpoint{Seq: ledger.Seq(st.GetStable() + far), Digest: digest, Certificate: noise[:64]}
	}
	vc.Slots = []sbft.SlotEvidence{{Seq: vc.Stable.Seq + 1, Accepted: &sbft.Known{View: l.view, Digest: digest}}}
	for i := range l.quorum.Weak() {
		from := ledger.ReplicaID((int(l.self) + i) % l.quorum.N()) // #nosec G115 -- below n
		vc.Complaints = append(vc.Complaints, sbft.Complaint{From: from, View: to - 1, Signature: l.key.Sign(sbft.ComplaintBytes(l.id, 0, from, to-1))})
	}
	vc.Seal(l.id, 0)
	return &actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_ViewChange{ViewChange: &actorspb.SignedPayload{Payload: vc.Payload, Signature: l.key.Sign(vc.Payload)}}}
}
