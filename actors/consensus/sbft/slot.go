package sbft

import (
	"slices"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// shares collects one phase's shares of a slot, one per replica, first wins.
// Shares are unverified until a combination succeeds.
type shares struct {
	from      [][]byte // by replica; nil: none, or found bad
	count     int
	combining bool
}

func (s *shares) add(n int, from ledger.ReplicaID, share []byte) {
	if s.from == nil {
		s.from = make([][]byte, n)
	}
	if int(from) < n && s.from[from] == nil && len(share) > 0 {
		s.from[from] = share
		s.count++
	}
}

func (s *shares) drop(from ledger.ReplicaID) {
	if int(from) < len(s.from) && s.from[from] != nil {
		s.from[from] = nil
		s.count--
	}
}

// list gives the shares in ascending order of signers.
func (s *shares) list() []certificate.Share {
	out := make([]certificate.Share, 0, s.count)
	for id, sig := range s.from {
		if sig != nil {
			out = append(out, certificate.Share{Signer: ledger.ReplicaID(id), Signature: sig}) // #nosec G115 -- id < n
		}
	}
	return out
}

// tally holds what a collector gathered for one digest of a slot. Votes may
// arrive before the proposal, and a faulty primary may cause votes for several
// digests, so there is one tally per digest, at most n of them.
type tally struct {
	slot    SlotID
	fast    shares // σ
	prepare shares // τ
	commit  shares // τ over τ
}

// held is a proposal's body, and whether the vote log has it.
type held struct {
	body     *ledger.Body
	recorded bool
}

// head is the signed head of a proposal that was accepted in a view.
type head struct {
	view ledger.View
	SignedProposal
	told bool // to everyone, because another value was seen
}

// slot is one sequence number inside the window. What it knows of earlier views
// is evidence for the next view change; everything else is of the current view.
type slot struct {
	seq ledger.Seq

	// Evidence, over all views.
	accepted *Known  // the proposal of the highest view that was accepted; durable
	prepared *Proven // the prepared certificate of the highest view; durable
	// committed is final. Its body may come later; proven is its digest.
	committed *Proof
	proven    ledger.Hash
	bodies    []held // of the digests above and of chosen; none once the block is in the store
	head      *head  // the newest signed head seen accepted here
	stored    bool   // the block is in the store: no body is needed any more

	// The current view's.
	chosen     *ledger.Hash // the view's value whose body is not here yet
	early      *PrePrepare  // came before the view was entered
	path       Path
	acceptedAt Instant
	moved      Instant  // when something last happened, for repeating
	signed     bool     // this replica's votes may leave (their records are durable)
	signedF    bool     // with a fast share
	fetches    int      // how often its body was asked for
	tallies    []*tally // this replica as a collector
	expired    bool     // the collector's patience is over
}

// leaveView forgets what belongs to the view that ends.
func (s *slot) leaveView() {
	s.chosen, s.early, s.signed, s.signedF, s.expired, s.fetches = nil, nil, false, false, false, 0
	s.tallies = nil
}

// in reports whether a value was accepted in a view.
func (s *slot) in(view ledger.View) bool { return s.accepted != nil && s.accepted.View == view }

// id names the attempt in the view in which the slot's value was accepted last.
func (s *slot) id() SlotID {
	return SlotID{View: s.accepted.View, Seq: s.seq, Digest: s.accepted.Digest}
}

// body returns the body of a digest, nil when it is not here.
func (s *slot) body(digest ledger.Hash) *ledger.Body {
	for _, h := range s.bodies {
		if h.body.Digest == digest {
			return h.body
		}
	}
	return nil
}

// keepBody adds a body; it stays as long as something refers to it.
func (s *slot) keepBody(b *ledger.Body, recorded bool) {
	for i := range s.bodies {
		if s.bodies[i].body.Digest == b.Digest {
			s.bodies[i].recorded = s.bodies[i].recorded || recorded
			return
		}
	}
	s.bodies = slices.DeleteFunc(s.bodies, func(h held) bool { return !s.refers(h.body.Digest) })
	s.bodies = append(s.bodies, held{b, recorded})
}

func (s *slot) refers(digest ledger.Hash) bool {
	return s.accepted != nil && s.accepted.Digest == digest || s.prepared != nil && s.prepared.Digest == digest ||
		s.committed != nil && s.proven == digest || s.chosen != nil && *s.chosen == digest
}

// recorded reports whether the vote log or the store has a digest's body.
func (s *slot) recorded(digest ledger.Hash) bool {
	for _, h := range s.bodies {
		if h.body.Digest == digest {
			return h.recorded
		}
	}
	return s.stored && s.proven == digest
}

// wants is the digest whose body is missing for going on.
func (s *slot) wants() (ledger.Hash, bool) {
	switch {
	case s.stored:
		return ledger.Hash{}, false
	case s.chosen != nil && s.body(*s.chosen) == nil:
		return *s.chosen, true
	case s.committed != nil && s.body(s.proven) == nil:
		return s.proven, true
	}
	return ledger.Hash{}, false
}

// tallyFor returns the tally of a digest, or nil when a liar has used up the n
// that a slot may have.
func (s *slot) tallyFor(id SlotID, n int) *tally {
	for _, t := range s.tallies {
		if t.slot == id {
			return t
		}
	}
	if len(s.tallies) >= n {
		return nil
	}
	t := &tally{slot: id}
	s.tallies = append(s.tallies, t)
	return t
}
