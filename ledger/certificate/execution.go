package certificate

import (
	"fmt"
	"io"
	"math/big"

	bls "github.com/cloudflare/circl/ecc/bls12381"

	"github.com/concordat-ledger/concordat/ledger"
)

// ExecutionScheme combines and verifies execution certificates: f+1 shares, one
// ledger key. It is safe for concurrent use.
type ExecutionScheme struct{ keys *thresholdKeys }

// Combine needs f+1 shares of distinct signers over the same statement.
func (e *ExecutionScheme) Combine(st ExecutionStatement, shares []Share) (ExecutionCertificate, []ledger.ReplicaID, error) {
	return e.keys.combine(st.Bytes(), shares)
}

// Verify checks a certificate; about 1.6 ms.
func (e *ExecutionScheme) Verify(st ExecutionStatement, c ExecutionCertificate) error {
	if !e.keys.verify(st.Bytes(), c) {
		return fmt.Errorf("%w: execution of height %d", ErrInvalid, st.Height)
	}
	return nil
}

// VerifyMany checks several certificates at once, as one random linear
// combination: e(Σ r·sig, g2) = e(Σ r·H(m), key), with 128-bit r from random. An
// error says only that not all hold. It costs one pairing check and about 0.45 ms
// a certificate.
func (e *ExecutionScheme) VerifyMany(random io.Reader, st []ExecutionStatement, certs []ExecutionCertificate) error {
	sigs, hashes := new(bls.G1), new(bls.G1)
	sigs.SetIdentity()
	hashes.SetIdentity()
	for i := range st {
		sig, err := parseG1(certs[i])
		if err != nil {
			return fmt.Errorf("%w: execution of height %d", ErrInvalid, st[i].Height)
		}
		var b [16]byte
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return fmt.Errorf("draw a weight: %w", err)
		}
		weight := new(big.Int).SetBytes(b[:])
		sigs.Add(sigs, multiplyShort(sig, weight))
		hashes.Add(hashes, multiplyShort(hashToG1(st[i].Bytes()), weight))
	}
	if !verifyPoint(e.keys.group, hashes, sigs) {
		return fmt.Errorf("%w: one of %d", ErrInvalid, len(st))
	}
	return nil
}

// IsSignature tells whether bytes can be an execution certificate of anything: one
// that was damaged cannot, but for a chance of 2^-125 or when only its sign was.
func IsSignature(c ExecutionCertificate) bool {
	_, err := parseG1(c)
	return err == nil
}

// VerifyShare checks one replica's share.
func (e *ExecutionScheme) VerifyShare(st ExecutionStatement, s Share) error {
	if !e.keys.verifyShare(st.Bytes(), s) {
		return fmt.Errorf("%w: of %s", ErrShare, s.Signer)
	}
	return nil
}

// LedgerKey is the 96-byte public key that execution certificates verify under.
func (e *ExecutionScheme) LedgerKey() []byte { return e.keys.group.BytesCompressed() }

// ExecutionSigner holds one replica's secret for execution shares.
type ExecutionSigner struct {
	id     ledger.ReplicaID
	secret *bls.Scalar
}

// Sign makes this replica's share; about 0.25 ms.
func (s *ExecutionSigner) Sign(st ExecutionStatement) Share {
	return Share{Signer: s.id, Signature: signPoint(s.secret, st.Bytes())}
}

// VerifyExecution checks a certificate under a ledger key alone, as a client or
// an auditor does.
func VerifyExecution(ledgerKey []byte, st ExecutionStatement, c ExecutionCertificate) error {
	key, err := parseG2(ledgerKey)
	if err != nil {
		return fmt.Errorf("%w: the ledger key is %w", ErrKeys, err)
	}
	k := thresholdKeys{group: key}
	if !k.verify(st.Bytes(), c) {
		return fmt.Errorf("%w: execution of height %d", ErrInvalid, st.Height)
	}
	return nil
}
