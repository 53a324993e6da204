package sbft

import (
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
)

// Seal computes the payload from view and set, before a message of one's own is signed.
func (nv *NewView) Seal(id ledger.ID, epoch ledger.Epoch) {
	w := ledger.NewWriter(domainNewView, 64+40*len(nv.Set)).Hash(id).U64(uint64(epoch)).U64(uint64(nv.View))
	w.U32(uint32(len(nv.Set))) // #nosec G115 -- at most n
	for _, r := range nv.Set {
		w.U16(uint16(r.From)).Hash(r.Digest)
	}
	nv.Payload = w.Done()
}

// ParseNewView reads a message's exact bytes and those of the view-change messages
// that come with it (payload and signature each), if any. It checks that the set is
// one: exactly n - f replicas, ascending, and that the messages are the ones it names.
// Signatures are not verified yet.
func ParseNewView(p Params, payload, sig []byte, bodies [][2][]byte) (*NewView, error) {
	n := p.Quorum.N()
	r := ledger.NewReader(domainNewView, payload)
	of, ep := r.Hash(), ledger.Epoch(r.U64())
	nv := &NewView{View: ledger.View(r.U64()), Payload: payload, Signature: sig}
	for range r.Count(2+ledger.HashSize, n) {
		nv.Set = append(nv.Set, Reference{From: ledger.ReplicaID(r.U16()), Digest: r.Hash()})
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("%w: read a new-view message: %w", ErrEvidence, err)
	}
	if of != p.Ledger || ep != p.Epoch || nv.View == 0 {
		return nil, fmt.Errorf("%w: it belongs to another ledger or names no view", ErrEvidence)
	}
	if len(nv.Set) != p.Quorum.ViewChange() {
		return nil, fmt.Errorf("%w: %w: %d messages", ErrEvidence, ErrViewChangeSet, len(nv.Set))
	}
	for i, ref := range nv.Set {
		if int(ref.From) >= n || i > 0 && ref.From <= nv.Set[i-1].From {
			return nil, fmt.Errorf("%w: %w", ErrEvidence, ErrViewChangeSet)
		}
	}
	return nv, nv.attach(p, bodies)
}

// attach parses the messages that came along.
func (nv *NewView) attach(p Params, bodies [][2][]byte) error {
	if len(bodies) == 0 {
		return nil
	}
	if len(bodies) != len(nv.Set) {
		return fmt.Errorf("%w: a new view of %d messages with %d of them", ErrEvidence, len(nv.Set), len(bodies))
	}
	for i, b := range bodies {
		vc, err := ParseViewChange(p, b[0], b[1])
		if err != nil {
			return err
		}
		if vc.From != nv.Set[i].From || vc.Digest != nv.Set[i].Digest || vc.View != nv.View {
			return fmt.Errorf("%w: a message is not the one that the new view names", ErrEvidence)
		}
		nv.Bodies = append(nv.Bodies, vc)
	}
	return nil
}

// Check verifies the primary's signature and the messages that came along.
func (nv *NewView) Check(p Params, v Verifier) error {
	primary := p.Quorum.Primary(nv.View)
	if !v.Signature(primary, nv.Payload, nv.Signature) {
		return fmt.Errorf("%w: the new-view message for view %d is not signed by %s", ErrEvidence, nv.View, primary)
	}
	for _, vc := range nv.Bodies {
		if err := vc.Check(p, v); err != nil {
			return err
		}
	}
	return nil
}
