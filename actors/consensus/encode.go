package consensus

import (
	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/consensus/collector"
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
)

func encode(m *actorspb.ConsensusMessage) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic("encode a consensus message: " + err.Error()) // all fields are bytes and numbers
	}
	return b
}

func encodePrePrepare(epoch ledger.Epoch, o sbft.OutPrePrepare, sig []byte) []byte {
	return encode(&actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_PrePrepare{PrePrepare: &actorspb.PrePrepare{
		Epoch: uint64(epoch), View: uint64(o.View), Seq: uint64(o.Seq), Time: int64(o.Body.Time),
		Path: uint32(o.Path), Txs: o.Body.Txs, Signature: sig}}})
}

func encodeSignShare(epoch ledger.Epoch, in sbft.SignShare) []byte {
	return encode(&actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_SignShare{SignShare: &actorspb.SignShare{
		Epoch: uint64(epoch), View: uint64(in.Slot.View), Seq: uint64(in.Slot.Seq), Digest: in.Slot.Digest[:],
		Fast: in.Fast, Prepare: in.Prepare}}})
}

func encodeCommitShare(epoch ledger.Epoch, in sbft.CommitShare) []byte {
	return encode(&actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_CommitShare{CommitShare: &actorspb.CommitShare{
		Epoch: uint64(epoch), View: uint64(in.Slot.View), Seq: uint64(in.Slot.Seq), Digest: in.Slot.Digest[:], Share: in.Share}}})
}

func encodePrepare(epoch ledger.Epoch, o sbft.OutPrepare) []byte {
	return encode(&actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_Prepare{Prepare: &actorspb.Prepare{
		Epoch: uint64(epoch), View: uint64(o.Slot.View), Seq: uint64(o.Slot.Seq), Digest: o.Slot.Digest[:], Certificate: o.Certificate}}})
}

func encodeCommitProof(epoch ledger.Epoch, o sbft.OutCommitProof) []byte {
	return encode(&actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_CommitProof{CommitProof: &actorspb.CommitProof{
		Epoch: uint64(epoch), View: uint64(o.Slot.View), Seq: uint64(o.Slot.Seq), Digest: o.Slot.Digest[:],
		Fast: o.Fast, Certificate: o.Certificate}}})
}

func encodeStatus(epoch ledger.Epoch, o sbft.OutStatus) []byte {
	return encode(&actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_Status{Status: &actorspb.Status{
		Epoch: uint64(epoch), View: uint64(o.View), Active: o.Active, Executed: uint64(o.Executed),
		Durable: uint64(o.Durable), Stable: uint64(o.Stable)}}})
}

func encodeComplaint(epoch ledger.Epoch, in sbft.Complaint) []byte {
	return encode(&actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_Complaint{Complaint: &actorspb.Complaint{
		Epoch: uint64(epoch), View: uint64(in.View), Signature: in.Signature}}})
}

func signedPayload(vc *sbft.ViewChange) *actorspb.SignedPayload {
	return &actorspb.SignedPayload{Payload: vc.Payload, Signature: vc.Signature}
}

func encodeViewChange(vc *sbft.ViewChange) []byte {
	return encode(&actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_ViewChange{ViewChange: signedPayload(vc)}})
}

func encodeNewView(nv *sbft.NewView, signature []byte, full bool) []byte {
	m := &actorspb.NewView{Payload: nv.Payload, Signature: signature}
	if full {
		for _, vc := range nv.Bodies {
			m.Bodies = append(m.Bodies, signedPayload(vc))
		}
	}
	return encode(&actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_NewView{NewView: m}})
}

func encodeCheckpointShare(epoch ledger.Epoch, in sbft.CheckpointShare) []byte {
	return encode(&actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_CheckpointShare{CheckpointShare: &actorspb.CheckpointShare{
		Epoch: uint64(epoch), Seq: uint64(in.Seq), Digest: in.Digest[:], Share: in.Share}}})
}

func encodeCheckpoint(epoch ledger.Epoch, c sbft.Checkpoint) []byte {
	return encode(&actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_Checkpoint{Checkpoint: &actorspb.Checkpoint{
		Epoch: uint64(epoch), Seq: uint64(c.Seq), Digest: c.Digest[:], Certificate: c.Certificate}}})
}

func encodeFetchNewView(o sbft.OutFetchNewView) []byte {
	return encode(&actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_FetchNewView{
		FetchNewView: &actorspb.FetchNewView{View: uint64(o.View)}}})
}

func encodeFetchBody(o sbft.OutFetchBody) []byte {
	return encode(&actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_FetchBody{
		FetchBody: &actorspb.FetchBody{Seq: uint64(o.Seq), Digest: o.Digest[:]}}})
}

func encodeBody(o sbft.OutBody) []byte {
	return encode(&actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_ProposalBody{
		ProposalBody: &actorspb.ProposalBody{Seq: uint64(o.Seq), Time: int64(o.Body.Time), Txs: o.Body.Txs}}})
}

func encodeAccusation(epoch ledger.Epoch, o sbft.OutAccusation) []byte {
	return encode(&actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_Accusation{Accusation: &actorspb.Accusation{
		Epoch: uint64(epoch), View: uint64(o.View), Seq: uint64(o.Seq), Path: uint32(o.Proposal.Path),
		Digest: o.Proposal.Digest[:], Signature: o.Proposal.Signature}}})
}

func encodeExecuteShare(s collector.Share) []byte {
	return encode(&actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_ExecuteShare{ExecuteShare: &actorspb.ExecuteShare{
		Height: uint64(s.Statement.Height), Block: s.Statement.Block[:], StateRoot: s.Statement.StateRoot[:],
		ResultsRoot: s.Statement.ResultsRoot[:], Share: s.Share.Signature}}})
}

func encodeExecuteProof(c collector.Certified) []byte {
	return encode(&actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_ExecuteProof{ExecuteProof: &actorspb.ExecuteProof{
		Height: uint64(c.Statement.Height), Block: c.Statement.Block[:], StateRoot: c.Statement.StateRoot[:],
		ResultsRoot: c.Statement.ResultsRoot[:], Certificate: c.Certificate}}})
}
