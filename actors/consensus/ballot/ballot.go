// Package ballot stands between the ordering machine and the signing keys. It
// knows nothing of SBFT but one rule: for one (epoch, phase, view, sequence
// number) no second digest is ever signed, and nothing below the floor or of an
// earlier view than was signed before. It turns a bug of the machine, a restored
// old state or a second process into a refusal instead of an equivocation
// (after diem's safety-rules).
//
// In: votes about to leave, votes found in the log at start, the floor. Out: yes,
// or a Refusal. Kept: one digest per phase and slot above the floor. Durable:
// the vote log's records, written before Sign is asked. After a restart: Restore
// with every recorded vote.
package ballot

import (
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// Vote is what a signature is about to commit this replica to.
type Vote struct {
	Epoch  ledger.Epoch
	Phase  certificate.Phase
	View   ledger.View
	Seq    ledger.Seq
	Digest ledger.Hash
}

// Refusal says why a vote must not be signed. It never happens unless something
// is broken: the caller stops the replica.
type Refusal struct {
	Vote   Vote
	Reason string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("the ballot refuses to sign phase %d of slot %d in view %d: %s", r.Vote.Phase, r.Vote.Seq, r.Vote.View, r.Reason)
}

type place struct {
	epoch ledger.Epoch
	phase certificate.Phase
	seq   ledger.Seq
}

type signed struct {
	view   ledger.View
	digest ledger.Hash
}

// Ballot remembers what was signed. It is not safe for concurrent use.
type Ballot struct {
	votes map[place]signed // looked up only, never ranged over but to forget
	floor ledger.Seq
}

// New returns an empty ballot: nothing was ever signed with these keys.
func New() *Ballot { return &Ballot{votes: map[place]signed{}} }

// Record notes a vote that is durable and so may leave, or may have left. Asked
// again for the same vote it agrees; for one that contradicts it, it refuses.
func (b *Ballot) Record(v Vote) error {
	if v.Seq <= b.floor {
		return &Refusal{Vote: v, Reason: fmt.Sprintf("slots up to %d are settled", b.floor)}
	}
	at := place{v.Epoch, v.Phase, v.Seq}
	old, ok := b.votes[at]
	switch {
	case !ok || v.View > old.view:
		b.votes[at] = signed{v.View, v.Digest}
	case v.View < old.view:
		return &Refusal{Vote: v, Reason: fmt.Sprintf("it signed in the later view %d", old.view)}
	case v.Digest != old.digest:
		return &Refusal{Vote: v, Reason: "it signed another digest, " + old.digest.Short() + " and not " + v.Digest.Short()}
	}
	return nil
}

// May reports whether exactly this vote was recorded, which is the only reason
// to sign it.
func (b *Ballot) May(v Vote) error {
	if old, ok := b.votes[place{v.Epoch, v.Phase, v.Seq}]; ok && old == (signed{v.View, v.Digest}) {
		return nil
	}
	return &Refusal{Vote: v, Reason: "no such vote was recorded"}
}

// Raise settles all slots up to seq: they are in the store, and nothing more is
// signed for them.
func (b *Ballot) Raise(seq ledger.Seq) {
	if seq <= b.floor {
		return
	}
	b.floor = seq
	b.sortedForget()
}

// sortedForget drops what lies at or below the floor; the order of deletion
// does not show.
func (b *Ballot) sortedForget() {
	for at := range b.votes {
		if at.seq <= b.floor {
			delete(b.votes, at)
		}
	}
}

// Len is the number of votes remembered.
func (b *Ballot) Len() int { return len(b.votes) }
