package cryptography

import (
	"encoding/binary"

	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// BLSSignersMax bounds the keys of one aggregate.
const BLSSignersMax = 64

// BLS verifies a signature on BLS12-381 in the ledger's own scheme: key (96, G2),
// signature (48, G1), message, with the suite
// BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_. The identity is no key and no
// signature.
func BLS(in []byte) []byte {
	if len(in) < certificate.KeyBytes+certificate.SignatureBytes {
		return nil
	}
	rest := in[certificate.KeyBytes:]
	return answer(certificate.VerifyAggregate([]certificate.Signed{
		{Key: in[:certificate.KeyBytes], Message: rest[certificate.SignatureBytes:]},
	}, rest[:certificate.SignatureBytes]))
}

// BLSSigners is the number of keys that the input of BLSAggregate claims to have, for
// its price; more than BLSSignersMax are refused.
func BLSSigners(in []byte) int {
	if len(in) < certificate.SignatureBytes+2 {
		return 0
	}
	return int(binary.LittleEndian.Uint16(in[certificate.SignatureBytes:]))
}

// BLSAggregate verifies the sum of signatures of different messages: signature (48),
// count (2, from 1 to BLSSignersMax), then for each its key (96), the length of its
// message (2) and the message. Equal messages are refused: with them a key made from
// the others' could stand for people who never signed.
func BLSAggregate(in []byte) []byte {
	n := BLSSigners(in)
	if n == 0 || n > BLSSignersMax {
		return nil
	}
	rest := in[certificate.SignatureBytes+2:]
	list := make([]certificate.Signed, n)
	for i := range list {
		const head = certificate.KeyBytes + 2
		if len(rest) < head {
			return nil
		}
		size := int(binary.LittleEndian.Uint16(rest[certificate.KeyBytes:]))
		if len(rest)-head < size {
			return nil
		}
		list[i] = certificate.Signed{Key: rest[:certificate.KeyBytes], Message: rest[head : head+size]}
		rest = rest[head+size:]
	}
	return answer(len(rest) == 0 && certificate.VerifyAggregate(list, in[:certificate.SignatureBytes]))
}
