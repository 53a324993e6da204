package standin

import (
	"fmt"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// Clock is every replica's clock when a proposal arrives.
const Clock ledger.Time = 1 << 40

// Input is what the receivers of a message are given. p are the sender's. An error
// means that the machine sent what no honest replica accepts.
func Input(p sbft.Params, m sbft.Message) (sbft.Input, error) {
	switch m := m.(type) {
	case sbft.OutPrePrepare:
		return prePrepare(p, m)
	case sbft.OutSignShare:
		in := sbft.SignShare{From: p.Self, Slot: m.Slot, Prepare: Share(p.Self, certificate.Prepare, m.Slot)}
		if m.Fast {
			in.Fast = Share(p.Self, certificate.Fast, m.Slot)
		}
		return in, nil
	case sbft.OutCommitShare:
		return sbft.CommitShare{From: p.Self, Slot: m.Slot, Share: Share(p.Self, certificate.Commit, m.Slot)}, nil
	case sbft.OutPrepare:
		return sbft.Prepare{From: p.Self, Slot: m.Slot, Certificate: m.Certificate}, verify(p, certificate.Prepare, m.Slot, m.Certificate)
	case sbft.OutCommitProof:
		phase := certificate.Commit
		if m.Fast {
			phase = certificate.Fast
		}
		return sbft.CommitProof(m), verify(p, phase, m.Slot, m.Certificate)
	case sbft.OutStatus:
		in := m.PeerStatus
		in.From = p.Self
		return in, nil
	default:
		return viewInput(p, m)
	}
}

// viewInput does the same for messages about views, checkpoints and what is fetched.
func viewInput(p sbft.Params, m sbft.Message) (sbft.Input, error) {
	switch m := m.(type) {
	case sbft.OutComplaint:
		in := Complaint(p, p.Self, m.View)
		return in, in.Check(p, Verifier{})
	case sbft.OutViewChange:
		return viewChange(p, m.Message)
	case sbft.OutNewView:
		return newView(p, m)
	case sbft.OutCheckpointShare:
		slot := sbft.SlotID{Seq: m.Seq, Digest: m.Digest}
		return sbft.CheckpointShare{From: p.Self, Seq: m.Seq, Digest: m.Digest, Share: Share(p.Self, certificate.Checkpoint, slot)}, nil
	case sbft.OutCheckpoint:
		return m.Checkpoint, verify(p, certificate.Checkpoint, sbft.SlotID{Seq: m.Seq, Digest: m.Digest}, m.Certificate)
	case sbft.OutFetchNewView:
		return sbft.FetchNewView{From: p.Self, View: m.View}, nil
	case sbft.OutFetchBody:
		return sbft.FetchBody{From: p.Self, Seq: m.Seq, Digest: m.Digest}, nil
	case sbft.OutBody:
		return sbft.Fetched{From: p.Self, Seq: m.Seq, Body: m.Body}, nil
	case sbft.OutAccusation:
		head := m.Proposal
		if !(Verifier{}).Signature(p.Quorum.Primary(m.View), proposalBytes(p, m.View, m.Seq, head.Path, head.Digest), head.Signature) {
			return nil, fmt.Errorf("%s accuses with a proposal for slot %d that nobody signed", p.Self, m.Seq)
		}
		return sbft.Accusation{From: p.Self, View: m.View, Seq: m.Seq, Proposal: head}, nil
	default:
		return nil, fmt.Errorf("%s sends an unknown message, %T", p.Self, m)
	}
}

// Complaint is a replica's signed complaint about a view.
func Complaint(p sbft.Params, from ledger.ReplicaID, view ledger.View) sbft.Complaint {
	return sbft.Complaint{From: from, View: view, Signature: Signature(from, sbft.ComplaintBytes(p.Ledger, p.Epoch, from, view))}
}

func proposalBytes(p sbft.Params, view ledger.View, seq ledger.Seq, path sbft.Path, digest ledger.Hash) []byte {
	return ledger.ProposalBytes(p.Ledger, p.Epoch, view, seq, uint8(path), digest)
}

func verify(p sbft.Params, phase certificate.Phase, slot sbft.SlotID, cert certificate.Certificate) error {
	return Verifier{}.Certificate(sbft.Statement(p.Ledger, p.Epoch, phase, slot), cert)
}

// prePrepare signs our own proposal. One that is passed on carries its signature.
func prePrepare(p sbft.Params, m sbft.OutPrePrepare) (sbft.Input, error) {
	primary, head := p.Quorum.Primary(m.View), proposalBytes(p, m.View, m.Seq, m.Path, m.Body.Digest)
	sig := m.Signature
	if len(sig) == 0 {
		sig = Signature(p.Self, head)
	}
	if !(Verifier{}).Signature(primary, head, sig) {
		return nil, fmt.Errorf("%s proposes slot %d of view %d in place of %s", p.Self, m.Seq, m.View, primary)
	}
	return sbft.PrePrepare{From: primary, View: m.View, Seq: m.Seq, Path: m.Path, Body: m.Body, Signature: sig, Clock: Clock}, nil
}

func viewChange(p sbft.Params, m *sbft.ViewChange) (sbft.Input, error) {
	sig := m.Signature
	if len(sig) == 0 {
		sig = Signature(p.Self, m.Payload)
	}
	vc, err := sbft.ParseViewChange(p, m.Payload, sig)
	if err != nil {
		return nil, err
	}
	return vc, vc.Check(p, Verifier{})
}

func newView(p sbft.Params, m sbft.OutNewView) (sbft.Input, error) {
	var bodies [][2][]byte
	for _, b := range m.Message.Bodies {
		if m.Full {
			bodies = append(bodies, [2][]byte{b.Payload, b.Signature})
		}
	}
	sig := m.Message.Signature
	if len(sig) == 0 {
		sig = Signature(p.Self, m.Message.Payload)
	}
	nv, err := sbft.ParseNewView(p, m.Message.Payload, sig, bodies)
	if err != nil {
		return nil, err
	}
	return nv, nv.Check(p, Verifier{})
}
