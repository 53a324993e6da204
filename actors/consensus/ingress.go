package consensus

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/consensus/collector"
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/signature"
)

// ErrMessage is wrapped by every error about a message that honest replicas do
// not send.
var ErrMessage = errors.New("unacceptable consensus message")

// elementsMax is more than the fields of any message that is taken.
const elementsMax = ledger.BlockTransactionsMax + 64

// countElements looks at the wire format before anything is allocated: two bytes there
// can become an element of 64 bytes.
func countElements(payload []byte) error {
	total := 0
	err := eachField(payload, func(body []byte) error {
		return eachField(body, func([]byte) error {
			if total++; total > elementsMax {
				return fmt.Errorf("%w: it has more than %d elements", ErrMessage, elementsMax)
			}
			return nil
		})
	})
	return err
}

// eachField calls fn with the content of each field, nil if it is not of bytes.
func eachField(b []byte, fn func(content []byte) error) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("%w: %w", ErrMessage, protowire.ParseError(n))
		}
		b = b[n:]
		var content []byte
		if kind == protowire.BytesType {
			content, n = protowire.ConsumeBytes(b)
		} else {
			n = protowire.ConsumeFieldValue(number, kind, b)
		}
		if n < 0 {
			return fmt.Errorf("%w: %w", ErrMessage, protowire.ParseError(n))
		}
		if err := fn(content); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// Ingress decodes a replica's message and checks everything that needs no
