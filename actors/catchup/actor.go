// Package catchup brings a replica that was away to where the others are, and
// serves blocks to those that were.
//
// In: heights that others claim, our own progress, requests for blocks and
// replies to ours. Out: requests, blocks, and decisions to execution whose
// commit certificates were checked here. Kept: the transfer machine. Durable:
// nothing.
package catchup

import (
	"errors"
	"fmt"
	"time"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/catchup/transfer"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// Blocks reads agreed blocks from the store.
type Blocks interface {
	Agreed(h ledger.Height) (*actorspb.AgreedBlock, error)
	Tip() (ledger.Height, ledger.Hash)
	Oldest() ledger.Height // the oldest whole block
}

// Config of the catchup actor.
type Config struct {
	Params    transfer.Params
	Ledger    ledger.ID
	Epoch     ledger.Epoch
	Public    *certificate.Public
	Blocks    Blocks
	Peer      func(ledger.ReplicaID) shell.PID // the catchup actor of another replica
	Replica   func(shell.PID) (ledger.ReplicaID, bool)
	Snapshots Snapshots
	Repairs   Repairs // nil: nothing is ever damaged
	Execution shell.PID
	Consensus shell.PID
	Collector shell.PID // verifies and keeps the execution certificates that come along
	// ValidityMax is how far ahead a transaction's validity may reach: the length of the
	// duplicate window.
	ValidityMax ledger.Time
	// Tell is told what this actor is doing, when that changes; nil: nobody is.
	Tell  func(Progress)
	Clock func() time.Time
	// Older reports whether the block below the oldest is to be fetched; nil: always.
	Older func() bool
	// Certified is told each newer checkpoint; nil: nobody is.
	Certified func(actorspb.Stable)
	// Restored gives what came with a backup: the manifest of its snapshot, and agreed blocks
	// from a height on; nil: nothing did.
	Restored func(from ledger.Height) (manifest []byte, blocks []*actorspb.AgreedBlock)
}

const (
	pollEvery    = 50 * time.Millisecond
	replyBytes   = 2 << 20
	replyBlocks  = 512
	requestBytes = 4 << 20
)

// Progress says how far this replica has come, for its operator.
type Progress struct {
	Local, Target ledger.Height
	Snapshot      ledger.Height // that is being fetched; 0: none
	Have, Parts   int           // of its state
	Installing    bool
	History       ledger.Height // the oldest block here; 0: no older one is wanted
	Serving       ledger.Height // the lowest from which somebody is being served; 0: nobody is
}

type catchup struct {
	cfg     *Config
	machine *transfer.Machine
	join    *joining
	serving *serving
	history *history
	mending *mending
	local   ledger.Height
	// replayed is the newest block of a backup that was given to execution; 0: there is none,
	// or the backup has no more.
	replayed ledger.Height
	executed ledger.Height // by execution since it started last
	told     Progress
	start    time.Time
}

// New describes the catchup actor.
func New(cfg *Config) shell.Spec {
	return shell.Spec{
		Name: "catchup",
		New:  func() shell.Behaviour { return &catchup{cfg: cfg} },
		Lanes: []shell.Lane{
			{Name: "local", Capacity: 4096, Overflow: shell.DropOldest}, // heights: the newest counts
			{Name: "replies", Capacity: 64, Overflow: shell.DropNewest}, // one is awaited from each peer; more is not asked for
			{Name: "peers", Capacity: 64, Overflow: shell.DropNewest},   // whoever asked asks again
		},
		Lane: func(msg any) int {
			switch msg.(type) {
			case *actorspb.FetchBlocks, *actorspb.FetchSnapshot:
				return 2
			case *actorspb.Blocks, *actorspb.SnapshotPiece:
				return 1
			}
			return 0
		},
	}
}

type poll struct{}

func (a *catchup) Start(c *shell.Context) error {
	a.start = a.cfg.Clock()
	tip, _ := a.cfg.Blocks.Tip()
	a.local = tip
	a.machine = transfer.New(a.cfg.Params, tip, a.now())
	a.serving, a.join, a.history = newServing(a.cfg), newJoining(a.cfg), newHistory(a.cfg)
	a.mending = newMending(a.cfg, a.join.machine)
	a.join.resume(c, tip, a.now())
	c.After(poll{}, pollEvery, poll{})
	return nil
}

func (a *catchup) Stop() {
	if a.serving != nil {
		a.serving.stop()
		a.join.stop()
	}
}

func (a *catchup) now() int64 { return int64(a.cfg.Clock().Sub(a.start)) }

func (a *catchup) Receive(c *shell.Context, msg any) {
	switch m := msg.(type) {
	case actorspb.PeerHeight:
		a.machine.OnPeer(m.From, m.Stable)
		a.join.machine.OnPeer(m.From, m.Stable)
		a.history.onPeer(m.From, m.Stable)
		a.mending.machine.OnPeer(m.From, m.Stable)
	case actorspb.Executed:
		a.local = max(a.local, m.Block.Header.Height)
		a.machine.OnLocal(m.Block.Header.Height, a.now())
		a.executed = m.Block.Header.Height
		a.goOn(c)
	case actorspb.ExecutionStarted:
		a.machine.OnRestart(m.Next-1, a.now())
		a.restart(c, m.Next)
	case actorspb.Stable:
		a.serving.onStable(m)
	case *actorspb.Blocks:
		a.onBlocks(c, m)
	case *actorspb.SnapshotPiece:
		from, ok := a.cfg.Replica(c.Sender())
		switch {
		case ok && a.history.wants(from, m.GetRequest()):
			a.history.onPiece(c, from, m, a.now())
		case ok && a.mending.machine.Wants(from, m.GetRequest()) != nil:
			a.mending.onPiece(c, from, m, a.now())
		case ok:
			a.join.onPiece(c, from, m, a.local, a.now())
		}
	case *actorspb.FetchBlocks, *actorspb.FetchSnapshot:
		a.onFetch(c, m)
		return
	case poll:
		c.After(poll{}, pollEvery, poll{})
		a.serving.collect(c)
		a.mending.poll(c, a.now())
		a.goOn(c)
	}
	a.ask(c)
}

// onFetch serves those who are members.
func (a *catchup) onFetch(c *shell.Context, msg any) {
	from, ok := a.cfg.Replica(c.Sender())
	if !ok {
		return
	}
	switch m := msg.(type) {
	case *actorspb.FetchBlocks:
		if m.GetOlder() {
			a.history.serve(c, m)
			return
		}
		a.serve(c, m)
	case *actorspb.FetchSnapshot:
		a.serving.answer(c, from, m)
	}
}

// ask sends what is to be fetched now: a snapshot when this replica is far behind,
// blocks otherwise, and history when there is nothing else to do.
func (a *catchup) ask(c *shell.Context) {
	now := a.now()
	wait := a.join.install == nil && a.join.machine.Consider(a.local, now)
	a.join.poll(c, now)
	a.report()
	if wait || a.join.install != nil || a.join.over != 0 {
		return
	}
	if f := a.machine.Next(now); f != nil {
		c.Tell(a.cfg.Peer(f.From), &actorspb.FetchBlocks{Request: f.Request, From: uint64(f.Height), Max: f.Blocks, BytesMax: requestBytes})
		return
	}
	if a.local+a.cfg.Params.Behind > a.join.machine.Reached() {
		a.history.ask(c, now)
	}
}

func (a *catchup) report() {
	if a.cfg.Tell == nil {
		return
	}
	p := Progress{Local: a.local, Target: max(a.local, a.join.machine.Reached()), Snapshot: a.join.machine.Height(),
		Installing: a.join.install != nil || a.join.over != 0, History: a.history.missing(), Serving: a.serving.lowest()}
	if a.join.over != 0 {
		p.Snapshot = a.join.over
	}
	p.Have, p.Parts = a.join.machine.Progress()
	if p != a.told {
		a.told = p
		a.cfg.Tell(p)
	}
}

// serve reads what was asked for, up to a bound of our own.
func (a *catchup) serve(c *shell.Context, m *actorspb.FetchBlocks) {
	tip, _ := a.cfg.Blocks.Tip()
	out := &actorspb.Blocks{Request: m.GetRequest(), From: m.GetFrom(), Tip: uint64(tip)}
	size := 0
	for h := max(ledger.Height(m.GetFrom()), 1); h >= a.cfg.Blocks.Oldest() && h <= tip && len(out.Blocks) < int(min(m.GetMax(), replyBlocks)); h++ {
		b, err := a.cfg.Blocks.Agreed(h)
		if err != nil {
			c.Logger().Warn("a block that another replica asks for cannot be read", "height", h, "error", err)
			break
		}
		for _, tx := range b.GetTxs() {
			size += len(tx)
		}
		if size > replyBytes && len(out.Blocks) > 0 {
			break
		}
		out.Blocks = append(out.Blocks, b)
	}
	c.Tell(c.Sender(), out)
}

// errBlock means that a fetched block is not what was agreed.
var errBlock = errors.New("a fetched block does not hold")

// onBlocks checks each block's certificate before it goes to execution. Blocks
// out of line stop there; execution takes only the next height anyway.
func (a *catchup) onBlocks(c *shell.Context, m *actorspb.Blocks) {
	from, ok := a.cfg.Replica(c.Sender())
	if ok && a.history.wants(from, m.GetRequest()) {
		a.history.take(c, from, m, a.now())
		return
	}
	if !ok || !a.machine.Wants(from, m.GetRequest()) {
		return
	}
	good, honest := 0, true
	next := a.machine.Awaited() // whatever the reply says that it begins with
	for _, raw := range m.GetBlocks() {
		d, err := a.check(raw, next)
		if err != nil {
			honest = false
			c.Logger().Warn("a replica served a block that does not hold", "replica", from, "height", next, "error", err)
			break
		}
		c.Tell(a.cfg.Execution, *d)
		a.passCertificate(c, raw)
		good++
		next++
	}
	a.machine.OnReply(from, m.GetRequest(), good, honest, a.now())
}

func (a *catchup) check(raw *actorspb.AgreedBlock, want ledger.Height) (*actorspb.Decided, error) {
	_, d, err := checkAgreed(a.cfg, raw, want)
	return d, err
}

// CheckAgreed verifies that a block of a height was agreed. Of the configuration it needs
// what says which ledger it is.
func CheckAgreed(cfg *Config, raw *actorspb.AgreedBlock, want ledger.Height) (*ledger.Header, error) {
	header, _, err := checkAgreed(cfg, raw, want)
	return header, err
}

func checkAgreed(cfg *Config, raw *actorspb.AgreedBlock, want ledger.Height) (*ledger.Header, *actorspb.Decided, error) {
	header, err := ledger.ParseHeader(raw.GetHeader())
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errBlock, err)
	}
	body := ledger.NewBody(cfg.Ledger, ledger.Proposal{Time: header.Proposed, Txs: raw.GetTxs()})
	if header.Height != want || header.Ledger != cfg.Ledger || body.Digest != header.ProposalDigest() {
		return nil, nil, fmt.Errorf("%w: header and transactions do not belong together", errBlock)
	}
	if err := checkCommit(cfg, header, raw.GetCommit()); err != nil {
		return nil, nil, err
	}
	proof, err := certificate.ParseFinality(raw.GetCommit())
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errBlock, err)
	}
	return header, &actorspb.Decided{Height: want, Body: body, Proof: *proof}, nil
}

// checkCommit verifies the proof that a block was agreed.
func checkCommit(cfg *Config, header *ledger.Header, commit []byte) error {
	if err := certificate.VerifyCommit(cfg.Public.Commit(), cfg.Ledger, cfg.Epoch, header, commit); err != nil {
		return fmt.Errorf("%w: %w", errBlock, err)
	}
	return nil
}

// passCertificate gives the block's execution certificate to the collector,
// which verifies it.
func (a *catchup) passCertificate(c *shell.Context, raw *actorspb.AgreedBlock) {
	header, err := ledger.ParseHeader(raw.GetHeader())
	if err != nil || len(raw.GetCertificate()) == 0 {
		return
	}
	outcome, err := ledger.ParseOutcome(raw.GetOutcome())
	if err != nil {
		return
	}
	c.Tell(a.cfg.Collector, actorspb.Certified{Certificate: raw.GetCertificate(), Statement: certificate.ExecutionStatement{
		Ledger: a.cfg.Ledger, Height: header.Height, Block: header.Hash(), StateRoot: outcome.StateRoot, ResultsRoot: outcome.ResultsRoot}})
}
