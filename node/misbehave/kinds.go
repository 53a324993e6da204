//go:build misbehave

package misbehave

import (
	"crypto/rand"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// far is how far ahead lies are.
const far = 1_000_000

// withhold keeps its shares from half of the collectors.
func withhold(l *liar, to ledger.ReplicaID, m *actorspb.ConsensusMessage) []*actorspb.ConsensusMessage {
	share := m.GetSignShare() != nil || m.GetCommitShare() != nil || m.GetExecuteShare() != nil || m.GetCheckpointShare() != nil
	if share && l.chosen(to) {
		return nil
	}
	return []*actorspb.ConsensusMessage{m}
}

// equivocate signs a second proposal for each of its slots, of another time, and
// votes for it before those who got it.
func equivocate(l *liar, to ledger.ReplicaID, m *actorspb.ConsensusMessage) []*actorspb.ConsensusMessage {
	if !l.chosen(to) {
		return []*actorspb.ConsensusMessage{m}
	}
	if p := m.GetPrePrepare(); p != nil && l.quorum.Primary(ledger.View(p.GetView())) == l.self {
		return []*actorspb.ConsensusMessage{l.otherProposal(m)}
	}
	if s := m.GetSignShare(); s != nil {
		if other, ok := l.second[slot{ledger.View(s.GetView()), ledger.Seq(s.GetSeq())}]; ok {
			return []*actorspb.ConsensusMessage{l.otherVote(s, other)}
		}
	}
	return []*actorspb.ConsensusMessage{m}
}

func (l *liar) otherProposal(m *actorspb.ConsensusMessage) *actorspb.ConsensusMessage {
	out := clone(m)
	p := out.GetPrePrepare()
	p.Time++
	body := ledger.NewBody(l.id, ledger.Proposal{Time: ledger.Time(p.GetTime()), Txs: p.GetTxs()})
	at := slot{ledger.View(p.GetView()), ledger.Seq(p.GetSeq())}
	if len(l.second) > rememberedMax {
		clear(l.second)
	}
	l.second[at] = body.Digest
	p.Signature = l.key.Sign(ledger.ProposalBytes(l.id, ledger.Epoch(p.GetEpoch()), at.view, at.seq, uint8(p.GetPath()), body.Digest)) // #nosec G115 -- its own
	return out
}

func (l *liar) otherVote(s *actorspb.SignShare, digest ledger.Hash) *actorspb.ConsensusMessage {
	id := sbft.SlotID{View: ledger.View(s.GetView()), Seq: ledger.Seq(s.GetSeq()), Digest: digest}
	out := &actorspb.SignShare{Epoch: s.GetEpoch(), View: s.GetView(), Seq: s.GetSeq(), Digest: digest[:]}
	for phase, into := range map[certificate.Phase]*[]byte{certificate.Fast: &out.Fast, certificate.Prepare: &out.Prepare} {
		if share, err := l.signer.Sign(sbft.Statement(l.id, ledger.Epoch(s.GetEpoch()), phase, id)); err == nil {
			*into = share.Signature
		}
	}
	return &actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_SignShare{SignShare: out}}
}

// garbage fills its shares with noise.
func garbage(_ *liar, _ ledger.ReplicaID, m *actorspb.ConsensusMessage) []*actorspb.ConsensusMessage {
	out := clone(m)
	for _, b := range [][]byte{out.GetSignShare().GetFast(), out.GetSignShare().GetPrepare(), out.GetCommitShare().GetShare(),
		out.GetExecuteShare().GetShare(), out.GetCheckpointShare().GetShare()} {
		_, _ = rand.Read(b) // crypto/rand.Read never fails
	}
	return []*actorspb.ConsensusMessage{out}
}

// replay says with each message an old one again, of any view, to anyone.
func replay(l *liar, _ ledger.ReplicaID, m *actorspb.ConsensusMessage) []*actorspb.ConsensusMessage {
	out := []*actorspb.ConsensusMessage{m}
	if len(l.remembered) < rememberedMax {
		l.remembered = append(l.remembered, m)
	} else if l.said%7 == 0 { // some stay for long
		l.remembered[l.said%rememberedMax] = m
	}
	l.said++
	return append(out, l.remembered[l.said*31%len(l.remembered)])
}

// lie claims heights and views that are far away, sometimes behind.
func lie(l *liar, to ledger.ReplicaID, m *actorspb.ConsensusMessage) []*actorspb.ConsensusMessage {
	if m.GetStatus() == nil {
		return []*actorspb.ConsensusMessage{m}
	}
	out := clone(m)
	st := out.GetStatus()
	l.said++
	switch l.said % 4 {
	case 0:
		st.View, st.Active = st.GetView()+far, true
	case 1:
		st.Executed, st.Durable, st.Stable = st.GetExecuted()+far, st.GetDurable()+far, st.GetStable()+far
	case 2:
		st.Executed, st.Durable, st.Stable, st.View = 0, 0, 0, 0
	default:
		st.Executed, st.Durable, st.Stable, st.View = 1<<63, 1<<63, 1<<63, 1<<63
	}
	return []*actorspb.ConsensusMessage{out}
}

// silence says nothing while it is primary.
func silence(l *liar, _ ledger.ReplicaID, m *actorspb.ConsensusMessage) []*actorspb.ConsensusMessage {
	if l.leads() {
		return nil
	}
	return []*actorspb.ConsensusMessage{m}
}

// complain asks to leave the view with each status, and the next one in advance.
func complain(l *liar, _ ledger.ReplicaID, m *actorspb.ConsensusMessage) []*actorspb.ConsensusMessage {
	out := []*actorspb.ConsensusMessage{m}
	if m.GetStatus() == nil {
		return out
	}
	for _, view := range []ledger.View{l.view, l.view + 1, l.view + far} {
		out = append(out, &actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_Complaint{Complaint: &actorspb.Complaint{
			View: uint64(view), Signature: l.key.Sign(sbft.ComplaintBytes(l.id, 0, l.self, view))}}})
	}
	return out
}
