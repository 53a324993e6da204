package sbft

import (
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

// slot is one sequence number inside the window, in the current view.
type slot struct {
	seq ledger.Seq

	// The accepted proposal; nil body: none yet.
	body      *ledger.Body
	path      Path
	signature []byte
	accepted  Instant
	moved     Instant // when something last happened, for repeating
	signed    bool    // this replica's votes may leave (its records are durable)
	signedF   bool    // with a fast share

	prepared  certificate.Certificate // τ(h), nil: none
	committed *Proof
	proven    ledger.Hash // digest that the proof is about, body or not

	tallies []*tally // this replica as a collector
	expired bool     // the collector's patience is over
}

func (s *slot) id(view ledger.View) SlotID {
	return SlotID{View: view, Seq: s.seq, Digest: s.body.Digest}
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
