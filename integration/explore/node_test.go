package explore

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"reflect"
	"slices"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/integration/twins/standin"
	"github.com/concordat-ledger/concordat/ledger"
)

// action is what can happen to a node: the arrival of a message (its number), of
// several (a bundle), or one of those below.
type action uint32

const (
	propose   action = 1<<31 + iota // a batch is there for the primary
	leave                           // f+1 complaints about view 0 arrive
	impatient                       // + slot: the collector's patience is over
	bundle    action = 1 << 30      // + number
	slowly    action = 1 << 29      // of a bundle: a share that the fast path needs is still on its way
	passes    action = 1<<32 - 1    // nothing happens: the next node has its turn
)

// place is a state of one node.
type place struct {
	before  uint32 // from where, and by what it was reached first
	by      action
	view    ledger.View
	active  bool
	primary bool                       // it may propose
	told    uint8                      // proposals of its own in this view
	waits   [slotsMax + 1]bool         // for the collector's timer
	votes   []sbft.Vote                // recorded in this view
	decided [slotsMax + 1]*ledger.Hash // delivered
	bad     string                     // what the machine itself has violated
}

// step is a transition of one node.
type step struct {
	to    uint32
	sends []uint32 // ascending
	order []uint32 // the same as they were sent, each as often
}

// node is one copy of the machine in all its states.
type node struct {
	index  int
	twin   bool // its identity has two copies
	params sbft.Params
	places []place
	known  map[digest]uint32
	steps  map[uint64]step
	buffer []byte
}

const slotsMax = 2

func (s *search) newNode(index int, id ledger.ReplicaID, twin bool) *node {
	n := &node{index: index, twin: twin, known: map[digest]uint32{}, steps: map[uint64]step{}}
	n.params = sbft.Params{Self: id, Quorum: s.quorum, Window: 16, InFlightMax: 4, BatchMax: 1, BatchBytes: 1 << 20,
		ClockBound: 1 << 60, Timing: sbft.DefaultTiming()}
	n.places = append(n.places, place{active: true, primary: s.quorum.Primary(0) == id})
	r := s.rebuild(n, 0)
	d, _ := r.digest(nil)
	n.known[d] = 0
	return n
}

// step applies an action, or finds what came of it before.
func (s *search) step(n *node, at uint32, a action) step {
	key := uint64(at)<<32 | uint64(a)
	if st, ok := n.steps[key]; ok {
		return st
	}
	r := s.rebuild(n, at)
	r.again, r.from, r.by = false, at, a
	r.apply(a)
	st := step{to: at}
	if !r.outside { // beyond the slots of this search: it does not happen
		st = step{to: r.settle(at, a), sends: slices.Clone(r.sends), order: r.sends}
		slices.Sort(st.sends)
		st.sends = slices.Compact(st.sends)
	}
	n.steps[key] = st
	s.compare(n, at, a, st)
	return st
}

// run is a live machine on its way to a place.
type run struct {
	s       *search
	n       *node
	machine *sbft.Machine
	now     place
	from    uint32 // the place that is being left, and why
	by      action
	own     []sbft.Input
	records []sbft.Record // everything that is durable
	out     sbft.Output
	sends   []uint32
	outside bool
	again   bool // on the way back to a place: what it sends is known
}

// digest is that of the machine and of what the shell knows beside it.
func (r *run) digest(scratch []byte) (digest, []byte) {
	scratch = append(walk(scratch[:0], reflect.ValueOf(r.machine)), r.now.told)
	for _, waits := range r.now.waits {
		scratch = walk(scratch, reflect.ValueOf(waits))
	}
	scratch = walk(scratch, reflect.ValueOf(r.now.votes))
	sum := sha256.Sum256(scratch)
	return digest(sum[:16]), scratch
}

