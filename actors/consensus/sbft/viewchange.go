package sbft

import (
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// Proven is a value with the certificate that proves it.
type Proven struct {
	Known
	Fast        bool // of a commit: σ(h), else τ(τ(h))
	Certificate certificate.Certificate
}

// SlotEvidence is what a replica shows of one slot when it leaves a view.
// Accepted is its word alone: the message's signature stands for the fast share
// (as in concord-bft), because a liar could sign any share of its own anyway.
type SlotEvidence struct {
	Seq       ledger.Seq
	Committed *Proven
	Prepared  *Proven // the prepared certificate of the highest view
	Accepted  *Known  // the proposal of the highest view that it accepted
}

// ViewChange is a replica's view-change message: what it knows of all slots
// above the highest checkpoint that it can prove. Payload is the exact bytes that
// are signed; everything else is read from it.
type ViewChange struct {
	From       ledger.ReplicaID
	View       ledger.View // it moves there
	Stable     Checkpoint
	Slots      []SlotEvidence // ascending
	Complaints []Complaint    // f+1 of different replicas, each about View-1 or later
	Payload    []byte
	Signature  []byte
	Digest     ledger.Hash // of Payload
}

// Reference names a view-change message.
type Reference struct {
	From   ledger.ReplicaID
	Digest ledger.Hash
}

// NewView is a new primary's message: which n - f view-change messages the view
// rests on. What follows from them everyone computes alone.
type NewView struct {
	View      ledger.View
	Set       []Reference   // exactly n - f, ascending by replica
	Bodies    []*ViewChange // the messages themselves, in the order of Set, or none
	Payload   []byte
	Signature []byte // of the primary of View
}

// ErrEvidence is wrapped by every reason not to take a complaint, a view-change or
// a new-view message.
var ErrEvidence = errors.New("unacceptable view-change evidence")

// Verifier checks signatures. It is what the simulator replaces.
type Verifier interface {
	// Certificate verifies a certificate over a statement.
	Certificate(st certificate.Statement, cert certificate.Certificate) error
	// Signature verifies what a replica's signing key signed.
	Signature(by ledger.ReplicaID, message, sig []byte) bool
}

const (
	domainComplaint  ledger.Domain = "concordat/complaint/1"
	domainViewChange ledger.Domain = "concordat/view-change/1"
	domainNewView    ledger.Domain = "concordat/new-view/1"
)

// ComplaintBytes is what a complaint signs.
func ComplaintBytes(id ledger.ID, epoch ledger.Epoch, from ledger.ReplicaID, view ledger.View) []byte {
	return ledger.NewWriter(domainComplaint, 80).Hash(id).U64(uint64(epoch)).U16(uint16(from)).U64(uint64(view)).Done()
}

// Seal computes Payload and Digest from the rest, before a message of one's own is signed.
func (vc *ViewChange) Seal(id ledger.ID, epoch ledger.Epoch) {
	w := ledger.NewWriter(domainViewChange, 256+160*len(vc.Slots)).Hash(id).U64(uint64(epoch)).U16(uint16(vc.From)).U64(uint64(vc.View)).
		U64(uint64(vc.Stable.Seq)).Hash(vc.Stable.Digest).Bytes(vc.Stable.Certificate)
	writeComplaints(w, vc.Complaints)
	w.U32(uint32(len(vc.Slots))) // #nosec G115 -- at most a window
	for i := range vc.Slots {
		writeEvidence(w, &vc.Slots[i])
	}
	vc.Payload = w.Done()
	vc.Digest = viewChangeDigest(vc.Payload)
}

func viewChangeDigest(payload []byte) ledger.Hash {
	return ledger.NewWriter(domainViewChange, 64+len(payload)).Bytes(payload).Sum()
}

// What a slot's evidence holds, as bits.
const (
	hasCommitted = 1
	hasFast      = 2
	hasPrepared  = 4
	hasAccepted  = 8
)

func writeEvidence(w *ledger.Writer, e *SlotEvidence) {
	var bits uint8
	if e.Committed != nil {
		bits |= hasCommitted
		if e.Committed.Fast {
			bits |= hasFast
		}
	}
	if e.Prepared != nil {
		bits |= hasPrepared
	}
	if e.Accepted != nil {
		bits |= hasAccepted
	}
	w.U64(uint64(e.Seq)).U8(bits)
	for _, c := range []*Proven{e.Committed, e.Prepared} {
		if c != nil {
			w.U64(uint64(c.View)).Hash(c.Digest).Bytes(c.Certificate)
		}
	}
	if e.Accepted != nil {
		w.U64(uint64(e.Accepted.View)).Hash(e.Accepted.Digest)
	}
}

func readEvidence(r *ledger.Reader) (e SlotEvidence, bits uint8) {
	e.Seq = ledger.Seq(r.U64())
	bits = r.U8()
	read := func(fast bool) *Proven {
		return &Proven{Known: Known{View: ledger.View(r.U64()), Digest: r.Hash()}, Fast: fast,
			Certificate: r.Bytes(certificate.CertificateBytesMax)}
	}
	if bits&hasCommitted != 0 {
		e.Committed = read(bits&hasFast != 0)
	}
	if bits&hasPrepared != 0 {
		e.Prepared = read(false)
	}
	if bits&hasAccepted != 0 {
		e.Accepted = &Known{View: ledger.View(r.U64()), Digest: r.Hash()}
	}
	return e, bits
}

func writeComplaints(w *ledger.Writer, list []Complaint) {
	w.U32(uint32(len(list))) // #nosec G115 -- f+1
	for _, c := range list {
		w.U16(uint16(c.From)).U64(uint64(c.View)).Bytes(c.Signature)
	}
}

func readComplaints(r *ledger.Reader, limit int) (out []Complaint) {
	for range r.Count(14, limit) {
		out = append(out, Complaint{From: ledger.ReplicaID(r.U16()), View: ledger.View(r.U64()), Signature: r.Bytes(ledger.SignatureSize)})
	}
	return out
}

// ParseViewChange reads a message's exact bytes. Nothing is verified yet.
func ParseViewChange(p Params, payload, sig []byte) (*ViewChange, error) {
	id, epoch, n, window := p.Ledger, p.Epoch, p.Quorum.N(), p.Window
	r := ledger.NewReader(domainViewChange, payload)
	of, ep := r.Hash(), ledger.Epoch(r.U64())
	vc := &ViewChange{From: ledger.ReplicaID(r.U16()), View: ledger.View(r.U64()), Payload: payload, Signature: sig}
	vc.Stable = Checkpoint{Seq: ledger.Seq(r.U64()), Digest: r.Hash(), Certificate: r.Bytes(certificate.CertificateBytesMax)}
	vc.Complaints = readComplaints(r, n)
	var odd bool
	for range r.Count(9, window) {
		e, bits := readEvidence(r)
		odd = odd || bits == 0 || bits > 15 || bits&(hasCommitted|hasFast) == hasFast
		vc.Slots = append(vc.Slots, e)
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("%w: read a view-change message: %w", ErrEvidence, err)
	}
	if of != id || ep != epoch || odd || int(vc.From) >= n {
		return nil, fmt.Errorf("%w: it belongs to another ledger or is malformed", ErrEvidence)
	}
	vc.Digest = viewChangeDigest(payload)
	return vc, nil
}

// Check verifies everything that a view-change message claims and proves: who sent
// it, why, its checkpoint and its certificates. What does not verify spoils the whole
// message: an honest replica sends nothing of the kind.
func (vc *ViewChange) Check(p Params, v Verifier) error {
	if !v.Signature(vc.From, vc.Payload, vc.Signature) {
		return fmt.Errorf("%w: the view-change message is not signed by %s", ErrEvidence, vc.From)
	}
	if err := vc.checkComplaints(p, v); err != nil {
		return err
	}
	if err := vc.Stable.check(p, v); err != nil {
		return err
	}
	last := vc.Stable.Seq
	end := last + ledger.Seq(p.Window) // #nosec G115 -- positive
	for i := range vc.Slots {
		e := &vc.Slots[i]
		if e.Seq <= last || e.Seq > end {
			return fmt.Errorf("%w: slot %d is out of order or outside the window", ErrEvidence, e.Seq)
		}
		last = e.Seq
		if err := e.check(vc.View, p, v); err != nil {
			return err
		}
	}
	return nil
}

// checkComplaints verifies that f+1 different replicas complained about the view
// before, or a later one.
func (vc *ViewChange) checkComplaints(p Params, v Verifier) error {
	if vc.View == 0 || len(vc.Complaints) != p.Quorum.Weak() {
		return fmt.Errorf("%w: view %d is justified by %d complaints", ErrEvidence, vc.View, len(vc.Complaints))
	}
	for i, c := range vc.Complaints {
		for _, other := range vc.Complaints[:i] {
			if other.From == c.From {
				return fmt.Errorf("%w: %s complains twice", ErrEvidence, c.From)
			}
		}
		if c.View+1 < vc.View || c.View == ^ledger.View(0) {
			return fmt.Errorf("%w: a complaint about view %d does not justify view %d", ErrEvidence, c.View, vc.View)
		}
		if err := c.Check(p, v); err != nil {
			return err
		}
	}
	return nil
}

// Check verifies a complaint's signature.
func (c Complaint) Check(p Params, v Verifier) error {
	if int(c.From) >= p.Quorum.N() || !v.Signature(c.From, ComplaintBytes(p.Ledger, p.Epoch, c.From, c.View), c.Signature) {
		return fmt.Errorf("%w: the complaint about view %d is not signed by %s", ErrEvidence, c.View, c.From)
	}
	return nil
}

// check verifies a checkpoint; genesis needs no certificate.
func (c Checkpoint) check(p Params, v Verifier) error {
	if c.Seq == 0 {
		return nil
	}
	st := Statement(p.Ledger, p.Epoch, certificate.Checkpoint, SlotID{Seq: c.Seq, Digest: c.Digest})
	if err := v.Certificate(st, c.Certificate); err != nil {
		return fmt.Errorf("%w: the checkpoint at %d: %w", ErrEvidence, c.Seq, err)
	}
	return nil
}

// check verifies one slot's certificates, and that nothing is claimed of the view to
// come or a later one.
func (e *SlotEvidence) check(view ledger.View, p Params, v Verifier) error {
	verify := func(c *Proven, phase certificate.Phase) error {
		if c == nil {
			return nil
		}
		st := Statement(p.Ledger, p.Epoch, phase, SlotID{View: c.View, Seq: e.Seq, Digest: c.Digest})
		if err := v.Certificate(st, c.Certificate); err != nil {
			return fmt.Errorf("%w: slot %d: %w", ErrEvidence, e.Seq, err)
		}
		return nil
	}
	phase := certificate.Commit
	if e.Committed != nil && e.Committed.Fast {
		phase = certificate.Fast
	}
	if e.Prepared != nil && e.Prepared.View >= view || e.Accepted != nil && e.Accepted.View >= view {
		return fmt.Errorf("%w: slot %d: evidence of a view that is not over", ErrEvidence, e.Seq)
	}
	return errors.Join(verify(e.Committed, phase), verify(e.Prepared, certificate.Prepare))
}