// protocol state: sizes, digests, certificates, signatures of proposals and of
// their transactions. It runs on the goroutine of the sender's link. The result
// is an sbft.Input, a collector.Share or a collector.Certified.
func (c *Config) Ingress(from ledger.ReplicaID, payload []byte) (any, error) {
	var m actorspb.ConsensusMessage
	if err := countElements(payload); err != nil {
		return nil, err
	}
	if err := proto.Unmarshal(payload, &m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	switch b := m.GetBody().(type) {
	case *actorspb.ConsensusMessage_PrePrepare:
		return c.prePrepare(from, b.PrePrepare)
	case *actorspb.ConsensusMessage_SignShare:
		id, err := c.slot(b.SignShare.GetEpoch(), b.SignShare.GetView(), b.SignShare.GetSeq(), b.SignShare.GetDigest())
		return sbft.SignShare{From: from, Slot: id, Fast: short(b.SignShare.GetFast()), Prepare: short(b.SignShare.GetPrepare())}, err
	case *actorspb.ConsensusMessage_Prepare:
		id, err := c.slot(b.Prepare.GetEpoch(), b.Prepare.GetView(), b.Prepare.GetSeq(), b.Prepare.GetDigest())
		if err != nil {
			return nil, err
		}
		return sbft.Prepare{From: from, Slot: id, Certificate: b.Prepare.GetCertificate()},
			c.verify(certificate.Prepare, id, b.Prepare.GetCertificate())
	case *actorspb.ConsensusMessage_CommitShare:
		id, err := c.slot(b.CommitShare.GetEpoch(), b.CommitShare.GetView(), b.CommitShare.GetSeq(), b.CommitShare.GetDigest())
		return sbft.CommitShare{From: from, Slot: id, Share: short(b.CommitShare.GetShare())}, err
	case *actorspb.ConsensusMessage_CommitProof:
		return c.commitProof(b.CommitProof)
	case *actorspb.ConsensusMessage_ExecuteShare:
		return c.executeShare(from, b.ExecuteShare)
	case *actorspb.ConsensusMessage_ExecuteProof:
		return c.executeProof(b.ExecuteProof)
	case *actorspb.ConsensusMessage_Status:
		if b.Status.GetEpoch() != uint64(c.Params.Epoch) {
			return nil, fmt.Errorf("%w: epoch %d", ErrMessage, b.Status.GetEpoch())
		}
		return sbft.PeerStatus{From: from, View: ledger.View(b.Status.GetView()),
			Active:   b.Status.GetActive(),
			Executed: ledger.Height(b.Status.GetExecuted()), Durable: ledger.Height(b.Status.GetDurable()), Stable: ledger.Seq(b.Status.GetStable())}, nil
	default:
		return c.viewIngress(from, &m)
	}
}

// shareBytesMax bounds what a slot keeps of an unchecked share.
const shareBytesMax = 96

func short(b []byte) []byte {
	if len(b) > shareBytesMax {
		return nil
	}
	return b
}

func (c *Config) slot(epoch, view, seq uint64, digest []byte) (sbft.SlotID, error) {
	d, err := ledger.HashFromBytes(digest)
	if err != nil {
		return sbft.SlotID{}, fmt.Errorf("%w: digest: %w", ErrMessage, err)
	}
	if epoch != uint64(c.Params.Epoch) || seq == 0 {
		return sbft.SlotID{}, fmt.Errorf("%w: epoch %d, slot %d", ErrMessage, epoch, seq)
	}
	return sbft.SlotID{View: ledger.View(view), Seq: ledger.Seq(seq), Digest: d}, nil
}

func (c *Config) verify(phase certificate.Phase, id sbft.SlotID, cert []byte) error {
	if err := c.Public.Commit().Verify(sbft.Statement(c.Params.Ledger, c.Params.Epoch, phase, id), cert); err != nil {
		return fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return nil
}

func (c *Config) commitProof(m *actorspb.CommitProof) (any, error) {
	id, err := c.slot(m.GetEpoch(), m.GetView(), m.GetSeq(), m.GetDigest())
	if err != nil {
		return nil, err
	}
	phase := certificate.Commit
	if m.GetFast() {
		phase = certificate.Fast
	}
	return sbft.CommitProof{Slot: id, Fast: m.GetFast(), Certificate: m.GetCertificate()}, c.verify(phase, id, m.GetCertificate())
}

// prePrepare checks a proposal; its sender need not be the primary: anyone may
// forward one, since the primary signed it.
func (c *Config) prePrepare(from ledger.ReplicaID, m *actorspb.PrePrepare) (any, error) {
	txs, size := m.GetTxs(), 0
	for _, tx := range txs {
		size += len(tx)
	}
	path := sbft.Path(m.GetPath()) // #nosec G115 -- compared below
	switch {
	case m.GetEpoch() != uint64(c.Params.Epoch) || m.GetSeq() == 0:
		return nil, fmt.Errorf("%w: epoch %d, slot %d", ErrMessage, m.GetEpoch(), m.GetSeq())
	case path != sbft.PathFast && path != sbft.PathSlow || m.GetPath() > 255:
		return nil, fmt.Errorf("%w: there is no path %d", ErrMessage, m.GetPath())
	case len(txs) == 0 || len(txs) > c.Params.BatchMax || (len(txs) > 1 && size > c.Params.BatchBytes):
		return nil, fmt.Errorf("%w: a proposal of %d transactions and %d bytes", ErrMessage, len(txs), size)
	}
	view, seq := ledger.View(m.GetView()), ledger.Seq(m.GetSeq())
	body := ledger.NewBody(c.Params.Ledger, ledger.Proposal{Time: ledger.Time(m.GetTime()), Txs: txs})
	primary := c.Params.Quorum.Primary(view)
	signed := ledger.ProposalBytes(c.Params.Ledger, c.Params.Epoch, view, seq, uint8(path), body.Digest)
	if !signature.Verify(c.MemberKeys[primary], signed, m.GetSignature()) {
		return nil, fmt.Errorf("%w: the proposal for slot %d, sent by %s, is not signed by %s", ErrMessage, seq, from, primary)
	}
	if err := c.CheckTransactions(txs); err != nil {
		return nil, fmt.Errorf("%w: the proposal for slot %d: %w", ErrMessage, seq, err)
	}
	return sbft.PrePrepare{From: primary, View: view, Seq: seq, Path: path, Body: body, Signature: m.GetSignature(),
		Clock: ledger.TimeFromStd(c.Clock())}, nil
}

func (c *Config) execution(height uint64, block, stateRoot, resultsRoot []byte) (st certificate.ExecutionStatement, err error) {
	st.Ledger, st.Height = c.Params.Ledger, ledger.Height(height)
	for _, h := range []struct {
		to   *ledger.Hash
		from []byte
	}{{&st.Block, block}, {&st.StateRoot, stateRoot}, {&st.ResultsRoot, resultsRoot}} {
		if *h.to, err = ledger.HashFromBytes(h.from); err != nil {
			return st, fmt.Errorf("%w: %w", ErrMessage, err)
		}
	}
	return st, nil
}

func (c *Config) executeShare(from ledger.ReplicaID, m *actorspb.ExecuteShare) (any, error) {
	st, err := c.execution(m.GetHeight(), m.GetBlock(), m.GetStateRoot(), m.GetResultsRoot())
	if err != nil {
		return nil, err
	}
	return collector.Share{Statement: st, Share: certificate.Share{Signer: from, Signature: short(m.GetShare())}}, nil
}

func (c *Config) executeProof(m *actorspb.ExecuteProof) (any, error) {
	st, err := c.execution(m.GetHeight(), m.GetBlock(), m.GetStateRoot(), m.GetResultsRoot())
	if err != nil {
		return nil, err
	}
	if len(m.GetCertificate()) > shareBytesMax {
		return nil, fmt.Errorf("%w: an execution certificate of %d bytes", ErrMessage, len(m.GetCertificate()))
	}
	// Not verified here: f+1 shares agree with what this replica computes itself,
	// and the collector actor checks a certificate before it is used or passed on.
	return collector.Certified{Statement: st, Certificate: m.GetCertificate()}, nil
}
