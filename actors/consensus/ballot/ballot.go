// Package ballot stands between the ordering machine and the signing keys. It
// knows nothing of SBFT but this: for one (epoch, phase, view, sequence number) no
// second digest is ever signed, nothing below the floor, nothing of a view that this
// replica has left, and no second new-view message for a view. It turns a bug of the machine, a restored
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
	votes   map[place]signed // looked up only, never ranged over but to forget
	floor   ledger.Seq
	view    ledger.View // nothing is signed in an earlier one
	newView signed      // the newest new-view message of our own
}

// New returns an empty ballot: nothing was ever signed with these keys.
func New() *Ballot { return &Ballot{votes: map[place]signed{}} }

// Record notes a vote that is durable and so may leave, or may have left. Asked
// again for the same vote it agrees; for one that contradicts it, it refuses.
func (b *Ballot) Record(v Vote) error {
	if v.Seq <= b.floor {
		return &Refusal{Vote: v, Reason: fmt.Sprintf("slots up to %d are settled", b.floor)}
	}
	if v.View < b.view && v.Phase != certificate.Checkpoint {
		return &Refusal{Vote: v, Reason: fmt.Sprintf("it has left that view for view %d", b.view)}
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
	if v.View < b.view && v.Phase != certificate.Checkpoint {
		return &Refusal{Vote: v, Reason: fmt.Sprintf("it has left that view for view %d", b.view)}
	}
	if old, ok := b.votes[place{v.Epoch, v.Phase, v.Seq}]; ok && old == (signed{v.View, v.Digest}) {
		return nil
	}
	return &Refusal{Vote: v, Reason: "no such vote was recorded"}
}

// Leave notes that this replica has moved to a view, durably: nothing is signed in
// an earlier one any more.
func (b *Ballot) Leave(to ledger.View) { b.view = max(b.view, to) }

// NewView notes the new-view message that this replica, as the primary of a view, is
// about to sign. A second one for the same view is refused.
func (b *Ballot) NewView(view ledger.View, digest ledger.Hash) error {
	if view < b.view {
		return &Refusal{Vote: Vote{View: view, Digest: digest}, Reason: fmt.Sprintf("it has left that view for view %d", b.view)}
	}
	b.Leave(view)
	if b.newView.digest != (ledger.Hash{}) && (view < b.newView.view || view == b.newView.view && digest != b.newView.digest) {
		return &Refusal{Vote: Vote{View: view, Digest: digest}, Reason: fmt.Sprintf("it signed another new view for view %d", b.newView.view)}
	}
	b.newView = signed{view, digest}
	return nil
}

// MayNewView reports whether exactly this new-view message was recorded.
func (b *Ballot) MayNewView(view ledger.View, digest ledger.Hash) bool {
	return view >= b.view && b.newView == signed{view, digest}
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
