package model

import (
	"fmt"
	"maps"
	"slices"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/integration/twins/standin"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// compare holds the machines against a state of the model: where each replica is, what
// it knows, everything that was signed, and every view-change message.
func (c *cluster) compare(s state) error {
	for _, id := range slices.Sorted(maps.Keys(s.Replicas)) {
		n := c.nodes[id]
		if n == nil {
			return fmt.Errorf("replica %d is a liar in the trace's first state", id)
		}
		if err := c.compareReplica(n, s.Replicas[id]); err != nil {
			return fmt.Errorf("replica %d: %w", id, err)
		}
	}
	if err := c.compareVotes(s); err != nil {
		return err
	}
	count := 0
	for _, n := range c.nodes {
		count += len(n.testified)
	}
	if count != len(s.Testimonies) {
		return fmt.Errorf("%d view-change messages were sent, %d in the model", count, len(s.Testimonies))
	}
	for _, t := range s.Testimonies {
		vc := c.nodes[t.Who].testified[t.View]
		if vc == nil || shown(vc) != t.Shows {
			return fmt.Errorf("replica %d says for view %d %+v, in the model %+v", t.Who, t.View, vc, t.Shows)
		}
	}
	return nil
}

func (c *cluster) compareReplica(n *node, want replica) error {
	if got := n.machine; got.View() != viewOf(want.View) || got.Active() != want.Active {
		return fmt.Errorf("it is in view %d, active %t; in the model in %d, active %t", got.View(), got.Active(), want.View, want.Active)
	}
	decided := commit{View: -1}
	if d := n.decided; d != nil {
		decided = commit{int(d.Proof.View), valueOf(d.Body.Digest), d.Proof.Fast} // #nosec G115 -- the model's views are few
	}
	if decided != want.Committed {
		return fmt.Errorf("it committed %+v, in the model %+v", decided, want.Committed)
	}
	return c.compareDurable(n, want)
}

// compareDurable restarts a copy of the replica from what is on its disk, and lets the
// copy leave for a later view. What it then shows is all that it knows: the same as
// the model's replica. On the way it repeats what the replica has signed, and nothing
// else (R1). A commit is in the store and not in the vote log, so who has committed may
// vote again as if it had not; one that the new-view record proves is shown instead of
// everything else.
func (c *cluster) compareDurable(n *node, want replica) error {
	m, err := sbft.New(n.params, sbft.Restored{Records: n.records})
	if err != nil {
		return err
	}
	if m.View() != viewOf(want.View) || m.Active() != want.Active {
		return fmt.Errorf("a restart brings it to view %d, active %t", m.View(), m.Active())
	}
	var out sbft.Output
	m.Step(c.now, sbft.Started{}, &out)
	for _, s := range out.Send {
		if v, ok := s.Message.(sbft.OutSignShare); ok && want.Committed.View < 0 && !c.signed[signature{n.id, certificate.Prepare, v.Slot}] {
			return fmt.Errorf("after a restart it votes for what it did not vote for: %+v", v.Slot)
		}
	}
	const later = 100
	for who := range c.quorum.Weak() {
		out.Reset()
		m.Step(c.now, standin.Complaint(n.params, idOf(who), later-1), &out)
	}
	got := evidence{Committed: commit{View: -1}, Accepted: none, Prepared: none}
	for _, s := range out.Send {
		if v, ok := s.Message.(sbft.OutViewChange); ok && v.Message.View == later {
			got = shown(v.Message)
		}
	}
	if got.Committed.View >= 0 && got.Committed.Value == want.Committed.Value {
		return nil
	}
	if m.View() != later || got.Committed.View >= 0 || got.Accepted != want.Accepted || got.Prepared != want.Prepared {
		return fmt.Errorf("it accepted %+v and holds %+v as prepared, in the model %+v and %+v", got.Accepted, got.Prepared, want.Accepted, want.Prepared)
	}
	return nil
}

// compareVotes compares all shares that ever left: the model counts exactly those.
func (c *cluster) compareVotes(s state) error {
	want := map[signature]bool{}
	for _, v := range s.Votes {
		want[signature{v.Who, certificate.Prepare, slotOf(v.View, v.Value)}] = true
		if v.Fast {
			want[signature{v.Who, certificate.Fast, slotOf(v.View, v.Value)}] = true
		}
	}
	for _, v := range s.CommitVotes {
		want[signature{v.Who, certificate.Commit, slotOf(v.View, v.Value)}] = true
	}
	for share := range want {
		if !c.signed[share] {
			return fmt.Errorf("replica %d signed value %d of view %d in phase %d in the model only", share.who, valueOf(share.slot.Digest), share.slot.View, share.phase)
		}
	}
	if len(want) != len(c.signed) {
		return fmt.Errorf("the machines signed %d shares, the model's replicas %d", len(c.signed), len(want))
	}
	return nil
}
