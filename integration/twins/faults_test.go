package twins

import (
	"slices"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/integration/twins/standin"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// faults break the replica beyond the budget from outside, to show that the campaign
// sees what it must see. The machine itself has no such switch.
type faults struct {
	victim       int  // node that is not honest any more, 0: none (it is a twin anyway)
	forgetsViews bool // it restarts between rounds without the record of the views it left
	votesForAll  bool // its votes for every proposal reach everybody, whatever its machine says
}

func (f faults) accusable(n *node) bool { return f.victim != 0 && n.index == f.victim }

// sabotage is called between rounds.
func (w *world) sabotage() {
	if !w.faults.forgetsViews {
		return
	}
	n := w.nodes[w.faults.victim]
	n.records = slices.DeleteFunc(n.records, func(r sbft.Record) bool { return r.Kind == sbft.RecordView || r.Kind == sbft.RecordNewView })
	w.start(n)
}

// eager makes twins try the fast path in every view, which an honest primary does only
// after a while: that is how a fast commit comes about in a later view than a
// prepared certificate.
func (w *world) eager(n *node, m sbft.Message) sbft.Message {
	if !w.eagerTwins || !n.twin {
		return m
	}
	switch m := m.(type) {
	case sbft.OutPrePrepare:
		m.Path = sbft.PathFast
		return m
	case sbft.OutSignShare:
		m.Fast = true
		return m
	}
	return m
}

// forge lets the victim's votes for a proposal reach everybody whom it reaches, and
// its sender.
func (w *world) forge(n *node, m sbft.Message) {
	p, ok := m.(sbft.OutPrePrepare)
	if !ok || !w.faults.votesForAll {
		return
	}
	id := w.nodes[w.faults.victim].params.Self
	slot := sbft.SlotID{View: p.View, Seq: p.Seq, Digest: p.Body.Digest}
	votes := []sbft.Input{
		sbft.SignShare{From: id, Slot: slot, Prepare: standin.Share(id, certificate.Prepare, slot), Fast: standin.Share(id, certificate.Fast, slot)},
		sbft.CommitShare{From: id, Slot: slot, Share: standin.Share(id, certificate.Commit, slot)},
	}
	n.own = append(n.own, votes...)
	for _, o := range w.nodes {
		if o != n && w.net.side[o.index] == w.net.side[n.index] {
			w.net.links[n.index][o.index] = append(w.net.links[n.index][o.index], votes...)
		}
	}
}

// signed tells whether the primary of a view signed this head.
func (w *world) signed(e sbft.Equivocation, head sbft.SignedProposal) bool {
	return standin.Verifier{}.Signature(w.quorum.Primary(e.View),
		ledger.ProposalBytes(ledger.ID{}, 0, e.View, e.Seq, uint8(head.Path), head.Digest), head.Signature)
}
