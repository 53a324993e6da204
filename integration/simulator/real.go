package simulator

import (
	"encoding/binary"
	"math/rand"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
	"github.com/concordat-ledger/concordat/ledger/signature"
)

// real signs with the product's own schemes.
type real struct {
	q       quorum.Config
	public  *certificate.Public
	signer  []certificate.Signer
	keys    []signature.PrivateKey
	publics []signature.PublicKey
}

// newReal deals keys from the seed.
func newReal(q quorum.Config, name string, seed uint64) *real {
	r := &real{q: q}
	random := rand.New(rand.NewSource(int64(seed))) // #nosec G404 G115 -- reproducible on purpose
	public, private, err := certificate.Deal(random, q, name)
	if err != nil {
		panic("deal keys for a simulation: " + err.Error())
	}
	r.public = public
	for id, p := range private {
		s, err := p.Signer()
		if err != nil {
			panic("take a key of a simulation: " + err.Error())
		}
		r.signer = append(r.signer, s)
		raw := binary.LittleEndian.AppendUint64(make([]byte, 24), mix(seed, uint64(id))) // #nosec G115 -- below n
		key, err := signature.FromSeed(raw)
		if err != nil {
			panic("make a key of a simulation: " + err.Error())
		}
		r.keys, r.publics = append(r.keys, key), append(r.publics, key.Public())
	}
	return r
}

func (r *real) share(id ledger.ReplicaID, st certificate.Statement) []byte {
	s, err := r.signer[id].Sign(st)
	if err != nil {
		return nil
	}
	return s.Signature
}

func (r *real) sign(id ledger.ReplicaID, message []byte) []byte { return r.keys[id].Sign(message) }

func (r *real) combine(st certificate.Statement, shares []certificate.Share) (certificate.Certificate, []ledger.ReplicaID) {
	cert, bad, err := r.public.Commit().Combine(st, shares)
	if err != nil {
		return nil, bad
	}
	return cert, bad
}

// certify makes a certificate of replicas' shares, if they are enough.
func (r *real) certify(st certificate.Statement, ids []ledger.ReplicaID) certificate.Certificate {
	var shares []certificate.Share
	for _, id := range ids {
		shares = append(shares, certificate.Share{Signer: id, Signature: r.share(id, st)})
	}
	cert, _ := r.combine(st, shares)
	return cert
}

func (r *real) threshold(p certificate.Phase) int { return p.Threshold(r.q) }

func (r *real) signers(certificate.Certificate) []ledger.ReplicaID { return nil }

// Certificate implements sbft.Verifier.
func (r *real) Certificate(st certificate.Statement, cert certificate.Certificate) error {
	return r.public.Commit().Verify(st, cert)
}

// Signature implements sbft.Verifier.
func (r *real) Signature(by ledger.ReplicaID, message, sig []byte) bool {
	return int(by) < len(r.publics) && signature.Verify(r.publics[by], message, sig)
}

var (
	_ signing       = (*real)(nil)
	_ sbft.Verifier = (*real)(nil)
)
