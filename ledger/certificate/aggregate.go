package certificate

import (
	bls "github.com/cloudflare/circl/ecc/bls12381"
)

// Sizes of the BLS scheme's keys and signatures.
const (
	KeyBytes       = g2Bytes
	SignatureBytes = g1Bytes
)

// Signed is a message and the key under which it was signed.
type Signed struct{ Key, Message []byte }

// VerifyAggregate checks the sum of one signature of each message, in the scheme of
// the execution certificates. The messages must differ from each other. One message
// with one key is a plain signature.
func VerifyAggregate(list []Signed, sig []byte) bool {
	sum, err := parseG1(sig)
	if err != nil || len(list) == 0 {
		return false
	}
	g1, g2, signs := []*bls.G1{sum}, []*bls.G2{bls.G2Generator()}, []int{1}
	seen := make(map[string]struct{}, len(list))
	for _, s := range list {
		key, err := parseG2(s.Key)
		if _, again := seen[string(s.Message)]; again || err != nil {
			return false
		}
		seen[string(s.Message)] = struct{}{}
		g1, g2, signs = append(g1, hashToG1(s.Message)), append(g2, key), append(signs, -1)
	}
	return bls.ProdPairFrac(g1, g2, signs).IsIdentity()
}
