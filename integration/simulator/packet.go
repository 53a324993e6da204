package simulator

import (
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// What travels: inputs of the machine as their sender claims them, not verified, and
// these.

// signedPayload is a view-change message on its way.
type signedPayload struct{ payload, signature []byte }

// newViewPacket is a new-view message on its way.
type newViewPacket struct {
	signedPayload
	bodies [][2][]byte
}

// fetchBlocks asks for blocks by height.
type fetchBlocks struct {
	request uint64
	from    ledger.Height
	max     int
}

// blocks answers.
type blocks struct {
	request uint64
	from    ledger.Height
	list    []block
}

// submit carries a client's or a replica's transactions to a replica's pool.
type submit struct {
	txs     []*transaction
	forward bool // by a replica
}

// block is an agreed block as stored and served.
type block struct {
	height int
	body   *ledger.Body
	proof  sbft.Proof
	state  ledger.Hash // after it, as the server says
}

// ingress turns a packet into a verified input, as the product's ingress does: what
// does not verify is dropped; whose it is, the link tells.
func (n *node) ingress(from ledger.ReplicaID, p any) sbft.Input {
	w := n.w
	st := func(phase certificate.Phase, id sbft.SlotID) certificate.Statement {
		return sbft.Statement(w.ledger, 0, phase, id)
	}
	valid := func(in sbft.Input, phase certificate.Phase, id sbft.SlotID, cert certificate.Certificate) sbft.Input {
		if id.Seq == 0 || w.scheme.Certificate(st(phase, id), cert) != nil {
			return nil
		}
		return in
	}
	switch p := p.(type) {
	case sbft.PrePrepare:
		return n.prePrepare(p)
	case sbft.SignShare:
		p.From = from
		return p
	case sbft.CommitShare:
		p.From = from
		return p
	case sbft.CheckpointShare:
		p.From = from
		return p
	case sbft.Prepare:
		p.From = from
		return valid(p, certificate.Prepare, p.Slot, p.Certificate)
	case sbft.CommitProof:
		phase := certificate.Commit
		if p.Fast {
			phase = certificate.Fast
		}
		return valid(p, phase, p.Slot, p.Certificate)
	case sbft.Checkpoint:
		return valid(p, certificate.Checkpoint, sbft.SlotID{Seq: p.Seq, Digest: p.Digest}, p.Certificate)
	case sbft.PeerStatus:
		p.From = from
		return p
	default:
		return n.viewIngress(from, p)
	}
}

func (n *node) viewIngress(from ledger.ReplicaID, p any) sbft.Input {
	w := n.w
	switch p := p.(type) {
	case sbft.Complaint:
		p.From = from
		if p.Check(n.params(), w.scheme) != nil {
			return nil
		}
		return p
	case signedPayload:
		vc, err := sbft.ParseViewChange(n.params(), p.payload, p.signature)
		if err != nil || vc.Check(n.params(), w.scheme) != nil {
			return nil
		}
		w.watch.size("view-change message", len(p.payload))
		return vc
	case newViewPacket:
		nv, err := sbft.ParseNewView(n.params(), p.payload, p.signature, p.bodies)
		if err != nil || nv.Check(n.params(), w.scheme) != nil {
			return nil
		}
		return nv
	case sbft.FetchNewView:
		p.From = from
		return p
	case sbft.FetchBody:
		p.From = from
		return p
	case sbft.Fetched:
		p.From = from
		return p
	case sbft.Accusation:
		p.From = from
		signed := ledger.ProposalBytes(w.ledger, 0, p.View, p.Seq, uint8(p.Proposal.Path), p.Proposal.Digest)
		if !w.scheme.Signature(primaryOf(w, p.View), signed, p.Proposal.Signature) {
			return nil
		}
		return p
	}
	return nil
}

// primaryOf is the simulator's own arithmetic.
func primaryOf(w *world, v ledger.View) ledger.ReplicaID {
	return ledger.ReplicaID(uint64(v) % uint64(w.plan.q.N())) // #nosec G115 -- below n
}

func (n *node) prePrepare(p sbft.PrePrepare) sbft.Input {
	w := n.w
	p.From = primaryOf(w, p.View)
	signed := ledger.ProposalBytes(w.ledger, 0, p.View, p.Seq, uint8(p.Path), p.Body.Digest)
	if p.Seq == 0 || (p.Path != sbft.PathFast && p.Path != sbft.PathSlow) || len(p.Body.Txs) == 0 ||
		len(p.Body.Txs) > w.plan.batch || !w.scheme.Signature(p.From, signed, p.Signature) || !w.genuine(p.Body) {
		return nil
	}
	p.Clock = n.clock()
	return p
}

// genuine reports whether a body's transactions are clients' own; forged ones do not
// verify in the product either.
func (w *world) genuine(b *ledger.Body) bool {
	for _, tx := range b.Txs {
		if len(tx) != txBytes || mixBytes(clientSecret, tx[:txBytes-8]) != tagOf(tx) {
			return false
		}
	}
	return true
}
