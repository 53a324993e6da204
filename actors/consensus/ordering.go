package consensus

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/consensus/ballot"
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/evidence"
)

// controlBytesMax is what travels on the control connection; larger proposals go
// beside it.
const controlBytesMax = 48 << 10

// truncateEvery is how many blocks the vote log keeps beyond need.
const truncateEvery = 128

// ordering is the actor around the ordering machine.
type ordering struct {
	cfg     *Config
	machine *sbft.Machine
	ballot  *ballot.Ballot
	out     sbft.Output
	start   time.Time
	loop    []sbft.Input // our own shares and combinations, to be stepped next
	cut     ledger.Seq   // the vote log is truncated up to here
	signed  signedShares
	began   ledger.Height // the store's tip at the start
}

// signedShares remembers the last signatures, since the same share goes to
// several collectors.
type signedShares struct {
	slot            sbft.SlotID
	fast, prepare   []byte
	commitSlot      sbft.SlotID
	commit          []byte
	haveCommit, any bool
}

// NewOrdering describes the consensus actor.
func NewOrdering(cfg *Config) shell.Spec {
	return shell.Spec{
		Name: "consensus",
		New:  func() shell.Behaviour { return &ordering{cfg: cfg} },
		Lanes: []shell.Lane{
			{Name: "local", Capacity: 1 << 14, Overflow: shell.DropNewest}, // bounded by the window; repeated by height
			{Name: "peers", Capacity: 1 << 14, Overflow: shell.DropOldest}, // repeated by the protocol's timers
		},
		Lane: func(msg any) int {
			if _, peer := msg.(sbft.Input); peer {
				return 1
			}
			return 0
		},
	}
}

func (o *ordering) Start(c *shell.Context) error {
	o.start = o.cfg.Clock()
	height, at, err := o.cfg.Tip()
	if err != nil {
		return fmt.Errorf("read the store's tip: %w", err)
	}
	o.began = height
	restored := sbft.Restored{Durable: height, DurableTime: at}
	window := ledger.Height(o.cfg.Params.Window) // #nosec G115 -- positive
	if restored.Settled, err = o.cfg.Settled(max(height, window)-window+1, height); err != nil {
		return fmt.Errorf("read the newest blocks: %w", err)
	}
	if err := o.restore(restored); err != nil {
		return &shell.Unrecoverable{Err: fmt.Errorf("replay the vote log: %w", err)}
	}
	o.step(sbft.Started{})
	o.complete(c)
	c.Tell(o.cfg.Peers.Admission, actorspb.DrawBatch{}) // asks for the pool's size
	o.probe(c)
	if s := o.machine.Stable(); s.Seq > 0 {
		c.Tell(o.cfg.Peers.Catchup, actorspb.Stable{Seq: s.Seq, Digest: s.Digest, Certificate: s.Certificate})
	}
	return nil
}

// restore rebuilds machine and ballot from the vote log.
func (o *ordering) restore(r sbft.Restored) error {
	err := o.cfg.Log.Replay(func(rec sbft.Record) error {
		r.Records = append(r.Records, rec)
		return nil
	})
	if err == nil {
		o.machine, err = sbft.New(o.cfg.Params, r)
	}
	if err != nil {
		return err
	}
	o.ballot = ballot.New()
	stable := o.machine.Stable().Seq
	o.ballot.Raise(stable)
	o.cut = stable
	for _, rec := range r.Records {
		if rec.Kind != sbft.RecordVote || rec.Seq <= stable {
			continue
		}
		v, err := sbft.ParseVote(rec)
		if err == nil {
			err = o.ballot.Record(ballotVote(v))
		}
		if err != nil {
			return err
		}
	}
	return o.noteView()
}

// noteView tells the ballot in which view the machine is, before anything of it leaves.
func (o *ordering) noteView() error {
	o.ballot.Leave(o.machine.View())
	if nv := o.machine.NewView(); nv != nil && nv.View >= o.machine.View() && o.cfg.Params.Quorum.Primary(nv.View) == o.cfg.Params.Self {
		return o.ballot.NewView(nv.View, sha256.Sum256(nv.Payload))
	}
	return nil
}

