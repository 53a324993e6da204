package consensus

import (
	"errors"
	"fmt"
	"time"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/consensus/ballot"
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
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
	o.ballot = ballot.New()
	o.ballot.Raise(ledger.Seq(height))
	restored := sbft.Restored{Durable: height, DurableTime: at}
	err = o.cfg.Log.Replay(func(r sbft.Record) error {
		if r.Seq <= ledger.Seq(height) {
			return nil
		}
		restored.Records = append(restored.Records, r)
		if r.Kind != sbft.RecordVote {
			return nil
		}
		v, err := sbft.ParseVote(r)
		if err != nil {
			return err
		}
		return o.ballot.Record(ballotVote(v))
	})
	if err != nil {
		return &shell.Unrecoverable{Err: fmt.Errorf("replay the vote log: %w", err)}
	}
	if o.machine, err = sbft.New(o.cfg.Params, restored); err != nil {
		return fmt.Errorf("start the ordering machine: %w", err)
	}
	o.cut = ledger.Seq(height)
	o.step(sbft.Started{})
	o.complete(c)
	c.Tell(o.cfg.Peers.Admission, actorspb.DrawBatch{}) // asks for the pool's size
	return nil
}

func (o *ordering) Stop() {}

func (o *ordering) now() sbft.Instant { return sbft.Instant(o.cfg.Clock().Sub(o.start)) }

func (o *ordering) Receive(c *shell.Context, msg any) {
	switch m := msg.(type) {
	case sbft.PeerStatus:
		c.Tell(o.cfg.Peers.Catchup, actorspb.PeerHeight{From: m.From, Executed: m.Executed, Stable: m.Durable})
		o.step(m)
	case sbft.Input:
		o.step(m)
	case actorspb.Batch:
		o.step(sbft.Batch{Body: m.Body})
	case actorspb.PoolSize:
		o.step(sbft.Pending{Transactions: m.Transactions, Bytes: m.Bytes})
	case actorspb.Executed:
		o.step(sbft.Executed{Height: m.Block.Header.Height})
	case actorspb.Certified:
		o.step(sbft.Certified{Height: m.Statement.Height})
	case actorspb.Persisted:
		o.onPersisted(m.Height)
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

func (o *ordering) onPersisted(h ledger.Height) {
	o.step(sbft.Durable{Height: h})
	o.ballot.Raise(ledger.Seq(h))
	if ledger.Seq(h) >= o.cut+truncateEvery {
		if err := o.cfg.Log.Truncate(ledger.Seq(h)); err != nil {
			panic(&shell.Unrecoverable{Err: fmt.Errorf("shorten the vote log: %w", err)})
		}
		o.cut = ledger.Seq(h)
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
		o.cfg.Metrics.observe(c, o.out.Reports)
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

// send signs what must be signed and lets the message leave.
func (o *ordering) send(s sbft.Send) {
	epoch := o.cfg.Params.Epoch
	switch m := s.Message.(type) {
	case sbft.OutPrePrepare:
		sig := m.Signature
		if len(sig) == 0 {
			sig = o.signProposal(m)
		}
		if len(sig) == 0 {
			return
		}
		o.transmit(s, encodePrePrepare(epoch, m, sig))
	case sbft.OutSignShare:
		in, ok := o.signShare(m)
		if ok {
			o.transmitOrLoop(s, in, func() []byte { return encodeSignShare(epoch, in) })
		}
	case sbft.OutCommitShare:
		in, ok := o.signCommitShare(m)
		if ok {
			o.transmitOrLoop(s, in, func() []byte { return encodeCommitShare(epoch, in) })
		}
	case sbft.OutPrepare:
		o.transmit(s, encodePrepare(epoch, m))
	case sbft.OutCommitProof:
		o.transmit(s, encodeCommitProof(epoch, m))
	case sbft.OutStatus:
		o.transmit(s, encodeStatus(epoch, m))
	}
}

func (o *ordering) transmitOrLoop(s sbft.Send, in sbft.Input, encoded func() []byte) {
	if !s.Broadcast && s.To == o.cfg.Params.Self {
		o.loop = append(o.loop, in)
		return
	}
	o.transmit(s, encoded())
}

func (o *ordering) transmit(s sbft.Send, payload []byte) {
	bulk := len(payload) > controlBytesMax
	if s.Broadcast {
		o.cfg.Transport.Broadcast(bulk, payload)
	} else {
		o.cfg.Transport.Send(s.To, bulk, payload)
	}
}

// sign makes a share of a recorded vote. A slot that was settled meanwhile needs
// none any more; any other refusal means that something is broken.
func (o *ordering) sign(phase certificate.Phase, id sbft.SlotID) []byte {
	v := ballot.Vote{Epoch: o.cfg.Params.Epoch, Phase: phase, View: id.View, Seq: id.Seq, Digest: id.Digest}
	if err := o.ballot.May(v); err != nil {
		return nil
	}
	share, err := o.cfg.Signer.Sign(sbft.Statement(o.cfg.Params.Ledger, o.cfg.Params.Epoch, phase, id))
	if err != nil {
		panic(&shell.Unrecoverable{Err: fmt.Errorf("sign a share: %w", err)})
	}
	return share.Signature
}

func (o *ordering) signProposal(m sbft.OutPrePrepare) []byte {
	v := ballot.Vote{Epoch: o.cfg.Params.Epoch, Phase: sbft.PhasePropose, View: m.View, Seq: m.Seq, Digest: m.Body.Digest}
	if err := o.ballot.May(v); err != nil {
		return nil
	}
	return o.cfg.SigningKey.Sign(ledger.ProposalBytes(o.cfg.Params.Ledger, o.cfg.Params.Epoch, m.View, m.Seq, uint8(m.Path), m.Body.Digest))
}

func (o *ordering) signShare(m sbft.OutSignShare) (sbft.SignShare, bool) {
	if !o.signed.any || o.signed.slot != m.Slot || (m.Fast && o.signed.fast == nil) {
		o.signed.any, o.signed.slot = true, m.Slot
		o.signed.prepare, o.signed.fast = o.sign(certificate.Prepare, m.Slot), nil
		if m.Fast {
			o.signed.fast = o.sign(certificate.Fast, m.Slot)
		}
	}
	return sbft.SignShare{From: o.cfg.Params.Self, Slot: m.Slot, Fast: o.signed.fast, Prepare: o.signed.prepare}, o.signed.prepare != nil
}

func (o *ordering) signCommitShare(m sbft.OutCommitShare) (sbft.CommitShare, bool) {
	if !o.signed.haveCommit || o.signed.commitSlot != m.Slot {
		o.signed.haveCommit, o.signed.commitSlot = true, m.Slot
		o.signed.commit = o.sign(certificate.Commit, m.Slot)
	}
	return sbft.CommitShare{From: o.cfg.Params.Self, Slot: m.Slot, Share: o.signed.commit}, o.signed.commit != nil
}

// combine computes at once: a batch of a few Ed25519 signatures costs less than
// a hop to a worker and back.
func (o *ordering) combine(w sbft.Combine) {
	cert, bad, err := o.cfg.Public.Commit().Combine(sbft.Statement(o.cfg.Params.Ledger, o.cfg.Params.Epoch, w.Phase, w.Slot), w.Shares)
	if err != nil && !errors.Is(err, certificate.ErrNotEnough) {
		panic(&shell.Unrecoverable{Err: fmt.Errorf("combine shares: %w", err)})
	}
	o.loop = append(o.loop, sbft.Combined{Slot: w.Slot, Phase: w.Phase, Certificate: cert, Bad: bad})
}
