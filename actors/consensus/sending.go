package consensus

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/actors/consensus/ballot"
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// send signs what must be signed and lets the message leave.
func (o *ordering) send(s sbft.Send) {
	if o.cfg.Probation.mute(s.Message) || o.cfg.Metrics.Divergent.Load() > 0 && stands(s.Message) {
		return
	}
	epoch := o.cfg.Params.Epoch
	switch m := s.Message.(type) {
	case sbft.OutPrePrepare:
		sig := m.Signature
		if len(sig) == 0 {
			sig = o.signProposal(m)
		}
		if len(sig) == 0 {
			return
		}
		o.transmit(s, encodePrePrepare(epoch, m, sig))
	case sbft.OutSignShare:
		in, ok := o.signShare(m)
		if ok {
			o.transmitOrLoop(s, in, func() []byte { return encodeSignShare(epoch, in) })
		}
	case sbft.OutCommitShare:
		in, ok := o.signCommitShare(m)
		if ok {
			o.transmitOrLoop(s, in, func() []byte { return encodeCommitShare(epoch, in) })
		}
	case sbft.OutPrepare:
		o.transmit(s, encodePrepare(epoch, m))
	case sbft.OutCommitProof:
		o.transmit(s, encodeCommitProof(epoch, m))
	case sbft.OutStatus:
		o.transmit(s, encodeStatus(epoch, m))
	default:
		o.sendView(s)
	}
}

// sendView does the same for messages about views, checkpoints and what is fetched.
func (o *ordering) sendView(s sbft.Send) {
	p := &o.cfg.Params
	switch m := s.Message.(type) {
	case sbft.OutComplaint:
		in := sbft.Complaint{From: p.Self, View: m.View, Signature: o.cfg.SigningKey.Sign(sbft.ComplaintBytes(p.Ledger, p.Epoch, p.Self, m.View))}
		o.transmitOrLoop(s, in, func() []byte { return encodeComplaint(p.Epoch, in) })
	case sbft.OutViewChange:
		vc := *m.Message
		if vc.From == p.Self && len(vc.Signature) == 0 {
			vc.Signature = o.cfg.SigningKey.Sign(vc.Payload)
		}
		o.transmitOrLoop(s, &vc, func() []byte { return encodeViewChange(&vc) })
	case sbft.OutNewView:
		sig := m.Message.Signature
		if len(sig) == 0 {
			sig = o.signNewView(m.Message)
		}
		if len(sig) > 0 {
			o.transmit(s, encodeNewView(m.Message, sig, m.Full))
		}
	case sbft.OutCheckpointShare:
		share := o.sign(certificate.Checkpoint, sbft.SlotID{Seq: m.Seq, Digest: m.Digest})
		in := sbft.CheckpointShare{From: p.Self, Seq: m.Seq, Digest: m.Digest, Share: share}
		if share != nil {
			o.transmitOrLoop(s, in, func() []byte { return encodeCheckpointShare(p.Epoch, in) })
		}
	case sbft.OutCheckpoint:
		o.transmit(s, encodeCheckpoint(p.Epoch, m.Checkpoint))
	case sbft.OutFetchNewView:
		o.transmit(s, encodeFetchNewView(m))
	case sbft.OutFetchBody:
		o.transmit(s, encodeFetchBody(m))
	case sbft.OutBody:
		o.transmit(s, encodeBody(m))
	case sbft.OutAccusation:
		o.transmit(s, encodeAccusation(p.Epoch, m))
	}
}

// signNewView signs only what the ballot has noted, durably, as the one new-view
// message of its view.
func (o *ordering) signNewView(nv *sbft.NewView) []byte {
	if !o.ballot.MayNewView(nv.View, sha256.Sum256(nv.Payload)) {
		return nil
	}
	return o.cfg.SigningKey.Sign(nv.Payload)
}

func (o *ordering) transmitOrLoop(s sbft.Send, in sbft.Input, encoded func() []byte) {
	if !s.Broadcast && s.To == o.cfg.Params.Self {
		o.loop = append(o.loop, in)
		return
	}
	o.transmit(s, encoded())
}

func (o *ordering) transmit(s sbft.Send, payload []byte) {
	bulk := len(payload) > controlBytesMax
	if s.Broadcast {
		o.cfg.Transport.Broadcast(bulk, payload)
	} else {
		o.cfg.Transport.Send(s.To, bulk, payload)
	}
}

// sign makes a share of a recorded vote. A slot that was settled meanwhile needs
// none any more; any other refusal means that something is broken.
func (o *ordering) sign(phase certificate.Phase, id sbft.SlotID) []byte {
	v := ballot.Vote{Epoch: o.cfg.Params.Epoch, Phase: phase, View: id.View, Seq: id.Seq, Digest: id.Digest}
	if err := o.ballot.May(v); err != nil {
		return nil
	}
	share, err := o.cfg.Signer.Sign(sbft.Statement(o.cfg.Params.Ledger, o.cfg.Params.Epoch, phase, id))
	if err != nil {
		panic(&shell.Unrecoverable{Err: fmt.Errorf("sign a share: %w", err)})
	}
	return share.Signature
}

func (o *ordering) signProposal(m sbft.OutPrePrepare) []byte {
	v := ballot.Vote{Epoch: o.cfg.Params.Epoch, Phase: sbft.PhasePropose, View: m.View, Seq: m.Seq, Digest: m.Body.Digest}
	if err := o.ballot.May(v); err != nil {
		return nil
	}
	return o.cfg.SigningKey.Sign(ledger.ProposalBytes(o.cfg.Params.Ledger, o.cfg.Params.Epoch, m.View, m.Seq, uint8(m.Path), m.Body.Digest))
}

func (o *ordering) signShare(m sbft.OutSignShare) (sbft.SignShare, bool) {
	if !o.signed.any || o.signed.slot != m.Slot || (m.Fast && o.signed.fast == nil) {
		o.signed.any, o.signed.slot = true, m.Slot
		o.signed.prepare, o.signed.fast = o.sign(certificate.Prepare, m.Slot), nil
		if m.Fast {
			o.signed.fast = o.sign(certificate.Fast, m.Slot)
		}
	}
	return sbft.SignShare{From: o.cfg.Params.Self, Slot: m.Slot, Fast: o.signed.fast, Prepare: o.signed.prepare}, o.signed.prepare != nil
}

func (o *ordering) signCommitShare(m sbft.OutCommitShare) (sbft.CommitShare, bool) {
	if !o.signed.haveCommit || o.signed.commitSlot != m.Slot {
		o.signed.haveCommit, o.signed.commitSlot = true, m.Slot
		o.signed.commit = o.sign(certificate.Commit, m.Slot)
	}
	return sbft.CommitShare{From: o.cfg.Params.Self, Slot: m.Slot, Share: o.signed.commit}, o.signed.commit != nil
}

// combine computes at once: a batch of a few Ed25519 signatures costs less than
// a hop to a worker and back.
func (o *ordering) combine(w sbft.Combine) {
	cert, bad, err := o.cfg.Public.Commit().Combine(sbft.Statement(o.cfg.Params.Ledger, o.cfg.Params.Epoch, w.Phase, w.Slot), w.Shares)
	if err != nil && !errors.Is(err, certificate.ErrNotEnough) {
		panic(&shell.Unrecoverable{Err: fmt.Errorf("combine shares: %w", err)})
	}
	o.loop = append(o.loop, sbft.Combined{Slot: w.Slot, Phase: w.Phase, Certificate: cert, Bad: bad})
}
