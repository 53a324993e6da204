package certificate

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/big"

	bls "github.com/cloudflare/circl/ecc/bls12381"

	"github.com/concordat-ledger/concordat/ledger"
)

// blsTag is the domain separation tag of hash-to-curve (RFC 9380, suite
// BLS12381G1_XMD:SHA-256_SSWU_RO_, as in the IETF BLS signature draft).
const blsTag = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"

const (
	g1Bytes     = bls.G1SizeCompressed // a signature: 48
	g2Bytes     = bls.G2SizeCompressed // a public key: 96
	scalarBytes = bls.ScalarSize       // a secret: 32
)

var errPoint = errors.New("not a point of the group, or the identity")

// thresholdKeys are the public side of one Shamir polynomial: the group's key
// and each replica's.
type thresholdKeys struct {
	need   int
	group  *bls.G2
	shares []*bls.G2 // by replica
}

func hashToG1(msg []byte) *bls.G1 {
	h := new(bls.G1)
	h.Hash(msg, []byte(blsTag))
	return h
}

func parseG1(b []byte) (*bls.G1, error) {
	p := new(bls.G1)
	if len(b) != g1Bytes || b[0]&0x80 == 0 {
		return nil, errPoint
	}
	if err := p.SetBytes(b); err != nil || p.IsIdentity() {
		return nil, errPoint
	}
	return p, nil
}

func parseG2(b []byte) (*bls.G2, error) {
	p := new(bls.G2)
	if len(b) != g2Bytes || b[0]&0x80 == 0 {
		return nil, errPoint
	}
	if err := p.SetBytes(b); err != nil || p.IsIdentity() {
		return nil, errPoint
	}
	return p, nil
}

// verifyPoint checks e(sig, g2) = e(H(msg), key) as one product of pairings.
func verifyPoint(key *bls.G2, hashed, sig *bls.G1) bool {
	return bls.ProdPairFrac([]*bls.G1{sig, hashed}, []*bls.G2{bls.G2Generator(), key}, []int{1, -1}).IsIdentity()
}

func (k *thresholdKeys) verify(msg, sig []byte) bool {
	p, err := parseG1(sig)
	return err == nil && verifyPoint(k.group, hashToG1(msg), p)
}

func (k *thresholdKeys) verifyShare(msg []byte, s Share) bool {
	p, err := parseG1(s.Signature)
	return err == nil && int(s.Signer) < len(k.shares) && verifyPoint(k.shares[s.Signer], hashToG1(msg), p)
}

// combine interpolates the first need shares and verifies the result; only when
// that fails does it look at each share.
func (k *thresholdKeys) combine(msg []byte, shares []Share) ([]byte, []ledger.ReplicaID, error) {
	shares = distinct(shares, len(k.shares))
	if len(shares) < k.need {
		return nil, nil, fmt.Errorf("%w: %d of %d", ErrNotEnough, len(shares), k.need)
	}
	hashed := hashToG1(msg)
	if sig := interpolate(shares[:k.need]); sig != nil && verifyPoint(k.group, hashed, sig) {
		return sig.BytesCompressed(), nil, nil
	}
	var good []Share
	var bad []ledger.ReplicaID
	for _, s := range shares {
		if p, err := parseG1(s.Signature); err == nil && verifyPoint(k.shares[s.Signer], hashed, p) {
			good = append(good, s)
		} else {
			bad = append(bad, s.Signer)
		}
	}
	if len(good) < k.need {
		return nil, bad, fmt.Errorf("%w: %d of %d verify", ErrNotEnough, len(good), k.need)
	}
	sig := interpolate(good[:k.need])
	if sig == nil || !verifyPoint(k.group, hashed, sig) {
		return nil, bad, fmt.Errorf("%w: good shares do not give a good signature, the public keys do not belong together", ErrKeys)
	}
	return sig.BytesCompressed(), bad, nil
}

