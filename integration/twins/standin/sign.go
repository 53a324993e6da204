package standin

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// Signature is what a replica's signing key would make of a message.
func Signature(by ledger.ReplicaID, message []byte) []byte {
	var buf [2 + sha256.Size]byte
	binary.BigEndian.PutUint16(buf[:], uint16(by))
	digest := sha256.Sum256(message)
	copy(buf[2:], digest[:])
	return buf[:]
}

// Share is a replica's share over a slot in a phase.
func Share(by ledger.ReplicaID, phase certificate.Phase, slot sbft.SlotID) []byte {
	return append(statement(phase, slot), byte(by>>8), byte(by)) // #nosec G115 -- the two bytes of the id
}

// Certificate is what enough shares make. It does not depend on whose they were.
func Certificate(phase certificate.Phase, slot sbft.SlotID) certificate.Certificate {
	return statement(phase, slot)
}

func statement(phase certificate.Phase, slot sbft.SlotID) []byte {
	buf := make([]byte, 0, 51)
	buf = append(buf, byte(phase))
	buf = binary.BigEndian.AppendUint64(buf, uint64(slot.View))
	buf = binary.BigEndian.AppendUint64(buf, uint64(slot.Seq))
	return append(buf, slot.Digest[:]...)
}

// Combine checks every share and makes a certificate if enough are good.
func Combine(q quorum.Config, w sbft.Combine) sbft.Combined {
	out := sbft.Combined{Slot: w.Slot, Phase: w.Phase}
	good := 0
	for i, s := range w.Shares {
		if i > 0 && s.Signer <= w.Shares[i-1].Signer || !bytes.Equal(s.Signature, Share(s.Signer, w.Phase, w.Slot)) {
			out.Bad = append(out.Bad, s.Signer)
			continue
		}
		good++
	}
	if good >= w.Phase.Threshold(q) {
		out.Certificate = Certificate(w.Phase, w.Slot)
	}
	return out
}

// Verifier checks stand-ins.
type Verifier struct{}

// Certificate implements sbft.Verifier.
func (Verifier) Certificate(st certificate.Statement, cert certificate.Certificate) error {
	if !bytes.Equal(cert, statement(st.Phase, sbft.SlotID{View: st.View, Seq: st.Seq, Digest: st.Digest})) {
		return certificate.ErrInvalid
	}
	return nil
}

// Signature implements sbft.Verifier.
func (Verifier) Signature(by ledger.ReplicaID, message, sig []byte) bool {
	return bytes.Equal(sig, Signature(by, message))
}
