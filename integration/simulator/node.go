package simulator

import (
	"crypto/sha256"
	"fmt"

	"github.com/concordat-ledger/concordat/actors/admission/pool"
	"github.com/concordat-ledger/concordat/actors/catchup/transfer"
	"github.com/concordat-ledger/concordat/actors/consensus/ballot"
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/actors/storage/votelog"
	"github.com/concordat-ledger/concordat/ledger"
)

// node is one process of a replica: the real machine, ballot, vote log, pool and
// transfer, with a model of execution and of the store around them.
type node struct {
	w     *world
	index int
	id    ledger.ReplicaID
	twin  bool

	// Durable.
	disk  *disk
	chain []block // all of it executed; the first stored of them are in the store
	saved int

	// Of one life.
	life     int
	up       bool
	machine  *sbft.Machine
	ballot   *ballot.Ballot
	log      *votelog.Log
	pool     *pool.Requests
	told     sbft.Pending
	transfer *transfer.Machine
	out      sbft.Output
	inbox    []func()
	busy     bool // a flush is under way, or the process stands still
	syncing  int
	depth    int
	staged   int
	loop     []sbft.Input
	exec     execution

	pausedTill sbft.Instant
	broken     bool // does not come back before the chaos ends
	offset     ledger.Time
	acts       []behaviour // of a Byzantine one
	rules      [sbft.Rules]int
	top        ledger.View // the view of this life
	written    ledger.View // the highest that was made durable in any
}

const inboxMax = 4096

func newNode(w *world, index int, id ledger.ReplicaID) *node {
	n := &node{w: w, index: index, id: id, disk: newDisk()}
	if w.liar(id) {
		n.acts = newBehaviours(w, n)
	}
	return n
}

func (n *node) name() string {
	if n.twin {
		return fmt.Sprintf("%d'", n.id)
	}
	return fmt.Sprint(int(n.id))
}

func (n *node) standing() string {
	if n.machine == nil {
		return "never up"
	}
	return fmt.Sprintf("height %d view %d active %v stable %d up %v", len(n.chain), n.machine.View(), n.machine.Active(), n.machine.Stable().Seq, n.up)
}

func (n *node) params() sbft.Params {
	p := n.w.plan
	return sbft.Params{Self: n.id, Ledger: n.w.ledger, Quorum: p.q, Window: p.window, InFlightMax: p.inFlight, BatchMax: p.batch,
		BatchBytes: 1 << 16, ClockBound: clockBound, Timing: sbft.DefaultTiming()}
}

// clockBound is how far ahead a proposed time may lie.
const clockBound = ledger.Time(1e9)

func (n *node) clock() ledger.Time { return ledger.Time(n.w.now) + 1<<40 + n.offset }

// boot starts a life from what is durable.
func (n *node) boot() {
	w := n.w
	n.life++
	n.chain = n.chain[:n.saved]
	n.exec = execution{state: n.stateAt(len(n.chain)), next: len(n.chain) + 1}
	log, err := votelog.Open(n.disk, "votes", votelog.Options{Ledger: w.ledger, SegmentBytes: 1 << 14})
	if err != nil {
		w.fail("replica %s cannot open its vote log: %v", n.name(), err)
		return
	}
	n.log = log
	r := sbft.Restored{Durable: ledger.Height(n.saved), Settled: n.settled()} // #nosec G115 -- positive
	if n.saved > 0 {
		r.DurableTime = n.chain[n.saved-1].body.Time
	}
	if err := log.Replay(func(rec votelog.Record) error {
		r.Records = append(r.Records, sbft.Record{Kind: sbft.RecordKind(rec.Kind), Seq: ledger.Seq(rec.Seq), Data: rec.Data})
		return nil
	}); err != nil {
		w.fail("replica %s cannot replay its vote log: %v", n.name(), err)
		return
	}
	if n.machine, err = sbft.New(n.params(), r); err != nil {
		w.fail("replica %s cannot start: %v", n.name(), err)
		return
	}
	n.top = n.machine.View()
	n.restoreBallot(r.Records)
	w.watch.restored(n, r.Records)
	n.pool = pool.New(pool.Limits{Transactions: 2000, Bytes: 1 << 20, PerParty: 2000, Again: 3_000_000_000})
	n.told = sbft.Pending{}
	n.transfer = transfer.New(transfer.DefaultParams(n.id, w.plan.q.N(), w.plan.q.Weak(), w.plan.window), ledger.Height(len(n.chain)), int64(w.now))
	n.out.Reset()
	n.inbox, n.loop, n.busy, n.syncing, n.staged, n.up, n.depth = nil, nil, false, 0, 0, true, 0
	w.tell("%s starts at height %d, view %d, stable %d", n.name(), n.saved, n.machine.View(), n.machine.Stable().Seq)
	n.step(sbft.Started{})
	n.flush()
	n.pollLater()
}

func (n *node) settled() []sbft.Settled {
	var out []sbft.Settled
	for h := max(1, n.saved-n.w.plan.window+1); h <= n.saved; h++ {
		b := n.chain[h-1]
		out = append(out, sbft.Settled{Seq: ledger.Seq(h), Digest: b.body.Digest, Time: b.body.Time, Proof: b.proof, Checkpoint: b.state}) // #nosec G115 -- positive
	}
	return out
}