// rebuild leads a new machine to a place, by the actions that led there first.
func (s *search) rebuild(n *node, at uint32) *run {
	var path []action
	for p := at; p != 0; p = n.places[p].before {
		path = append(path, n.places[p].by)
	}
	m, err := sbft.New(n.params, sbft.Restored{})
	if err != nil {
		panic(err)
	}
	r := &run{s: s, n: n, machine: m, again: true}
	r.take(sbft.Started{})
	s.rebuilt++
	for i := len(path) - 1; i >= 0; i-- {
		r.apply(path[i])
	}
	return r
}

// settle finds or makes the number of the place where the machine is now.
func (r *run) settle(before uint32, by action) uint32 {
	r.now.votes = slices.DeleteFunc(slices.Clone(r.now.votes), func(v sbft.Vote) bool { return v.Slot.View < r.machine.View() })
	slices.SortFunc(r.now.votes, func(a, b sbft.Vote) int {
		return cmp.Or(cmp.Compare(a.Slot.Seq, b.Slot.Seq), cmp.Compare(a.Phase, b.Phase))
	})
	var d digest
	d, r.n.buffer = r.digest(r.n.buffer)
	if at, ok := r.n.known[d]; ok {
		return at
	}
	at := uint32(len(r.n.places)) // #nosec G115 -- it fits into memory
	r.now.before, r.now.by = before, by
	r.now.view, r.now.active = r.machine.View(), r.machine.Active()
	r.now.primary = r.now.active && r.s.quorum.Primary(r.now.view) == r.n.params.Self
	r.n.places, r.n.known[d] = append(r.n.places, r.now), at
	return at
}

func (r *run) apply(a action) {
	switch {
	case a >= impatient:
		r.now.waits[a-impatient] = false
		r.take(sbft.Fired{Timer: sbft.Timer{Kind: sbft.TimerCollect, Seq: ledger.Seq(a - impatient)}})
	case a == leave:
		r.now.told = 0
		for id := range r.s.quorum.Weak() {
			r.take(standin.Complaint(r.n.params, ledger.ReplicaID(id), 0)) // #nosec G115 -- few
		}
	case a == propose:
		r.now.told++
		r.take(sbft.Pending{Transactions: 1, Bytes: 1})
		r.take(sbft.Fired{Timer: sbft.Timer{Kind: sbft.TimerBatch}})
	case a >= bundle:
		for _, id := range r.s.bundle(a) {
			in := r.s.messages.list[id].input
			if share, ok := in.(sbft.SignShare); ok && a&slowly != 0 {
				share.Fast = nil // whose is late makes no difference
				in = share
			}
			r.take(in)
		}
	default:
		r.take(r.s.messages.list[a].input)
	}
}

// take gives the machine an input, and what comes back to it at once because of it.
func (r *run) take(in sbft.Input) {
	r.own = append(r.own, in)
	for len(r.own) > 0 {
		next := r.own[0]
		r.own = r.own[1:]
		r.out.Reset()
		r.machine.Step(1, next, &r.out)
		r.s.inputs++
		r.carryOut()
	}
}

func (r *run) carryOut() {
	r.records = append(r.records, r.out.Records...)
	for _, rec := range r.out.Records {
		if rec.Kind == sbft.RecordVote {
			r.vote(rec)
		}
	}
	for _, m := range r.out.Send {
		r.send(m)
	}
	for _, t := range r.out.Timers {
		if t.Timer.Kind == sbft.TimerCollect && t.Timer.Seq <= slotsMax {
			r.now.waits[t.Timer.Seq] = !t.Cancel
		}
	}
	for _, w := range r.out.Work {
		r.own = append(r.own, standin.Combine(r.s.quorum, w))
	}
	if r.out.Draw != nil {
		r.own = append(r.own, sbft.Batch{Body: ledger.NewBody(ledger.ID{}, ledger.Proposal{Time: r.out.Draw.After + 1, Txs: [][]byte{{byte(r.n.index)}}})})
	}
	for _, d := range r.out.Deliver {
		if d.Seq <= slotsMax {
			r.now.decided[d.Seq] = &d.Body.Digest
		}
		r.own = append(r.own, sbft.Executed{Height: ledger.Height(d.Seq), Digest: d.Body.Digest, Time: d.Body.Time, Proof: d.Proof},
			sbft.Certified{Height: ledger.Height(d.Seq)})
	}
	r.judge()
}

