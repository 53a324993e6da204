package certificate

import (
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
)

const domainFinality ledger.Domain = "concordat/finality/1"

// Finality makes a decision final to anyone who has the members' keys: the commit
// certificate of a block, and the view and path that it was formed on.
type Finality struct {
	View        ledger.View
	Fast        bool
	Certificate Certificate
}

// Marshal is the proof's layout in the store and on its way to others.
func (p *Finality) Marshal() []byte {
	fast := uint8(0)
	if p.Fast {
		fast = 1
	}
	return ledger.NewWriter(domainFinality, 16+len(p.Certificate)).U64(uint64(p.View)).U8(fast).Bytes(p.Certificate).Done()
}

// ParseFinality reads what Marshal wrote and refuses everything else, so that one
// proof has one byte form.
func ParseFinality(b []byte) (*Finality, error) {
	r := ledger.NewReader(domainFinality, b)
	p := &Finality{View: ledger.View(r.U64())}
	path := r.U8()
	p.Fast, p.Certificate = path == 1, r.Bytes(CertificateBytesMax)
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("read a commit proof: %w", err)
	}
	if path > 1 {
		return nil, fmt.Errorf("read a commit proof: %w: there is no path %d", ledger.ErrLayout, path)
	}
	return p, nil
}

// Statement is what the proof's certificate signs.
func (p *Finality) Statement(id ledger.ID, epoch ledger.Epoch, seq ledger.Seq, digest ledger.Hash) Statement {
	st := Statement{Ledger: id, Epoch: epoch, View: p.View, Seq: seq, Phase: Commit, Digest: digest}
	if p.Fast {
		st.Phase = Fast
	}
	return st
}

// VerifyCommit checks the stored proof that a block was agreed.
func VerifyCommit(keys Scheme, id ledger.ID, epoch ledger.Epoch, h *ledger.Header, proof []byte) error {
	p, err := ParseFinality(proof)
	if err != nil {
		return err
	}
	return keys.Verify(p.Statement(id, epoch, ledger.Seq(h.Height), h.ProposalDigest()), p.Certificate)
}
