package replica

import (
	"fmt"
	"strings"

	"github.com/concordat-ledger/concordat/actors/catchup"
	"github.com/concordat-ledger/concordat/actors/consensus"
	"github.com/concordat-ledger/concordat/actors/consensus/collector"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/bus"
	"github.com/concordat-ledger/concordat/bus/link"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
)

// consensusTarget carries the messages of agreement.
const consensusTarget = "consensus"

// transport sends consensus messages over the links.
type transport struct {
	links *link.Links
	peers []bus.MemberID
}

func (r *instance) transport() consensus.Transport {
	t := transport{links: r.links, peers: r.peers()}
	if r.cfg.WrapTransport != nil {
		return r.cfg.WrapTransport(t)
	}
	return t
}

func class(bulk bool) bus.Class {
	if bulk {
		return bus.Bulk
	}
	return bus.Control
}

func (t transport) Send(to ledger.ReplicaID, bulk bool, payload []byte) {
	_ = t.links.Send(bus.MemberID(to.String()), class(bulk), consensusTarget, payload) // counted there; the protocol repeats
}

func (t transport) Broadcast(bulk bool, payload []byte) {
	t.links.Broadcast(t.peers, class(bulk), consensusTarget, payload)
}

// replicaNumber reads the index in "replica-N".
func (r *instance) replicaNumber(id bus.MemberID) (ledger.ReplicaID, bool) {
	for n := range r.quorum.N() {
		// #nosec G115 -- n is at most 1000
		if rid := ledger.ReplicaID(n); rid.String() == string(id) {
			return rid, true
		}
	}
	return 0, false
}

// replicaOf tells which replica's process an actor lives in.
func (r *instance) replicaOf(pid shell.PID) (ledger.ReplicaID, bool) {
	if pid == nil {
		return 0, false
	}
	id, ok := strings.CutPrefix(pid.GetAddress(), link.AddressPrefix)
	if !ok {
		return 0, false
	}
	return r.replicaNumber(bus.MemberID(id))
}

// onConsensus checks a message on its sender's goroutine and hands it to the
// actor that it is for.
func (r *instance) onConsensus(cfg *consensus.Config) link.Handler {
	return func(d link.Delivery) error {
		from, ok := r.replicaNumber(d.From)
		if !ok {
			return fmt.Errorf("%s is no replica", d.From)
		}
		in, err := cfg.Ingress(from, d.Payload)
		if err != nil {
			return err
		}
		switch in.(type) {
		case collector.Share, collector.Certified:
			r.system.Tell(r.pids.collector, in)
		default:
			r.system.Tell(r.pids.consensus, in)
		}
		return nil
	}
}

// Status is how this replica stands, for its operator and for client nodes.
func (r *instance) Status() *ledgerpb.ReplicaStatus {
	h, _ := r.store.Tip()
	m := r.metrics
	s := &ledgerpb.ReplicaStatus{Id: r.cfg.Self.String(), Reachable: true, View: m.View.Load(), Height: uint64(h),
		Committed: m.Committed.Load(), FastSlots: m.Fast.Load(), SlowSlots: m.Slow.Load(), Path: "fast"}
	if m.Path.Load() == 2 {
		s.Path = "slow"
	}
	if o, err := r.records.Outcome(h); err == nil && h > 0 {
		s.StateRoot = o.StateRoot.String()
	}
	s.Retention, s.OldestBlock, s.OldestState = r.cfg.Retention.String(), uint64(r.store.Oldest()), uint64(r.store.OldestState())
	s.Summary, s.Evidence = r.summary(), r.proofs.list(evidenceShown)
	_, s.Store = r.mender.words()
	return s
}

// summary says in words what an operator should know first.
func (r *instance) summary() string {
	switch {
	case r.full.Load():
		return "the disk is full: this replica does not take part until there is room"
	case r.metrics.Divergent.Load() > 0:
		return "its state differs from what the others certify: it signs and answers nothing, and fetches theirs"
	}
	var all []string
	if p := r.behind.Load(); p != nil {
		all = append(all, progress(p, r.genesis.Limits.Window)...)
	}
	if text, _ := r.mender.words(); text != "" {
		all = append(all, text)
	}
	switch until := r.silent.Load(); {
	case until == probationUnknown:
		all = append(all, "its votes were lost with its disk: it follows, and does not vote yet; until when is known when the others are heard")
	case until > 0:
		all = append(all, fmt.Sprintf("its votes were lost with its disk: it follows, and votes again when slot %d is settled", until))
	}
	if culprits := r.proofs.culprits(r.quorum); culprits != "" {
		all = append(all, culprits+" signed two proposals for one slot: look at `concordat evidence list`")
	}
	if text := r.reachable(); len(all) == 0 || text != allReachable {
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

const allReachable = "all replicas are reachable"

func (r *instance) reachable() string {
	var away []string
	for _, p := range r.links.Peers() {
		if _, replica := r.replicaNumber(p.ID); replica && !p.Connected {
			away = append(away, string(p.ID))
		}
	}
	switch {
	case len(away) == 0:
		return allReachable
	case len(away) > r.quorum.N()-r.quorum.Slow():
		return fmt.Sprintf("the ledger cannot progress: %d replicas are needed, %s cannot be reached", r.quorum.Slow(), strings.Join(away, ", "))
	default:
		return strings.Join(away, ", ") + " cannot be reached; the ledger goes on"
	}
}

// progress says how far a replica that was away has come; nothing: it is where the others are.
func progress(p *catchup.Progress, window int) []string {
	switch {
	case p.Installing:
		return []string{fmt.Sprintf("joining: the state of height %d is here and is being installed", p.Snapshot)}
	case p.Snapshot > 0:
		return []string{fmt.Sprintf("joining: fetching the state of height %d, %d of %d parts are here", p.Snapshot, p.Have, p.Parts)}
	case p.Target > p.Local+ledger.Height(window): // #nosec G115 -- positive
		return []string{fmt.Sprintf("catching up: at block %d of %d", p.Local, p.Target)}
	case p.History > 1:
		return []string{fmt.Sprintf("it joined with a snapshot; of the past it has the blocks from %d on, and fetches the others", p.History)}
	}
	return nil
}