func (o *ordering) Stop() {}

func (o *ordering) now() sbft.Instant { return sbft.Instant(o.cfg.Clock().Sub(o.start)) }

func (o *ordering) Receive(c *shell.Context, msg any) {
	switch m := msg.(type) {
	case sbft.PeerStatus:
		c.Tell(o.cfg.Peers.Catchup, actorspb.PeerHeight{From: m.From, Executed: m.Executed, Stable: m.Durable})
		if err := o.cfg.Probation.hear(&o.cfg.Params, m.From, m.Executed, o.began); err != nil {
			c.Logger().Warn("the probation cannot be noted", "error", err)
		}
		o.step(m)
	case sbft.Input:
		o.step(m)
	case actorspb.Batch:
		o.step(sbft.Batch{Body: m.Body})
	case actorspb.PoolSize:
		o.step(sbft.Pending{Transactions: m.Transactions, Bytes: m.Bytes, Oldest: m.Oldest})
	case actorspb.Executed:
		b := m.Block
		o.step(sbft.Executed{Height: b.Header.Height, Digest: b.Body.Digest, Time: b.Body.Time, Checkpoint: b.Checkpoint(),
			Proof: sbft.Proof{View: b.Proof.View, Fast: b.Proof.Fast, Certificate: b.Proof.Certificate}})
	case actorspb.Certified:
		o.step(sbft.Certified{Height: m.Statement.Height})
	case actorspb.Persisted:
		o.step(sbft.Durable{Height: m.Height})
	case actorspb.Stable:
		o.step(sbft.Checkpoint{Seq: m.Seq, Digest: m.Digest, Certificate: m.Certificate})
	case actorspb.ExecutionStarted:
		o.step(sbft.Redeliver{From: m.Next})
	case timer:
		o.step(sbft.Fired{Timer: sbft.Timer(m)})
	}
}

// timer is a machine's timer that fired; a type of its own, so that it takes the
// local lane.
type timer sbft.Timer

func (o *ordering) step(in sbft.Input) {
	o.machine.Step(o.now(), in, &o.out)
}

// settle forgets what a certified checkpoint makes needless.
func (o *ordering) settle(c *shell.Context, stable sbft.Checkpoint) {
	o.ballot.Raise(stable.Seq)
	o.probe(c)
	c.Tell(o.cfg.Peers.Catchup, actorspb.Stable{Seq: stable.Seq, Digest: stable.Digest, Certificate: stable.Certificate})
	if stable.Seq >= o.cut+truncateEvery {
		if err := o.cfg.Log.Truncate(stable.Seq); err != nil {
			panic(&shell.Unrecoverable{Err: fmt.Errorf("shorten the vote log: %w", err)})
		}
		o.cut = stable.Seq
	}
}

// Flush completes what the messages since the last one staged.
func (o *ordering) Flush(c *shell.Context) { o.complete(c) }

// complete carries out the staged output in its order: persist, send, arm,
// deliver. Our own shares come back as inputs, hence the loop.
func (o *ordering) complete(c *shell.Context) {
	for {
		if len(o.out.Records) > 0 {
			o.persist()
		}
		for _, s := range o.out.Send {
			o.send(s)
		}
		o.timers(c)
		for _, w := range o.out.Work {
			o.combine(w)
		}
		if d := o.out.Draw; d != nil {
			c.Tell(o.cfg.Peers.Admission, actorspb.DrawBatch{Transactions: d.Transactions, Bytes: d.Bytes, After: d.After})
		}
		for _, d := range o.out.Deliver {
			c.Tell(o.cfg.Peers.Execution, actorspb.Decided{Height: ledger.Height(d.Seq), Body: d.Body,
				Proof: actorspb.Finality{View: d.Proof.View, Fast: d.Proof.Fast, Certificate: d.Proof.Certificate}})
		}
		if e := o.out.Entered; e != nil {
			c.Tell(o.cfg.Peers.Admission, actorspb.ViewEntered{View: e.View, Primary: e.Primary})
		}
		if o.out.Stable != nil {
			o.settle(c, *o.out.Stable)
		}
		o.cfg.Metrics.observe(c, o.out.Reports)
		o.stopOnViolation()
		for _, e := range o.out.Equivocations {
			o.keepEvidence(c, e)
		}
		o.cfg.Metrics.machine(o.machine)
		o.out.Reset()
		if len(o.loop) == 0 {
			return
		}
		loop := o.loop
		o.loop = nil
		for _, in := range loop {
			o.step(in)
		}
	}
}