// interpolate computes Σ λ_i · share_i at zero, where replica i stands at i + 1.
// Since the points are small integers, D·λ_i are short integers for a common
// denominator D; the additions cost far less than full-width multiplications,
// and one multiplication by 1/D remains, if D is not one.
func interpolate(shares []Share) *bls.G1 {
	coefficients, denominator := lagrange(shares)
	sum := new(bls.G1)
	sum.SetIdentity()
	for i, s := range shares {
		p, err := parseG1(s.Signature)
		if err != nil {
			return nil
		}
		sum.Add(sum, multiplyShort(p, coefficients[i]))
	}
	if denominator.CmpAbs(big.NewInt(1)) != 0 {
		var inverse bls.Scalar
		inverse.SetBytes(new(big.Int).Abs(denominator).Bytes())
		inverse.Inv(&inverse)
		sum.ScalarMult(&inverse, sum)
	}
	if denominator.Sign() < 0 {
		sum.Neg()
	}
	return sum
}

// lagrange returns integers c_i and d with λ_i = c_i / d at zero.
func lagrange(shares []Share) ([]*big.Int, *big.Int) {
	numerators, denominators := make([]*big.Int, len(shares)), make([]*big.Int, len(shares))
	common := big.NewInt(1)
	for i, si := range shares {
		num, den := big.NewInt(1), big.NewInt(1)
		xi := int64(si.Signer) + 1
		for j, sj := range shares {
			if i != j {
				xj := int64(sj.Signer) + 1
				num.Mul(num, big.NewInt(xj))
				den.Mul(den, big.NewInt(xj-xi))
			}
		}
		g := new(big.Int).GCD(nil, nil, new(big.Int).Abs(num), new(big.Int).Abs(den))
		num.Quo(num, g)
		den.Quo(den, g)
		if den.Sign() < 0 {
			num.Neg(num)
			den.Neg(den)
		}
		numerators[i], denominators[i] = num, den
		gcd := new(big.Int).GCD(nil, nil, common, den)
		common.Mul(common, new(big.Int).Quo(den, gcd))
	}
	for i := range numerators {
		numerators[i].Mul(numerators[i], new(big.Int).Quo(common, denominators[i]))
	}
	return numerators, common
}

// multiplyShort is double-and-add for public, short multipliers.
func multiplyShort(p *bls.G1, k *big.Int) *bls.G1 {
	out := new(bls.G1)
	out.SetIdentity()
	magnitude := new(big.Int).Abs(k) // Bit is two's complement for negative numbers
	for i := magnitude.BitLen() - 1; i >= 0; i-- {
		out.Double()
		if magnitude.Bit(i) == 1 {
			out.Add(out, p)
		}
	}
	if k.Sign() < 0 {
		out.Neg()
	}
	return out
}

// dealThreshold draws a polynomial of degree need - 1 and evaluates it for n
// replicas.
func dealThreshold(random io.Reader, need, n int) (*thresholdKeys, []*bls.Scalar, error) {
	poly := make([]*bls.Scalar, need)
	for i := range poly {
		var seed [64]byte // reduced modulo the order: bias below 2^-250
		if _, err := io.ReadFull(random, seed[:]); err != nil {
			return nil, nil, fmt.Errorf("draw a polynomial: %w", err)
		}
		wide := new(big.Int).Mod(new(big.Int).SetBytes(seed[:]), new(big.Int).SetBytes(bls.Order()))
		poly[i] = new(bls.Scalar)
		poly[i].SetBytes(wide.Bytes())
	}
	keys := &thresholdKeys{need: need, group: public(poly[0])}
	secrets := make([]*bls.Scalar, n)
	for id := range n {
		var x bls.Scalar
		// #nosec G115 -- both sides are bounded far below the limits of the type
		x.SetUint64(uint64(id) + 1)
		y := new(bls.Scalar)
		for i := need - 1; i >= 0; i-- { // Horner
			y.Mul(y, &x)
			y.Add(y, poly[i])
		}
		secrets[id] = y
		keys.shares = append(keys.shares, public(y))
	}
	return keys, secrets, nil
}

func public(secret *bls.Scalar) *bls.G2 {
	p := new(bls.G2)
	p.ScalarMult(secret, bls.G2Generator())
	return p
}

func signPoint(secret *bls.Scalar, msg []byte) []byte {
	p := hashToG1(msg)
	p.ScalarMult(secret, p)
	return p.BytesCompressed()
}

// keyDigest lets errors name a key without printing it.
func keyDigest(k *bls.G2) string { return fmt.Sprintf("%x", sha256.Sum256(k.BytesCompressed()))[:8] }