// restoreBallot does what the product's shell does at a start.
func (n *node) restoreBallot(records []sbft.Record) {
	n.ballot = ballot.New()
	stable := n.machine.Stable().Seq
	n.ballot.Raise(stable)
	for _, rec := range records {
		if rec.Kind != sbft.RecordVote || rec.Seq <= stable {
			continue
		}
		v, err := sbft.ParseVote(rec)
		if err == nil {
			err = n.ballot.Record(ballotVote(v))
		}
		if err != nil && !n.byzantine() {
			n.w.fail("A6: replica %s finds in its log what its ballot refuses: %v", n.name(), err)
		}
	}
	n.noteView()
}

func (n *node) noteView() {
	n.ballot.Leave(n.machine.View())
	if nv := n.machine.NewView(); nv != nil && primaryOf(n.w, nv.View) == n.id {
		if err := n.ballot.NewView(nv.View, sha256.Sum256(nv.Payload)); err != nil && !n.byzantine() {
			n.w.fail("A6: %v", err)
		}
	}
}

func ballotVote(v sbft.Vote) ballot.Vote {
	return ballot.Vote{Epoch: v.Epoch, Phase: v.Phase, View: v.Slot.View, Seq: v.Slot.Seq, Digest: v.Slot.Digest}
}

// byzantine reports whether this node is not held to what is promised.
func (n *node) byzantine() bool { return n.w.liar(n.id) }

// receive takes a packet from a node (-1: a client) if this one is up.
func (n *node) receive(from int, p any) {
	if !n.up || len(n.inbox) >= inboxMax {
		return
	}
	n.take(func() { n.handle(from, p) })
}

// take does something in the consensus actor's turn: at once, or when it is free.
func (n *node) take(do func()) {
	if !n.up {
		return
	}
	if n.busy || n.w.now < n.pausedTill {
		n.inbox = append(n.inbox, do)
		if !n.busy {
			n.busy = true
			n.inLife(n.pausedTill-n.w.now, n.wake)
		}
		return
	}
	do()
	if !n.up {
		return
	}
	n.staged++
	if n.staged >= n.w.plan.stage || n.w.plan.stage == 1 {
		n.flush()
		return
	}
	if n.staged == 1 { // the mailbox runs empty a moment later
		n.inLife(20_000, func() {
			if !n.busy && n.staged > 0 {
				n.flush()
			}
		})
	}
}

// inLife runs something later unless this life has ended.
func (n *node) inLife(d sbft.Instant, run func()) {
	life := n.life
	n.w.after(max(d, 0), func() {
		if n.life == life && n.up {
			run()
		}
	})
}

func (n *node) wake() {
	if n.syncing == 0 {
		n.free()
	}
}

// free takes what came while the actor was busy.
func (n *node) free() {
	if n.w.now < n.pausedTill {
		n.inLife(n.pausedTill-n.w.now, n.wake)
		return
	}
	n.busy = false
	for n.up && len(n.inbox) > 0 && !n.busy {
		do := n.inbox[0]
		n.inbox = n.inbox[1:]
		n.take(do)
	}
	if n.up && !n.busy && n.staged > 0 {
		n.flush()
	}
}

func (n *node) handle(from int, p any) {
	switch p := p.(type) {
	case submit:
		n.onSubmit(p)
	case fetchBlocks:
		n.serve(from, p)
	case blocks:
		n.onBlocks(from, p)
	default:
		sender := n.w.nodes[from].id
		n.listen(from, p)
		if in := n.ingress(sender, p); in != nil {
			if st, ok := in.(sbft.PeerStatus); ok {
				n.transfer.OnPeer(st.From, st.Durable)
			}
			n.step(in)
		}
	}
}

// step gives the machine one input.
func (n *node) step(in sbft.Input) {
	w := n.w
	w.result.Steps++
	w.mark(n, kindOf(in), uint64(len(n.chain)), uint64(n.machine.View()))
	if w.opt.Trace {
		w.tell("%s <- %s", n.name(), describe(in))
	}
	n.machine.Step(w.now, in, &n.out)
	w.watch.stepped(n)
}

// crash ends this life; what was not synced may be lost.
func (n *node) crash(down sbft.Instant) {
	w := n.w
	if !n.up {
		return
	}
	n.up = false
	n.life++
	w.tell("%s crashes", n.name())
	if w.plan.on("torn") {
		n.disk.crash(w.r)
	} else {
		n.disk.crashClean()
	}
	n.forgetful()
	if down == 0 {
		down = w.r.between(sbft.Milliseconds(5), sbft.Milliseconds(1500))
	}
	life := n.life
	w.after(down, func() {
		if n.life == life && !n.up {
			n.boot()
		}
	})
}

func (n *node) pause(d sbft.Instant) {
	n.w.tell("%s stands still for %d ms", n.name(), d/1e6)
	n.pausedTill = n.w.now + d
}

func (n *node) shiftClock() {
	n.offset = ledger.Time(n.w.r.between(0, sbft.Instant(2*clockBound)) - sbft.Instant(clockBound))
}

// heal makes a node well, unless it is to stay broken.
func (n *node) heal() {
	n.pausedTill, n.offset = 0, 0
	if !n.up && !n.broken {
		n.boot()
	}
}