// vote notes what the machine binds itself to in its view. To vote in an earlier one is
// an error of its own, so that those votes need not be kept.
func (r *run) vote(rec sbft.Record) {
	v, err := sbft.ParseVote(rec)
	if err != nil {
		r.now.bad = err.Error()
		return
	}
	for _, old := range r.now.votes {
		if old == v {
			return
		}
		if old.Phase == v.Phase && old.Slot.View == v.Slot.View && old.Slot.Seq == v.Slot.Seq && !r.n.twin {
			r.now.bad = fmt.Sprintf("it votes twice in phase %d of slot %d of view %d", v.Phase, v.Slot.Seq, v.Slot.View)
		}
	}
	if v.Slot.View < r.machine.View() && !r.n.twin {
		r.now.bad = fmt.Sprintf("it votes in view %d and is in view %d", v.Slot.View, r.machine.View())
	}
	if !r.again && !r.n.twin {
		r.blame(r.obeys(v))
	}
	r.now.votes = append(r.now.votes, v)
}

func (r *run) blame(why string) {
	if why != "" {
		r.now.bad = why
	}
}

// judge notes what the machine says of itself and of others.
func (r *run) judge() {
	for _, rep := range r.out.Reports {
		switch rep.Kind {
		case sbft.ReportRule:
			r.s.rules[rep.Rule] = true
		case sbft.ReportViolation:
			r.now.bad = "it stops: " + rep.Text
		case sbft.ReportEquivocation, sbft.ReportConflictingVote, sbft.ReportBadShare, sbft.ReportNotPrimary:
			if !r.s.twinned(rep.Replica) {
				r.now.bad = fmt.Sprintf("it accuses %s, who is honest, of fault %d", rep.Replica, rep.Kind)
			}
		}
	}
	for _, e := range r.out.Equivocations {
		if !r.s.twinned(r.s.quorum.Primary(e.View)) {
			r.now.bad = fmt.Sprintf("it proves a fault of the primary of view %d, who is honest", e.View)
		}
	}
}

// send numbers a message for those whom it can reach.
func (r *run) send(m sbft.Send) {
	toItself := !m.Broadcast && m.To == r.n.params.Self
	if r.again && !toItself {
		return
	}
	body := m.Message
	switch out := body.(type) {
	case sbft.OutNewView:
		out.Full = true
		body = out
	case sbft.OutPrePrepare:
		r.outside = r.outside || int(out.Seq) > r.s.slots // #nosec G115 -- small
	}
	in, err := standin.Input(r.n.params, body)
	if err != nil {
		r.now.bad = err.Error()
		return
	}
	if toItself {
		r.own = append(r.own, in)
		return
	}
	msg, ok := classify(in)
	if !ok {
		return
	}
	_, asks := in.(sbft.FetchBody) // whom it asks first is of no account: it asks all in turn
	for _, o := range r.s.nodes {
		other := o.params.Self != r.n.params.Self
		if (m.Broadcast || asks) && other || other && o.params.Self == m.To {
			msg.to |= 1 << o.index
		}
	}
	if vc, is := in.(*sbft.ViewChange); is {
		if !r.n.twin {
			r.blame(r.remembers(vc))
		}
		msg.to &= r.s.holders(r.s.quorum.Primary(vc.View))
	}
	msg.first = origin{r.n.index, r.from, r.by, len(r.sends)}
	if msg.to != 0 {
		r.sends = append(r.sends, r.s.messages.number(msg))
	}
}
