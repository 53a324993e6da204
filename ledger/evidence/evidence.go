// Package evidence holds proofs of misbehaviour that convince anyone who has the
// genesis file, without trusting who shows them.
//
// In: two statements that one replica signed and that no honest replica signs both.
// Out: a proof of exact bytes, which names the replica, and its verdict.
package evidence

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/quorum"
	"github.com/concordat-ledger/concordat/ledger/signature"
)

// Proposal is what a primary signed about a slot.
type Proposal struct {
	Path      uint8
	Digest    ledger.Hash
	Signature [ledger.SignatureSize]byte
}

// Equivocation proves that the primary of a view proposed two contents for one
// slot. First has the smaller digest, so that a pair has one form.
type Equivocation struct {
	Ledger        ledger.ID
	Epoch         ledger.Epoch
	View          ledger.View
	Seq           ledger.Seq
	First, Second Proposal
}

// ErrEvidence is wrapped by every error about evidence that proves nothing.
var ErrEvidence = errors.New("the evidence proves nothing")

// Order puts the two proposals into their one order.
func (e *Equivocation) Order() {
	if bytes.Compare(e.First.Digest[:], e.Second.Digest[:]) > 0 {
		e.First, e.Second = e.Second, e.First
	}
}

// Marshal is the exact form, some 330 bytes.
func (e *Equivocation) Marshal() []byte {
	w := ledger.NewWriter(ledger.DomainEvidence, 340).Hash(e.Ledger).U64(uint64(e.Epoch)).U64(uint64(e.View)).U64(uint64(e.Seq))
	for _, p := range []*Proposal{&e.First, &e.Second} {
		w.U8(p.Path).Hash(p.Digest).Bytes(p.Signature[:])
	}
	return w.Done()
}

// ID is the hash by which evidence is known.
func (e *Equivocation) ID() ledger.Hash {
	return ledger.NewWriter(ledger.DomainEvidence, 400).Bytes(e.Marshal()).Sum()
}

// Parse reads what Marshal wrote and refuses everything else. It verifies nothing.
func Parse(b []byte) (*Equivocation, error) {
	r := ledger.NewReader(ledger.DomainEvidence, b)
	e := &Equivocation{Ledger: r.Hash(), Epoch: ledger.Epoch(r.U64()), View: ledger.View(r.U64()), Seq: ledger.Seq(r.U64())}
	for _, p := range []*Proposal{&e.First, &e.Second} {
		p.Path, p.Digest = r.U8(), r.Hash()
		if sig := r.Bytes(ledger.SignatureSize); len(sig) == ledger.SignatureSize {
			p.Signature = [ledger.SignatureSize]byte(sig)
		} else {
			return nil, fmt.Errorf("read evidence: %w: a signature has %d bytes", ledger.ErrLayout, len(sig))
		}
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	return e, nil
}

// Culprit is the replica that the evidence names.
func (e *Equivocation) Culprit(q quorum.Config) ledger.ReplicaID { return q.Primary(e.View) }

// Verify checks the evidence against a ledger's founding. nil means that the culprit
// signed both proposals, which an honest replica never does, whatever happened to it.
func (e *Equivocation) Verify(id ledger.ID, g *ledger.Genesis) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrEvidence, fmt.Sprintf(format, args...))
	}
	q, err := quorum.New(g.F, g.C)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrEvidence, err)
	}
	replicas := g.Replicas()
	switch culprit := e.Culprit(q); {
	case e.Ledger != id:
		return bad("it is of another ledger, %s", e.Ledger)
	case bytes.Compare(e.First.Digest[:], e.Second.Digest[:]) >= 0:
		return bad("its proposals are the same, or not in order")
	case int(culprit) >= len(replicas) || len(replicas[culprit].SigningKey) != ledger.PublicKeySize:
		return bad("genesis has no key of %s", culprit)
	default:
		key := signature.PublicKey(replicas[culprit].SigningKey)
		for _, p := range []*Proposal{&e.First, &e.Second} {
			if !signature.Verify(key, ledger.ProposalBytes(e.Ledger, e.Epoch, e.View, e.Seq, p.Path, p.Digest), p.Signature[:]) {
				return bad("%s did not sign the proposal %s", culprit, p.Digest.Short())
			}
		}
	}
	return nil
}
