package simulator

import (
	"encoding/binary"
	"errors"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// signing is what the simulator signs and verifies with: the cheap scheme, or the
// product's own.
type signing interface {
	sbft.Verifier
	share(id ledger.ReplicaID, st certificate.Statement) []byte
	sign(id ledger.ReplicaID, message []byte) []byte
	combine(st certificate.Statement, shares []certificate.Share) (certificate.Certificate, []ledger.ReplicaID)
	certify(st certificate.Statement, signers []ledger.ReplicaID) certificate.Certificate
	threshold(p certificate.Phase) int
	signers(cert certificate.Certificate) []ledger.ReplicaID // nil: it does not tell
}

// scheme stands for the signature schemes: a share is a keyed hash of what it is
// about, a certificate a list of signers with the sum of their shares. Nobody but the
// holder of an identity calls its sign methods, and that is all the unforgeability a
// simulation needs. It is cheap: a run makes tens of thousands of them.
type scheme struct {
	q       quorum.Config
	secrets []uint64
}

func newScheme(q quorum.Config, seed uint64) *scheme {
	s := &scheme{q: q}
	for id := range q.N() {
		s.secrets = append(s.secrets, mix(seed, uint64(id)+0x5eed)) // #nosec G115 -- small
	}
	return s
}

// mix is one step of a 64-bit hash (the finaliser of splitmix64).
func mix(h, v uint64) uint64 {
	h ^= v + 0x9e3779b97f4a7c15 + h<<6 + h>>2
	h ^= h >> 30
	h *= 0xbf58476d1ce4e5b9
	h ^= h >> 27
	h *= 0x94d049bb133111eb
	return h ^ h>>31
}

func mixBytes(h uint64, b []byte) uint64 {
	for len(b) >= 8 {
		h = mix(h, binary.LittleEndian.Uint64(b))
		b = b[8:]
	}
	for _, c := range b {
		h = mix(h, uint64(c))
	}
	return h
}

func (s *scheme) tag(id ledger.ReplicaID, st *certificate.Statement) uint64 {
	h := mix(s.secrets[id], uint64(st.Phase)<<56^uint64(st.View)<<28^uint64(st.Seq))
	return mixBytes(mix(h, uint64(st.Epoch)), st.Digest[:])
}

// share is a replica's vote over a statement.
func (s *scheme) share(id ledger.ReplicaID, st certificate.Statement) []byte {
	return binary.LittleEndian.AppendUint64(nil, s.tag(id, &st))
}

// sign is a replica's signature, as long as a real one.
func (s *scheme) sign(id ledger.ReplicaID, message []byte) []byte {
	out := make([]byte, ledger.SignatureSize)
	binary.LittleEndian.PutUint64(out, mixBytes(s.secrets[id], message))
	return out
}

// threshold is the simulator's own arithmetic.
func (s *scheme) threshold(p certificate.Phase) int {
	if p == certificate.Fast {
		return 3*s.q.F + s.q.C + 1
	}
	return 2*s.q.F + s.q.C + 1
}

// combine makes a certificate, or names whose share is bad.
func (s *scheme) combine(st certificate.Statement, shares []certificate.Share) (certificate.Certificate, []ledger.ReplicaID) {
	var good, bad []ledger.ReplicaID
	for _, sh := range shares {
		if len(sh.Signature) == 8 && binary.LittleEndian.Uint64(sh.Signature) == s.tag(sh.Signer, &st) {
			good = append(good, sh.Signer)
		} else {
			bad = append(bad, sh.Signer)
		}
	}
	if len(good) < s.threshold(st.Phase) {
		return nil, bad
	}
	return s.certify(st, good[:s.threshold(st.Phase)]), bad
}

// certify encodes signers and the sum of their tags.
func (s *scheme) certify(st certificate.Statement, signers []ledger.ReplicaID) certificate.Certificate {
	var sum uint64
	out := []byte{byte(len(signers))}
	for _, id := range signers {
		out = binary.LittleEndian.AppendUint16(out, uint16(id))
		sum += s.tag(id, &st)
	}
	return binary.LittleEndian.AppendUint64(out, sum)
}

var errCertificate = errors.New("the certificate does not verify")

func (s *scheme) signers(cert certificate.Certificate) []ledger.ReplicaID { return signers(cert) }

// signers lists whom a certificate names, nil when it is malformed.
func signers(cert certificate.Certificate) []ledger.ReplicaID {
	if len(cert) == 0 || len(cert) != 1+2*int(cert[0])+8 {
		return nil
	}
	var out []ledger.ReplicaID
	for i := range int(cert[0]) {
		out = append(out, ledger.ReplicaID(binary.LittleEndian.Uint16(cert[1+2*i:])))
	}
	return out
}

// Certificate implements sbft.Verifier.
func (s *scheme) Certificate(st certificate.Statement, cert certificate.Certificate) error {
	ids := signers(cert)
	if len(ids) < s.threshold(st.Phase) {
		return errCertificate
	}
	var sum uint64
	for i, id := range ids {
		if int(id) >= len(s.secrets) || i > 0 && id <= ids[i-1] {
			return errCertificate
		}
		sum += s.tag(id, &st)
	}
	if sum != binary.LittleEndian.Uint64(cert[len(cert)-8:]) {
		return errCertificate
	}
	return nil
}

// Signature implements sbft.Verifier.
func (s *scheme) Signature(by ledger.ReplicaID, message, sig []byte) bool {
	return int(by) < len(s.secrets) && string(s.sign(by, message)) == string(sig)
}

var _ signing = (*scheme)(nil)
