package certificate

import (
	"fmt"

	bls "github.com/cloudflare/circl/ecc/bls12381"

	"github.com/concordat-ledger/concordat/ledger"
)

// SchemeBLS names the threshold scheme.
const SchemeBLS = "bls"

const schemeByteBLS = 2

// threshold is the BLS scheme: one polynomial for σ, one for τ.
type threshold struct{ fast, slow *thresholdKeys }

func (t *threshold) Name() string { return SchemeBLS }

func (t *threshold) keys(p Phase) *thresholdKeys {
	switch p {
	case Fast:
		return t.fast
	case Prepare, Commit, Checkpoint:
		return t.slow
	default:
		return nil
	}
}

func (t *threshold) Combine(st Statement, shares []Share) (Certificate, []ledger.ReplicaID, error) {
	k := t.keys(st.Phase)
	if k == nil {
		return nil, nil, fmt.Errorf("%w: phase %d has no certificate", ErrNotEnough, st.Phase)
	}
	sig, bad, err := k.combine(st.Bytes(), shares)
	if err != nil {
		return nil, bad, err
	}
	return append(Certificate{schemeByteBLS}, sig...), bad, nil
}

func (t *threshold) Verify(st Statement, c Certificate) error {
	k := t.keys(st.Phase)
	if k == nil || len(c) != 1+g1Bytes || c[0] != schemeByteBLS || !k.verify(st.Bytes(), c[1:]) {
		return fmt.Errorf("%w: phase %d of slot %d in view %d", ErrInvalid, st.Phase, st.Seq, st.View)
	}
	return nil
}

func (t *threshold) VerifyShare(st Statement, s Share) error {
	k := t.keys(st.Phase)
	if k == nil || !k.verifyShare(st.Bytes(), s) {
		return fmt.Errorf("%w: of %s", ErrShare, s.Signer)
	}
	return nil
}

type thresholdSigner struct {
	id         ledger.ReplicaID
	fast, slow *bls.Scalar
}

func (s *thresholdSigner) ID() ledger.ReplicaID { return s.id }

func (s *thresholdSigner) Sign(st Statement) (Share, error) {
	secret := s.slow
	switch st.Phase {
	case Fast:
		secret = s.fast
	case Prepare, Commit, Checkpoint:
	default:
		return Share{}, fmt.Errorf("%w: phase %d has no key", ErrKeys, st.Phase)
	}
	return Share{Signer: s.id, Signature: signPoint(secret, st.Bytes())}, nil
}
