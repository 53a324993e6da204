package main

import (
	"encoding/hex"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
)

// verify asks for one cryptographic operation with inputs in hexadecimal, and says
// what came of it.
func verify(c *concordat.Context, what string, words []string) string {
	in := make([][]byte, len(words))
	for i, w := range words {
		in[i], _ = hex.DecodeString(w) // what is no hexadecimal is cut
	}
	yes := func(ok bool) string {
		if ok {
			return "yes "
		}
		return "no "
	}
	text := func(b []byte) string { return hex.EncodeToString(b) + " " }
	fixed := func(b []byte) (out [64]byte) { copy(out[:], b); return out }
	half := func(b []byte) (out [32]byte) { copy(out[:], b); return out }
	switch what {
	case "hashes":
		a, b, d, e := c.SHA256(in[0]), c.SHA512(in[0]), c.Keccak256(in[0]), c.BLAKE3(in[0])
		return text(a[:4]) + text(b[60:]) + text(d[:4]) + text(e[:4])
	case "random":
		return yes(c.DeterministicRandom() != c.DeterministicRandom())
	case "ed25519":
		return yes(c.VerifyEd25519(half(in[0]), in[2], fixed(in[1])))
	case "p256":
		return yes(c.VerifyP256(in[2], half(in[0]), fixed(in[1])))
	case "secp256k1":
		return yes(c.VerifySecp256k1(in[2], half(in[0]), fixed(in[1])))
	case "recover":
		key, ok := c.RecoverSecp256k1(half(in[0]), fixed(in[1]), in[2][0])
		return yes(ok) + text(key)
	case "bls":
		return yes(c.VerifyBLS(in[0], in[2], in[1])) + yes(c.VerifyBLSAggregate([]concordat.BLSSigned{{Key: in[0], Message: in[2]}}, in[1]))
	case "inclusion":
		return yes(c.VerifyInclusion(half(in[0]), 1, 2, in[1], [][32]byte{half(in[2])}))
	case "receipt":
		r, ok := c.VerifyReceipt(half(in[0]), in[1], in[2])
		if !ok {
			return yes(false)
		}
		return yes(true) + text([]byte{byte(r.Height), byte(r.Time), byte(len(r.Transaction))}) + text(r.Output)
	}
	return "there is no " + what
}
