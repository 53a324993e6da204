package concordat

// Operations of the ledger's cryptography. Inputs have one layout each; the numbers
// are part of the interface.
const (
	opSHA256 = iota + 1
	opRandom
	opSHA512
	opKeccak256
	opBLAKE3
	opEd25519
	opP256
	opSecp256k1
	opSecp256k1Recover
	opBLS
	opBLSAggregate
	opMerkle
	opReceipt
)

var cryptoRoom = make([]byte, 0, 512)

func crypto(op uint32, parts ...[]byte) []byte {
	cryptoRoom = cryptoRoom[:0]
	for _, p := range parts {
		cryptoRoom = append(cryptoRoom, p...)
	}
	return hostCrypto(op, cryptoRoom)
}

func sum32(op uint32, b []byte) (out [32]byte) {
	copy(out[:], hostCrypto(op, b))
	return out
}

// SHA256 is the hash of b.
func (*Context) SHA256(b []byte) [32]byte { return sum32(opSHA256, b) }

// SHA512 is the hash of b.
func (*Context) SHA512(b []byte) (out [64]byte) {
	copy(out[:], hostCrypto(opSHA512, b))
	return out
}

// Keccak256 is Ethereum's hash of b.
func (*Context) Keccak256(b []byte) [32]byte { return sum32(opKeccak256, b) }

// BLAKE3 is the hash of b.
func (*Context) BLAKE3(b []byte) [32]byte { return sum32(opBLAKE3, b) }

// DeterministicRandom is 32 bytes that differ from call to call of it, from
// transaction to transaction and from contract to contract. Everyone can compute
// them, before the transaction is executed too: they are never a secret, and no lot
// that anyone should trust.
func (*Context) DeterministicRandom() [32]byte { return sum32(opRandom, nil) }

// VerifyEd25519 verifies a signature by the rule ZIP-215.
func (*Context) VerifyEd25519(key [32]byte, message []byte, signature [64]byte) bool {
	return crypto(opEd25519, key[:], signature[:], message) != nil
}

// VerifyP256 verifies an ECDSA signature, r and s, of a digest under a key on P-256, in
// 33 or 65 bytes.
func (*Context) VerifyP256(key []byte, digest [32]byte, signature [64]byte) bool {
	return crypto(opP256, digest[:], signature[:], key) != nil
}

// VerifySecp256k1 is VerifyP256 on secp256k1. An s above half of the order is refused.
func (*Context) VerifySecp256k1(key []byte, digest [32]byte, signature [64]byte) bool {
	return crypto(opSecp256k1, digest[:], signature[:], key) != nil
}

// RecoverSecp256k1 is the key, in 65 bytes, that made a signature; id is from 0 to 3.
// An s above half of the order is refused.
func (*Context) RecoverSecp256k1(digest [32]byte, signature [64]byte, id byte) (key []byte, ok bool) {
	out := crypto(opSecp256k1Recover, digest[:], signature[:], []byte{id})
	return append([]byte(nil), out...), out != nil
}

// VerifyBLS verifies a BLS12-381 signature (48 bytes) under a key (96 bytes).
func (*Context) VerifyBLS(key, message, signature []byte) bool {
	return len(key) == 96 && len(signature) == 48 && crypto(opBLS, key, signature, message) != nil
}

// BLSSigned is a message and the key under which it was signed.
type BLSSigned struct{ Key, Message []byte }

// VerifyBLSAggregate verifies the sum of the signatures of 1 to 64 messages, which
// must differ from each other.
func (*Context) VerifyBLSAggregate(list []BLSSigned, signature []byte) bool {
	if len(signature) != 48 || len(list) > 0xffff {
		return false
	}
	b := append(append([]byte(nil), signature...), byte(len(list)), byte(len(list)>>8))
	for i := range list {
		m := list[i].Message
		if len(list[i].Key) != 96 || len(m) > 0xffff {
			return false
		}
		b = append(append(append(b, list[i].Key...), byte(len(m)), byte(len(m)>>8)), m...)
	}
	return hostCrypto(opBLSAggregate, b) != nil
}

// VerifyInclusion verifies that a leaf stands at index of an RFC 6962 tree of that
// size and root.
func (*Context) VerifyInclusion(root [32]byte, index, size uint64, leaf []byte, path [][32]byte) bool {
	if len(path) > 64 {
		return false
	}
	b := append([]byte(nil), root[:]...)
	for _, n := range [2]uint64{index, size} {
		for shift := 0; shift < 64; shift += 8 {
			b = append(b, byte(n>>shift))
		}
	}
	b = append(b, byte(len(path)))
	for i := range path {
		b = append(b, path[i][:]...)
	}
	return hostCrypto(opMerkle, append(b, leaf...)) != nil
}

// Receipt is what a receipt proves: how a transaction ended.
type Receipt struct {
	Height      uint64
	Time        int64
	Index       uint64
	Transaction []byte
	Status      uint64 // 0: it was executed
	Code        uint64
	Output      []byte
}

// Fields implements Message.
func (r *Receipt) Fields(f *Fields) {
	f.Uint64(1, &r.Height)
	f.Int64(2, &r.Time)
	f.Uint64(3, &r.Index)
	f.Bytes(4, &r.Transaction)
	f.Uint64(5, &r.Status)
	f.Uint64(6, &r.Code)
	f.Bytes(7, &r.Output)
}

// VerifyReceipt verifies a receipt of the ledger with that id (32 bytes) and key (96
// bytes), which the contract must know, and reads it.
func (*Context) VerifyReceipt(ledger [32]byte, key, receipt []byte) (*Receipt, bool) {
	if len(key) != 96 {
		return nil, false
	}
	out := crypto(opReceipt, ledger[:], key, receipt)
	r := new(Receipt)
	if out == nil || Decode(append([]byte(nil), out...), r) != nil {
		return nil, false
	}
	return r, true
}
