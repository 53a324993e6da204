package host

import (
	"crypto/sha256"

	"github.com/concordat-ledger/concordat/ledger/cryptography"
	"github.com/concordat-ledger/concordat/wasm/module"
)

// cryptoRandom answers without an input; all other operations are in the table.
const cryptoRandom = 2

// operation is a function of its input, with its price. A nil answer says that the
// statement does not hold.
type operation struct {
	do      func(in []byte) []byte
	base    uint64
	perByte uint64
	parts   func(in []byte) int // that the input claims to have; nil: none
	perPart uint64
}

// operations by number. Numbers are part of the interface and never used again for
// something else.
var operations = [...]operation{
	1:  {do: cryptography.SHA256, base: module.GasHash, perByte: module.GasHashByte},
	3:  {do: cryptography.SHA512, base: module.GasSHA512, perByte: module.GasSHA512Byte},
	4:  {do: cryptography.Keccak256, base: module.GasKeccak, perByte: module.GasKeccakByte},
	5:  {do: cryptography.BLAKE3Sum, base: module.GasBLAKE3, perByte: module.GasBLAKE3Byte},
	6:  {do: cryptography.Ed25519, base: module.GasEd25519, perByte: module.GasSHA512Byte},
	7:  {do: cryptography.P256, base: module.GasP256, perByte: module.GasHostByte},
	8:  {do: cryptography.Secp256k1, base: module.GasSecp256k1, perByte: module.GasHostByte},
	9:  {do: cryptography.Secp256k1Recover, base: module.GasSecp256k1Recover, perByte: module.GasHostByte},
	10: {do: cryptography.BLS, base: module.GasBLS + module.GasBLSSigner, perByte: module.GasHashByte},
	11: {do: cryptography.BLSAggregate, base: module.GasBLS, perByte: module.GasHashByte, parts: cryptography.BLSSigners, perPart: module.GasBLSSigner},
	12: {do: cryptography.MerkleInclusion, base: module.GasMerkle, perByte: module.GasHashByte, parts: cryptography.MerkleHashes, perPart: module.GasMerkleHash},
	13: {do: cryptography.Receipt, base: module.GasReceipt, perByte: module.GasHashByte},
}

// crypto answers with the length of what it wrote, 0 when what was to be verified
// does not hold, and -1 when there is no such operation. An answer that has no room
// is kept for fetch.
func (g *Guest) crypto(s []uint64) {
	op, ptr, n := arg(s, 0), arg(s, 1), arg(s, 2)
	if op == cryptoRandom {
		g.pay(module.GasHash)
		var out [sha256.Size]byte
		g.random.read(g.call, out[:])
		s[0] = uint64(g.give(arg(s, 3), arg(s, 4), out[:]))
		return
	}
	if op >= uint32(len(operations)) || operations[op].do == nil {
		s[0] = uint64(absent)
		return
	}
	o := &operations[op]
	g.pay(o.base + uint64(n)*o.perByte)
	in := g.bytes(ptr, n)
	if o.parts != nil {
		g.pay(uint64(o.parts(in)) * o.perPart) // #nosec G115 -- from 0 to 65,535
	}
	out := o.do(in)
	if uint64(len(out)) > uint64(arg(s, 4)) {
		g.pending = out
	}
	s[0] = uint64(g.give(arg(s, 3), arg(s, 4), out))
}
