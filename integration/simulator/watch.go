package simulator

import (
	"slices"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// watch holds what must be true (A1 to A4 and A6 to A12 of docs/consensus.md). It computes with nothing of
// the product's.
type watch struct {
	w        *world
	agreed   map[ledger.Seq]ledger.Hash // A1: what the first honest replica took as decided
	states   map[int]ledger.Hash        // A3: the state after a height
	place    map[ledger.Hash]int        // where a transaction was executed first
	counts   map[ledger.Hash]int        // honest and other replicas that executed it
	acked    map[ledger.Hash]int        // A4: height of what a client was told
	votes    map[voteKey]ledger.Hash    // A6, A2: what a replica signed, over all lives
	left     []map[voteKey]ledger.Hash  // A7: by identity
	stables  []ledger.Seq               // A10: by node
	proposed map[ledger.Hash]ledger.Time
}

// voteKey is what one replica may sign one digest for.
type voteKey struct {
	id    ledger.ReplicaID
	phase certificate.Phase
	view  ledger.View
	seq   ledger.Seq
}

func newWatch(w *world) *watch {
	v := &watch{w: w, agreed: map[ledger.Seq]ledger.Hash{}, states: map[int]ledger.Hash{}, place: map[ledger.Hash]int{},
		counts: map[ledger.Hash]int{}, acked: map[ledger.Hash]int{}, votes: map[voteKey]ledger.Hash{}, proposed: map[ledger.Hash]ledger.Time{}}
	for range 2 * w.plan.q.N() {
		v.stables = append(v.stables, 0)
		v.left = append(v.left, map[voteKey]ledger.Hash{})
	}
	return v
}

// A6: no honest replica signs two digests for one view, slot and phase, over all its
// lives; and nothing in a view that it has left.
func (v *watch) signed(n *node, st certificate.Statement) {
	if n.byzantine() {
		return
	}
	key := voteKey{n.id, st.Phase, st.View, st.Seq}
	if old, ok := v.votes[key]; ok && old != st.Digest {
		v.w.fail("A6: replica %s signs %s and %s for slot %d of view %d in phase %d", n.name(), old.Short(), st.Digest.Short(), st.Seq, st.View, st.Phase)
	}
	if st.View < n.top && st.Phase != certificate.Checkpoint {
		v.w.fail("A6: replica %s signs in view %d after it moved to %d", n.name(), st.View, n.top)
	}
	v.votes[key] = st.Digest
	v.left[n.id][key] = st.Digest
}

// A7: every vote that left is found on disk after a crash, as long as its slot is not
// settled by a stable checkpoint.
func (v *watch) restored(n *node, records []sbft.Record) {
	if n.byzantine() {
		return
	}
	found := map[voteKey]ledger.Hash{}
	for _, r := range records {
		if r.Kind == sbft.RecordVote {
			if vote, err := sbft.ParseVote(r); err == nil {
				found[voteKey{n.id, vote.Phase, vote.Slot.View, vote.Slot.Seq}] = vote.Slot.Digest
			}
		}
	}
	stable := n.machine.Stable().Seq
	for key, digest := range v.left[n.id] { // the order does not show: any that is missing fails the run
		if key.seq <= stable {
			delete(v.left[n.id], key)
			continue
		}
		if found[key] != digest {
			v.w.fail("A7: replica %s has lost its vote for slot %d of view %d, phase %d", n.name(), key.seq, key.view, key.phase)
			return
		}
	}
	if n.machine.View() < n.written {
		v.w.fail("A11: replica %s had recorded view %d and comes back in %d", n.name(), n.written, n.machine.View())
	}
}

// stepped checks a machine after each input: A9, A11.
func (v *watch) stepped(n *node) {
	m := n.machine
	if m.SlotsKept() > 2*v.w.plan.window {
		v.w.fail("A9: replica %s keeps %d slots with a window of %d", n.name(), m.SlotsKept(), v.w.plan.window)
	}
	if view := m.View(); view != n.top {
		if view < n.top && !n.byzantine() {
			v.w.fail("A11: replica %s goes from view %d back to %d", n.name(), n.top, view)
		}
		n.top = max(n.top, view)
	}
	if len(n.inbox) > inboxMax || len(n.out.Send) > 64*v.w.plan.q.N()*v.w.plan.window {
		v.w.fail("A9: replica %s has %d messages waiting and %d to send", n.name(), len(n.inbox), len(n.out.Send))
	}
}

// size bounds messages (A9): evidence of a window with certificates, and some.
func (v *watch) size(what string, bytes int) {
	if limit := 1024 + v.w.plan.window*(256+8*v.w.plan.q.N()); bytes > limit {
		v.w.fail("A9: a %s of %d bytes, the bound is %d", what, bytes, limit)
	}
}

// decided checks a decision of an honest machine: A1, A2, A12.
func (v *watch) decided(n *node, d sbft.Decision) {
	if n.byzantine() {
		return
	}
	v.one(n, d.Seq, d.Body.Digest)
	v.formed(n, d)
	if at := d.Body.Time; at > ledger.Time(v.w.now)+1<<40+2*clockBound {
		v.w.fail("A12: slot %d has a time %d ms ahead of every honest clock", d.Seq, (at-ledger.Time(v.w.now)-1<<40)/1e6)
	}
}

func (v *watch) one(n *node, seq ledger.Seq, digest ledger.Hash) {
	if old, ok := v.agreed[seq]; ok && old != digest {
		v.w.fail("A1: replica %s decides %s for slot %d, another one %s", n.name(), digest.Short(), seq, old.Short())
	}
	v.agreed[seq] = digest
}

// formed is A2: of the signers that a commit certificate names the honest ones did
// sign, and there are as many as arithmetic asks for.
func (v *watch) formed(n *node, d sbft.Decision) {
	phase, need := certificate.Commit, 2*v.w.plan.q.F+v.w.plan.q.C+1
	if d.Proof.Fast {
		phase, need = certificate.Fast, 3*v.w.plan.q.F+v.w.plan.q.C+1
	}
	seen := 0
	ids := v.w.scheme.signers(d.Proof.Certificate)
	if ids == nil {
		return // a threshold signature names nobody
	}
	for _, id := range ids {
		seen++
		if !v.w.liar(id) && v.votes[voteKey{id, phase, d.Proof.View, d.Seq}] != d.Body.Digest {
			v.w.fail("A2: replica %s decides slot %d by a certificate with the name of replica %d, which did not sign", n.name(), d.Seq, id)
		}
	}
	if seen < need {
		v.w.fail("A2: replica %s decides slot %d by %d signers", n.name(), d.Seq, seen)
	}
}

// executed checks a block of an honest chain, and counts acknowledgements: A1, A3, A4.
func (v *watch) executed(n *node, h int, b block) {
	if !n.byzantine() {
		v.one(n, ledger.Seq(h), b.body.Digest) // #nosec G115 -- positive
		if old, ok := v.states[h]; ok && old != b.state {
			v.w.fail("A3: replica %s has another state after %d", n.name(), h)
		}
		v.states[h] = b.state
	}
	for _, tx := range b.body.Txs {
		id := idOf(tx)
		if first, ok := v.place[id]; !ok {
			v.place[id] = h
		} else if first != h {
			continue // a repetition: answered with the first result
		}
		if n.twin {
			continue
		}
		v.counts[id]++
		if v.counts[id] == v.w.plan.q.F+1 {
			v.acked[id] = h
		}
	}
}

// executedBy tells whether a replica has executed a transaction.
func (v *watch) executedBy(n *node, id ledger.Hash) (int, bool) {
	h, ok := v.place[id]
	return h, ok && h <= len(n.chain)
}

// combined checks what shares were called bad: A8.
func (v *watch) combined(n *node, w sbft.Combine, bad []ledger.ReplicaID) {
	for _, id := range bad {
		if !v.w.liar(id) && !n.byzantine() {
			v.w.fail("A8: a share of honest replica %d for slot %d does not verify", id, w.Slot.Seq)
		}
	}
}

// reports checks accusations (A8) and violations.
func (v *watch) reports(n *node, list []sbft.Report) {
	for _, r := range list {
		switch r.Kind {
		case sbft.ReportRule:
			n.rules[r.Rule]++
		case sbft.ReportViolation:
			if !n.byzantine() {
				v.w.fail("replica %s stops: %s", n.name(), r.Text)
			}
		case sbft.ReportEquivocation, sbft.ReportConflictingVote, sbft.ReportBadShare:
			if !n.byzantine() && !v.w.liar(r.Replica) {
				v.w.fail("A8: replica %s accuses honest replica %d (report %d, slot %d)", n.name(), r.Replica, r.Kind, r.Seq)
			}
		}
	}
}

// evidence checks proofs of equivocation: A8.
func (v *watch) evidence(n *node, list []sbft.Equivocation) {
	for _, e := range list {
		v.w.result.Proofs++
		if id := primaryOf(v.w, e.View); !v.w.liar(id) && !n.byzantine() {
			v.w.fail("A8: replica %s has a proof against honest replica %d", n.name(), id)
		}
	}
}

// stable is A10: certified checkpoints grow, agree, and f+c+1 honest replicas hold them.
func (v *watch) stable(n *node, c sbft.Checkpoint) {
	if n.byzantine() {
		return
	}
	if c.Seq < v.stables[n.index] {
		v.w.fail("A10: the stable checkpoint of replica %s falls from %d to %d", n.name(), v.stables[n.index], c.Seq)
	}
	v.stables[n.index] = c.Seq
	ids := v.w.scheme.signers(c.Certificate)
	if ids == nil {
		return // a threshold signature names nobody
	}
	holders, honest := 0, 0
	for _, id := range ids {
		if v.w.liar(id) {
			continue
		}
		honest++
		if o := v.w.nodes[id]; o.saved >= number(c.Seq) && o.chain[c.Seq-1].state == c.Digest {
			holders++
		}
	}
	if holders < honest || honest < v.w.plan.q.F+v.w.plan.q.C+1 {
		v.w.fail("A10: the checkpoint at %d is held by %d honest replicas, %d signed it", c.Seq, holders, honest)
	}
}

// finish is A4: what a client was told is in every honest ledger that is long enough.
func (v *watch) finish() {
	var ids []ledger.Hash
	for id := range v.acked {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b ledger.Hash) int { return slices.Compare(a[:], b[:]) })
	for _, id := range ids {
		h := v.acked[id]
		for _, n := range v.w.nodes {
			if n.byzantine() || len(n.chain) < h {
				continue
			}
			if !slices.ContainsFunc(n.chain[h-1].body.Txs, func(tx []byte) bool { return idOf(tx) == id }) {
				v.w.fail("A4: a transaction acknowledged at height %d is not in the ledger of replica %s", h, n.name())
			}
		}
	}
}
