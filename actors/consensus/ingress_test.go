package consensus

import (
	"math/rand"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/consensus/collector"
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
	"github.com/concordat-ledger/concordat/ledger/signature"
)

type ingressBench struct {
	cfg     *Config
	keys    []signature.PrivateKey
	signers []certificate.Signer
}

func newIngress(t testing.TB) *ingressBench {
	q := quorum.Config{F: 1}
	public, private, err := certificate.Deal(rand.New(rand.NewSource(1)), q, certificate.SchemeEd25519)
	require.NoError(t, err)
	b := &ingressBench{cfg: &Config{Params: sbft.Params{Ledger: ledger.ID{1}, Quorum: q, Window: 16, BatchMax: 10, BatchBytes: 1000},
		Public: public, CheckTransactions: func([][]byte) error { return nil }, Clock: func() time.Time { return time.Unix(5, 0) }}}
	for i, p := range private {
		key, err := signature.Generate(rand.New(rand.NewSource(int64(i))))
		require.NoError(t, err)
		b.keys = append(b.keys, key)
		b.cfg.MemberKeys = append(b.cfg.MemberKeys, key.Public())
		s, err := p.Signer()
		require.NoError(t, err)
		b.signers = append(b.signers, s)
	}
	b.cfg.Verifier = NewVerifier(public.Commit(), b.cfg.MemberKeys)
	return b
}

var slot7 = sbft.SlotID{View: 2, Seq: 7, Digest: ledger.Hash{9}}

func (b *ingressBench) certificate(t testing.TB, phase certificate.Phase) []byte {
	st := sbft.Statement(b.cfg.Params.Ledger, 0, phase, slot7)
	var shares []certificate.Share
	for _, s := range b.signers {
		share, err := s.Sign(st)
		require.NoError(t, err)
		shares = append(shares, share)
	}
	c, _, err := b.cfg.Public.Commit().Combine(st, shares)
	require.NoError(t, err)
	return c
}

// messages is one of each kind, as honest replicas send them.
func (b *ingressBench) messages(t testing.TB) map[string][]byte {
	body := ledger.NewBody(b.cfg.Params.Ledger, ledger.Proposal{Time: 5, Txs: [][]byte{{1}, {2}}})
	digest := ledger.ProposalBytes(b.cfg.Params.Ledger, 0, 2, 7, uint8(sbft.PathFast), body.Digest)
	proposal := encode(&actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_PrePrepare{PrePrepare: &actorspb.PrePrepare{
		View: 2, Seq: 7, Path: uint32(sbft.PathFast), Time: 5, Txs: [][]byte{{1}, {2}}, Signature: b.keys[2].Sign(digest)}}})
	st := certificate.ExecutionStatement{Ledger: b.cfg.Params.Ledger, Height: 3, Block: ledger.Hash{1}}
	return map[string][]byte{
		"pre-prepare":  proposal,
		"sign share":   encodeSignShare(0, sbft.SignShare{Slot: slot7, Fast: make([]byte, 64), Prepare: make([]byte, 64)}),
		"prepare":      encodePrepare(0, sbft.OutPrepare{Slot: slot7, Certificate: b.certificate(t, certificate.Prepare)}),
		"commit share": encodeCommitShare(0, sbft.CommitShare{Slot: slot7, Share: make([]byte, 64)}),
		"commit proof": encodeCommitProof(0, sbft.OutCommitProof{Slot: slot7, Fast: true, Certificate: b.certificate(t, certificate.Fast)}),
		"status":       encodeStatus(0, sbft.OutStatus{PeerStatus: sbft.PeerStatus{View: 2}}),
		"share":        encodeExecuteShare(collector.Share{Statement: st, Share: certificate.Share{Signature: make([]byte, 48)}}),
		"proof":        encodeExecuteProof(collector.Certified{Statement: st, Certificate: make([]byte, 48)}),
	}
}

func TestHonestMessagesAreTaken(t *testing.T) {
	b := newIngress(t)
	for name, raw := range b.messages(t) {
		m, err := b.cfg.Ingress(1, raw)
		require.NoError(t, err, name)
		require.NotNil(t, m, name)
	}
}

// What does not hold is refused before it reaches a machine: a flipped bit in a
// certificate or a signed proposal, another phase's certificate, another epoch.
func TestForgedMessagesAreRefused(t *testing.T) {
	b := newIngress(t)
	for name, raw := range map[string][]byte{
		"empty":                 {},
		"garbage":               []byte("garbage"),
		"another epoch":         encodeCommitShare(1, sbft.CommitShare{Slot: slot7, Share: make([]byte, 64)}),
		"slot zero":             encodeCommitShare(0, sbft.CommitShare{Slot: sbft.SlotID{Digest: ledger.Hash{1}}, Share: make([]byte, 64)}),
		"commit as prepare":     encodePrepare(0, sbft.OutPrepare{Slot: slot7, Certificate: b.certificate(t, certificate.Commit)}),
		"prepare as commit":     encodeCommitProof(0, sbft.OutCommitProof{Slot: slot7, Certificate: b.certificate(t, certificate.Prepare)}),
		"no certificate":        encodeCommitProof(0, sbft.OutCommitProof{Slot: slot7, Fast: true}),
		"a long execution cert": encodeExecuteProof(collector.Certified{Certificate: make([]byte, 1000)}),
	} {
		_, err := b.cfg.Ingress(1, raw)
		require.ErrorIs(t, err, ErrMessage, name)
	}
	for name, raw := range b.messages(t) {
		if name != "pre-prepare" && name != "prepare" && name != "commit proof" {
			continue
		}
		for at := range raw {
			forged := append([]byte{}, raw...)
			forged[at] ^= 1
			if m, err := b.cfg.Ingress(1, forged); err == nil {
				again, _ := b.cfg.Ingress(1, raw)
				require.Equal(t, again, m, "%s with byte %d changed means something else and is taken", name, at)
			}
		}
	}
}

// No bytes from a peer make more than an error, and what is taken is bounded.
func FuzzIngress(f *testing.F) {
	b := newIngress(f)
	for _, raw := range b.messages(f) {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := b.cfg.Ingress(1, raw)
		if err != nil {
			return
		}
		switch in := m.(type) {
		case sbft.SignShare:
			require.LessOrEqual(t, len(in.Fast)+len(in.Prepare), 2*shareBytesMax)
		case sbft.CommitShare:
			require.LessOrEqual(t, len(in.Share), shareBytesMax)
		case sbft.PrePrepare:
			require.LessOrEqual(t, len(in.Body.Txs), b.cfg.Params.BatchMax)
		case collector.Share:
			require.LessOrEqual(t, len(in.Share.Signature), shareBytesMax)
		}
	})
}
