package consensus

import (
	"fmt"
	"sync"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/signature"
)

// Verifier checks what view-change messages carry. The same certificates come in
// many of them, so those that verified are remembered, up to a bound. It is safe for
// concurrent use.
type Verifier struct {
	commit certificate.Scheme
	keys   []signature.PublicKey

	mu    sync.Mutex
	known map[ledger.Hash]struct{} // looked up only; started anew when full
}

// knownMax bounds the certificates remembered; some windows of them.
const knownMax = 4096

// NewVerifier checks with these keys.
func NewVerifier(commit certificate.Scheme, keys []signature.PublicKey) *Verifier {
	return &Verifier{commit: commit, keys: keys, known: map[ledger.Hash]struct{}{}}
}

// Certificate implements sbft.Verifier.
func (v *Verifier) Certificate(st certificate.Statement, cert certificate.Certificate) error {
	id := ledger.NewWriter("concordat/verified/1", 160+len(cert)).Bytes(st.Bytes()).Bytes(cert).Sum()
	v.mu.Lock()
	_, ok := v.known[id]
	v.mu.Unlock()
	if ok {
		return nil
	}
	if err := v.commit.Verify(st, cert); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.known) >= knownMax {
		clear(v.known)
	}
	v.known[id] = struct{}{}
	return nil
}

// Signature implements sbft.Verifier.
func (v *Verifier) Signature(by ledger.ReplicaID, message, sig []byte) bool {
	return int(by) < len(v.keys) && len(sig) == ledger.SignatureSize && signature.Verify(v.keys[by], message, sig)
}

// viewIngress decodes what belongs to views, checkpoints and what is fetched.
func (c *Config) viewIngress(from ledger.ReplicaID, m *actorspb.ConsensusMessage) (any, error) {
	switch b := m.GetBody().(type) {
	case *actorspb.ConsensusMessage_Complaint:
		in := sbft.Complaint{From: from, View: ledger.View(b.Complaint.GetView()), Signature: b.Complaint.GetSignature()}
		return c.checked(b.Complaint.GetEpoch(), in, in.Check(c.Params, c.Verifier))
	case *actorspb.ConsensusMessage_ViewChange:
		vc, err := sbft.ParseViewChange(c.Params, b.ViewChange.GetPayload(), b.ViewChange.GetSignature())
		if err == nil {
			err = vc.Check(c.Params, c.Verifier)
		}
		return c.checked(uint64(c.Params.Epoch), vc, err)
	case *actorspb.ConsensusMessage_NewView:
		return c.newView(b.NewView)
	case *actorspb.ConsensusMessage_CheckpointShare:
		id, err := c.slot(b.CheckpointShare.GetEpoch(), 0, b.CheckpointShare.GetSeq(), b.CheckpointShare.GetDigest())
		return sbft.CheckpointShare{From: from, Seq: id.Seq, Digest: id.Digest, Share: short(b.CheckpointShare.GetShare())}, err
	case *actorspb.ConsensusMessage_Checkpoint:
		id, err := c.slot(b.Checkpoint.GetEpoch(), 0, b.Checkpoint.GetSeq(), b.Checkpoint.GetDigest())
		if err == nil {
			err = c.Verifier.Certificate(sbft.Statement(c.Params.Ledger, c.Params.Epoch, certificate.Checkpoint, id), b.Checkpoint.GetCertificate())
		}
		return c.checked(b.Checkpoint.GetEpoch(), sbft.Checkpoint{Seq: id.Seq, Digest: id.Digest, Certificate: b.Checkpoint.GetCertificate()}, err)
	case *actorspb.ConsensusMessage_FetchNewView:
		return sbft.FetchNewView{From: from, View: ledger.View(b.FetchNewView.GetView())}, nil
	case *actorspb.ConsensusMessage_FetchBody:
		id, err := c.slot(uint64(c.Params.Epoch), 0, b.FetchBody.GetSeq(), b.FetchBody.GetDigest())
		return sbft.FetchBody{From: from, Seq: id.Seq, Digest: id.Digest}, err
	case *actorspb.ConsensusMessage_ProposalBody:
		return c.proposalBody(from, b.ProposalBody)
	case *actorspb.ConsensusMessage_Accusation:
		return c.accusation(from, b.Accusation)
	default:
		return nil, fmt.Errorf("%w: it is empty", ErrMessage)
	}
}

// checked wraps what a check found, and refuses other epochs.
func (c *Config) checked(epoch uint64, in any, err error) (any, error) {
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	case epoch != uint64(c.Params.Epoch):
		return nil, fmt.Errorf("%w: epoch %d", ErrMessage, epoch)
	}
	return in, nil
}

func (c *Config) newView(m *actorspb.NewView) (any, error) {
	if len(m.GetBodies()) > c.Params.Quorum.N() {
		return nil, fmt.Errorf("%w: a new view with %d messages", ErrMessage, len(m.GetBodies()))
	}
	var bodies [][2][]byte
	for _, b := range m.GetBodies() {
		bodies = append(bodies, [2][]byte{b.GetPayload(), b.GetSignature()})
	}
	nv, err := sbft.ParseNewView(c.Params, m.GetPayload(), m.GetSignature(), bodies)
	if err == nil {
		err = nv.Check(c.Params, c.Verifier)
	}
	return c.checked(uint64(c.Params.Epoch), nv, err)
}

// proposalBody computes the digest of what came. The machine takes it only if it is
// the one that an honest replica has checked and accepted.
func (c *Config) proposalBody(from ledger.ReplicaID, m *actorspb.ProposalBody) (any, error) {
	if len(m.GetTxs()) > ledger.BlockTransactionsMax || m.GetSeq() == 0 {
		return nil, fmt.Errorf("%w: a body of %d transactions for slot %d", ErrMessage, len(m.GetTxs()), m.GetSeq())
	}
	return sbft.Fetched{From: from, Seq: ledger.Seq(m.GetSeq()),
		Body: ledger.NewBody(c.Params.Ledger, ledger.Proposal{Time: ledger.Time(m.GetTime()), Txs: m.GetTxs()})}, nil
}

func (c *Config) accusation(from ledger.ReplicaID, m *actorspb.Accusation) (any, error) {
	id, err := c.slot(m.GetEpoch(), m.GetView(), m.GetSeq(), m.GetDigest())
	if err != nil {
		return nil, err
	}
	if m.GetPath() != uint32(sbft.PathFast) && m.GetPath() != uint32(sbft.PathSlow) {
		return nil, fmt.Errorf("%w: there is no path %d", ErrMessage, m.GetPath())
	}
	head := sbft.SignedProposal{Path: sbft.Path(m.GetPath()), Digest: id.Digest, Signature: m.GetSignature()} // #nosec G115 -- compared above
	primary := c.Params.Quorum.Primary(id.View)
	signed := ledger.ProposalBytes(c.Params.Ledger, c.Params.Epoch, id.View, id.Seq, uint8(head.Path), head.Digest)
	if !c.Verifier.Signature(primary, signed, head.Signature) {
		return nil, fmt.Errorf("%w: the proposal for slot %d that %s shows is not signed by %s", ErrMessage, id.Seq, from, primary)
	}
	return sbft.Accusation{From: from, View: id.View, Seq: id.Seq, Proposal: head}, nil
}
