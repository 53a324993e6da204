package model

import (
	"fmt"
	"slices"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/integration/twins/standin"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// cluster is the honest replicas of a trace as real machines. Nothing travels between
// them but what the trace lets arrive; the liars are played.
type cluster struct {
	quorum  quorum.Config
	liars   []int
	nodes   map[int]*node
	signed  map[signature]bool       // every share that an honest machine let leave
	entered map[string]*sbft.NewView // by what they say: new views that were sent
	rules   map[sbft.Rule]int        // how often each was applied
	now     sbft.Instant
	out     sbft.Output
}

type signature struct {
	who   int
	phase certificate.Phase
	slot  sbft.SlotID
}

// node is a machine with what its shell keeps.
type node struct {
	id        int
	params    sbft.Params
	machine   *sbft.Machine
	records   []sbft.Record
	own       []sbft.Input // comes back to it at once
	timers    map[sbft.Timer]bool
	draws     *ledger.Body // what its pool holds
	proposed  *sbft.OutPrePrepare
	testified map[int]*sbft.ViewChange // by view, as the others get them
	lead      *sbft.NewView            // what it announced last, in full
	decided   *sbft.Decision
}

func (c *cluster) params(id int) sbft.Params {
	return sbft.Params{Self: idOf(id), Quorum: c.quorum, Window: window, InFlightMax: 4, BatchMax: 1, BatchBytes: 1 << 20,
		ClockBound: 1 << 60, Timing: sbft.DefaultTiming()}
}

func newCluster(q quorum.Config, first state) (*cluster, error) {
	c := &cluster{quorum: q, liars: first.Faulty, nodes: map[int]*node{}, signed: map[signature]bool{},
		entered: map[string]*sbft.NewView{}, rules: map[sbft.Rule]int{}, now: 1}
	for id := range q.N() {
		if slices.Contains(c.liars, id) {
			continue
		}
		n := &node{id: id, params: c.params(id), timers: map[sbft.Timer]bool{}, testified: map[int]*sbft.ViewChange{}}
		c.nodes[id] = n
		var err error
		if n.machine, err = sbft.New(n.params, sbft.Restored{}); err != nil {
			return nil, err
		}
		if err := c.give(n, sbft.Started{}); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// give hands a machine an input, and what comes back to it at once because of it.
func (c *cluster) give(n *node, in sbft.Input) error {
	n.own = append(n.own, in)
	for len(n.own) > 0 {
		next := n.own[0]
		n.own = n.own[1:]
		c.now += 10_000
		c.out.Reset()
		n.machine.Step(c.now, next, &c.out)
		if err := c.carryOut(n, &c.out); err != nil {
			return fmt.Errorf("replica %d, given %T: %w", n.id, next, err)
		}
	}
	return nil
}

// carryOut does what a shell does, in its order, but keeps what is for others.
func (c *cluster) carryOut(n *node, out *sbft.Output) error {
	n.records = append(n.records, out.Records...)
	for _, s := range out.Send {
		if err := c.sent(n, s); err != nil {
			return err
		}
	}
	for _, tc := range out.Timers {
		n.timers[tc.Timer] = !tc.Cancel
	}
	for _, work := range out.Work {
		n.own = append(n.own, standin.Combine(c.quorum, work))
	}
	if out.Draw != nil {
		n.own = append(n.own, sbft.Batch{Body: n.draws})
		n.draws = nil
	}
	for _, d := range out.Deliver {
		if n.decided != nil || d.Seq != slotSeq {
			return fmt.Errorf("delivers slot %d, which is not its first", d.Seq)
		}
		n.decided = &d
	}
	for _, e := range out.Equivocations {
		if primary := int(c.quorum.Primary(e.View)); !slices.Contains(c.liars, primary) {
			return fmt.Errorf("accuses replica %d, which is honest", primary)
		}
	}
	for _, r := range out.Reports {
		switch r.Kind {
		case sbft.ReportRule:
			c.rules[r.Rule]++
		case sbft.ReportViolation:
			return fmt.Errorf("stops: %s", r.Text)
		}
	}
	return nil
}

// sent notes what a machine lets leave. What it tells itself comes back to it, and a
// body that it asks for is given to it, whoever was asked: the model does not lose bodies.
func (c *cluster) sent(n *node, s sbft.Send) error {
	in, err := standin.Input(n.params, s.Message)
	if err != nil {
		return err
	}
	switch m := s.Message.(type) {
	case sbft.OutPrePrepare:
		n.proposed = &m
	case sbft.OutSignShare:
		c.signed[signature{n.id, certificate.Prepare, m.Slot}] = true
		if m.Fast {
			c.signed[signature{n.id, certificate.Fast, m.Slot}] = true
		}
	case sbft.OutCommitShare:
		c.signed[signature{n.id, certificate.Commit, m.Slot}] = true
	case sbft.OutViewChange:
		if vc := in.(*sbft.ViewChange); vc.From == n.params.Self {
			n.testified[int(vc.View)] = vc // #nosec G115 -- the model's views are few
		}
	case sbft.OutNewView:
		if in, err = standin.Input(n.params, sbft.OutNewView{Message: m.Message, Full: true}); err != nil {
			return err
		}
		n.lead = in.(*sbft.NewView)
	case sbft.OutFetchBody:
		if value := valueOf(m.Digest); value >= 0 {
			n.own = append(n.own, sbft.Fetched{From: s.To, Seq: m.Seq, Body: bodies[value]})
		}
	}
	if !s.Broadcast && s.To == n.params.Self {
		n.own = append(n.own, in)
	}
	return nil
}

// signers lists who can be shown to have signed in a phase: honest machines that did,
// then the liars, who sign everything.
func (c *cluster) signers(phase certificate.Phase, slot sbft.SlotID) (out []int) {
	for id := range c.quorum.N() {
		if c.signed[signature{id, phase, slot}] {
			out = append(out, id)
		}
	}
	return append(out, c.liars...)
}

// certify makes a certificate that enough shares of real machines allow.
func (c *cluster) certify(phase certificate.Phase, slot sbft.SlotID) (certificate.Certificate, error) {
	if have, need := len(c.signers(phase, slot)), phase.Threshold(c.quorum); have < need {
		return nil, fmt.Errorf("the model certifies value %d of view %d in phase %d, for which only %d of %d signed",
			valueOf(slot.Digest), slot.View, phase, have, need)
	}
	return standin.Certificate(phase, slot), nil
}

func slotOf(view, value int) sbft.SlotID {
	return sbft.SlotID{View: viewOf(view), Seq: slotSeq, Digest: bodies[value].Digest}
}
