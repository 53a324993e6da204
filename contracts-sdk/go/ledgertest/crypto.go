package ledgertest

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"math/big"
)

// Operations that the standard library has, too.
const (
	opSHA256  = 1
	opRandom  = 2
	opSHA512  = 3
	opEd25519 = 6
	opP256    = 7
)

// Crypto implements concordat.Host. The test kit has no dependencies, so it computes
// what the standard library can; answers to the other operations are given by the
// test, in Answers. Of Ed25519 signatures that ZIP-215 accepts and RFC 8032 does not,
// the test has to be made on the module. Random bytes are not those of a ledger.
func (l *Ledger) Crypto(op uint32, in []byte) []byte {
	if answer, ok := l.Answers[Question{op, string(in)}]; ok {
		return answer
	}
	switch op {
	case opSHA256:
		sum := sha256.Sum256(in)
		return sum[:]
	case opRandom:
		l.call.random++
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %d", l.Name, l.calls, l.call.random))
		return sum[:]
	case opSHA512:
		sum := sha512.Sum512(in)
		return sum[:]
	case opEd25519:
		return answer(len(in) >= 96 && ed25519.Verify(in[:32], in[96:], in[32:96]))
	case opP256:
		return answer(verifyP256(in))
	}
	panic(fmt.Sprintf("cryptographic operation %d is not computed by the test kit: put its answer into Answers, or test the module", op))
}

// Question is an operation of the interface with its input, as docs/contracts.md lists
// them.
type Question struct {
	Op uint32
	In string
}

func answer(holds bool) []byte {
	if holds {
		return []byte{1}
	}
	return nil
}

func verifyP256(in []byte) bool {
	if n := len(in) - 96; n != 33 && n != 65 {
		return false
	}
	point := in[96:]
	if len(point) == 33 {
		x, y := elliptic.UnmarshalCompressed(elliptic.P256(), point)
		if x == nil {
			return false
		}
		point = append([]byte{4}, append(x.FillBytes(make([]byte, 32)), y.FillBytes(make([]byte, 32))...)...)
	}
	if _, err := ecdh.P256().NewPublicKey(point); err != nil {
		return false
	}
	number := func(b []byte) *big.Int { return new(big.Int).SetBytes(b) }
	key := &ecdsa.PublicKey{Curve: elliptic.P256(), X: number(point[1:33]), Y: number(point[33:])}
	return ecdsa.Verify(key, in[:32], number(in[32:64]), number(in[64:96]))
}
