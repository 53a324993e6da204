package cryptography

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"math/big"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	secp "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/signature"
)

// Sizes of parts.
const (
	digestBytes       = 32
	ecdsaBytes        = 64 // r, then s, big-endian
	compressedBytes   = 33
	uncompressedBytes = 65
	uncompressedMark  = 4
)

// holds is the answer of a verification that succeeds.
var holds = []byte{1}

func answer(ok bool) []byte {
	if ok {
		return holds
	}
	return nil
}

// Ed25519 verifies key (32), signature (64), message, by ZIP-215: the one rule that
// the ledger's own signatures have.
func Ed25519(in []byte) []byte {
	if len(in) < ledger.PublicKeySize+ledger.SignatureSize {
		return nil
	}
	var key signature.PublicKey
	rest := in[copy(key[:], in):]
	return answer(signature.Verify(key, rest[ledger.SignatureSize:], rest[:ledger.SignatureSize]))
}

// ecdsaParts cuts digest (32), signature (64) and key (33 or 65, as SEC 1 writes a
// point).
func ecdsaParts(in []byte) (digest, sig, key []byte, ok bool) {
	if n := len(in) - digestBytes - ecdsaBytes; n != compressedBytes && n != uncompressedBytes {
		return nil, nil, nil, false
	}
	rest := in[digestBytes:]
	return in[:digestBytes], rest[:ecdsaBytes], rest[ecdsaBytes:], true
}

// P256 verifies an ECDSA signature on P-256: digest (32), signature (64), key (33 or
// 65). Both s and n - s are accepted, as WebAuthn and X.509 do.
func P256(in []byte) []byte {
	digest, sig, raw, ok := ecdsaParts(in)
	if !ok {
		return nil
	}
	key := p256Key(raw)
	if key == nil {
		return nil
	}
	r, s := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
	return answer(ecdsa.Verify(key, digest, r, s))
}

func p256Key(raw []byte) *ecdsa.PublicKey {
	if len(raw) == compressedBytes {
		x, y := elliptic.UnmarshalCompressed(elliptic.P256(), raw)
		if x == nil {
			return nil
		}
		full := make([]byte, uncompressedBytes)
		full[0] = uncompressedMark
		x.FillBytes(full[1:33])
		y.FillBytes(full[33:])
		raw = full
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
	if err != nil {
		return nil
	}
	return key
}

// secpSignature reads r and s, both from 1 to n - 1, and s at most half of n: of a
// signature and its mirror image, which anyone can make, only one is accepted, as
// Bitcoin and Ethereum do.
func secpSignature(sig []byte) (*secp.Signature, bool) {
	var r, s secp256k1.ModNScalar
	if r.SetByteSlice(sig[:32]) || s.SetByteSlice(sig[32:]) || r.IsZero() || s.IsZero() || s.IsOverHalfOrder() {
		return nil, false
	}
	return secp.NewSignature(&r, &s), true
}

// Secp256k1 verifies an ECDSA signature on secp256k1: digest (32), signature (64),
// key (33 or 65).
func Secp256k1(in []byte) []byte {
	digest, raw, point, ok := ecdsaParts(in)
	if !ok || len(point) == uncompressedBytes && point[0] != uncompressedMark { // no hybrid form
		return nil
	}
	sig, ok := secpSignature(raw)
	if !ok {
		return nil
	}
	key, err := secp256k1.ParsePubKey(point)
	return answer(err == nil && sig.Verify(digest, key))
}

// recoveryOffset is what the compact form adds to a recovery id.
const recoveryOffset = 27

// Secp256k1Recover finds the key that signed: digest (32), signature (64), recovery
// id (0 to 3; Ethereum's v less 27). The answer is the key in 65 bytes.
func Secp256k1Recover(in []byte) []byte {
	if len(in) != digestBytes+ecdsaBytes+1 || in[digestBytes+ecdsaBytes] > 3 {
		return nil
	}
	if _, ok := secpSignature(in[digestBytes : digestBytes+ecdsaBytes]); !ok {
		return nil
	}
	compact := append([]byte{recoveryOffset + in[digestBytes+ecdsaBytes]}, in[digestBytes:digestBytes+ecdsaBytes]...)
	key, _, err := secp.RecoverCompact(compact, in[:digestBytes])
	if err != nil {
		return nil
	}
	return key.SerializeUncompressed()
}
