package cryptography

import (
	"crypto/sha256"
	"crypto/sha512"

	"golang.org/x/crypto/sha3"
)

// SHA256 of the input.
func SHA256(in []byte) []byte {
	sum := sha256.Sum256(in)
	return sum[:]
}

// SHA512 of the input.
func SHA512(in []byte) []byte {
	sum := sha512.Sum512(in)
	return sum[:]
}

// Keccak256 is Ethereum's hash: Keccak with the padding that it had before it
// became SHA-3.
func Keccak256(in []byte) []byte {
	h := sha3.NewLegacyKeccak256()
	_, _ = h.Write(in) // a hash takes everything
	return h.Sum(nil)
}

// BLAKE3Sum is BLAKE3 as an operation.
func BLAKE3Sum(in []byte) []byte {
	sum := BLAKE3(in)
	return sum[:]
}
