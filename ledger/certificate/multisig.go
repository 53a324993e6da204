package certificate

import (
	"fmt"
	"sort"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/quorum"
	"github.com/concordat-ledger/concordat/ledger/signature"
)

// SchemeEd25519 names the multi-signature scheme.
const SchemeEd25519 = "ed25519"

const schemeByteEd25519 = 1

// multisig is a list of Ed25519 signatures behind a bitmap of their signers:
// scheme byte, ⌈n/8⌉ bytes of bitmap, then exactly threshold signatures in
// ascending order of signers. There is one encoding of each set of signatures.
type multisig struct {
	q    quorum.Config
	keys []signature.PublicKey
}

func (m *multisig) Name() string { return SchemeEd25519 }

func (m *multisig) Combine(st Statement, shares []Share) (Certificate, []ledger.ReplicaID, error) {
	need := st.Phase.Threshold(m.q)
	shares = distinct(shares, m.q.N())
	if need == 0 || len(shares) < need {
		return nil, nil, fmt.Errorf("%w: %d of %d", ErrNotEnough, len(shares), need)
	}
	sort.Slice(shares, func(i, j int) bool { return shares[i].Signer < shares[j].Signer })
	msg := st.Bytes()
	if m.verifyAll(msg, shares[:need]) {
		return m.encode(shares[:need]), nil, nil
	}
	good, bad := m.sort(msg, shares)
	if len(good) < need {
		return nil, bad, fmt.Errorf("%w: %d of %d verify", ErrNotEnough, len(good), need)
	}
	return m.encode(good[:need]), bad, nil
}

func (m *multisig) verifyAll(msg []byte, shares []Share) bool {
	var b signature.Batch
	for _, s := range shares {
		b.Add(m.keys[s.Signer], msg, s.Signature)
	}
	all, _ := b.Verify()
	return all
}

func (m *multisig) sort(msg []byte, shares []Share) (good []Share, bad []ledger.ReplicaID) {
	for _, s := range shares {
		if signature.Verify(m.keys[s.Signer], msg, s.Signature) {
			good = append(good, s)
		} else {
			bad = append(bad, s.Signer)
		}
	}
	return good, bad
}

func (m *multisig) encode(shares []Share) Certificate {
	width := (m.q.N() + 7) / 8
	c := make(Certificate, 1+width, 1+width+len(shares)*ledger.SignatureSize)
	c[0] = schemeByteEd25519
	for _, s := range shares {
		c[1+s.Signer/8] |= 1 << (s.Signer % 8)
		c = append(c, s.Signature...)
	}
	return c
}

func (m *multisig) Verify(st Statement, c Certificate) error {
	n, need := m.q.N(), st.Phase.Threshold(m.q)
	width := (n + 7) / 8
	if need == 0 || len(c) != 1+width+need*ledger.SignatureSize || c[0] != schemeByteEd25519 {
		return fmt.Errorf("%w: %d bytes are no certificate of %d Ed25519 signatures", ErrInvalid, len(c), need)
	}
	var b signature.Batch
	msg, sigs, signers := st.Bytes(), c[1+width:], 0
	for id := range width * 8 {
		if c[1+id/8]&(1<<(id%8)) == 0 {
			continue
		}
		if id >= n || signers >= need {
			return fmt.Errorf("%w: its signers are not exactly %d of %d", ErrInvalid, need, n)
		}
		b.Add(m.keys[id], msg, sigs[signers*ledger.SignatureSize:(signers+1)*ledger.SignatureSize])
		signers++
	}
	if signers != need {
		return fmt.Errorf("%w: it has %d signers, not %d", ErrInvalid, signers, need)
	}
	if all, _ := b.Verify(); !all {
		return fmt.Errorf("%w: a signature is wrong", ErrInvalid)
	}
	return nil
}

func (m *multisig) VerifyShare(st Statement, s Share) error {
	if int(s.Signer) >= m.q.N() || st.Phase.Threshold(m.q) == 0 || !signature.Verify(m.keys[s.Signer], st.Bytes(), s.Signature) {
		return fmt.Errorf("%w: of %s", ErrShare, s.Signer)
	}
	return nil
}

type multisigSigner struct {
	id  ledger.ReplicaID
	key signature.PrivateKey
}

func (s *multisigSigner) ID() ledger.ReplicaID { return s.id }

func (s *multisigSigner) Sign(st Statement) (Share, error) {
	return Share{Signer: s.id, Signature: s.key.Sign(st.Bytes())}, nil
}