// stopOnViolation stops the replica rather than let it lie: what it knows contradicts
// itself. If it is only its own state that is wrong it goes on without a voice, until it
// has another one.
func (o *ordering) stopOnViolation() {
	for _, r := range o.out.Reports {
		switch {
		case r.Kind == sbft.ReportViolation && r.Diverged && o.cfg.Diverged != nil:
			if o.cfg.Metrics.Divergent.Add(1) == 1 {
				o.cfg.Diverged(ledger.Height(r.Seq), r.Text)
			}
		case r.Kind == sbft.ReportViolation:
			panic(&shell.Unrecoverable{Err: fmt.Errorf("%w: %s", ErrViolation, r.Text)})
		}
	}
}

// ErrViolation means that certificates contradict each other or this replica's state.
var ErrViolation = errors.New("the ledger's guarantees are broken here; keep this replica's data folder and call the other organisations")

// keepEvidence makes a proof of exact bytes out of two signed proposals.
func (o *ordering) keepEvidence(c *shell.Context, e sbft.Equivocation) {
	if len(e.First.Signature) != ledger.SignatureSize || len(e.Second.Signature) != ledger.SignatureSize || o.cfg.Evidence == nil {
		return
	}
	proof := &evidence.Equivocation{Ledger: o.cfg.Params.Ledger, Epoch: o.cfg.Params.Epoch, View: e.View, Seq: e.Seq,
		First:  evidence.Proposal{Path: uint8(e.First.Path), Digest: e.First.Digest, Signature: [ledger.SignatureSize]byte(e.First.Signature)},
		Second: evidence.Proposal{Path: uint8(e.Second.Path), Digest: e.Second.Digest, Signature: [ledger.SignatureSize]byte(e.Second.Signature)}}
	proof.Order()
	if err := o.cfg.Evidence(proof); err != nil {
		c.Logger().Error("evidence cannot be kept", "view", e.View, "slot", e.Seq, "error", err)
	}
}

// persist asks the ballot, writes, and syncs once for everything staged.
func (o *ordering) persist() {
	for _, r := range o.out.Records {
		if r.Kind != sbft.RecordVote {
			continue
		}
		v, err := sbft.ParseVote(r)
		if err == nil {
			err = o.ballot.Record(ballotVote(v))
		}
		if err != nil {
			panic(&shell.Unrecoverable{Err: err})
		}
	}
	if err := o.noteView(); err != nil {
		panic(&shell.Unrecoverable{Err: err})
	}
	if err := o.cfg.Log.Append(o.out.Records); err != nil {
		panic(&shell.Unrecoverable{Err: fmt.Errorf("write the vote log: %w", err)})
	}
	if err := o.cfg.Log.Sync(); err != nil {
		panic(&shell.Unrecoverable{Err: fmt.Errorf("sync the vote log: %w", err)})
	}
}

func ballotVote(v sbft.Vote) ballot.Vote {
	return ballot.Vote{Epoch: v.Epoch, Phase: v.Phase, View: v.Slot.View, Seq: v.Slot.Seq, Digest: v.Slot.Digest}
}

func (o *ordering) timers(c *shell.Context) {
	for _, t := range o.out.Timers {
		if t.Cancel {
			c.Cancel(t.Timer)
		} else {
			c.After(t.Timer, time.Duration(t.After), timer(t.Timer))
		}
	}
}
