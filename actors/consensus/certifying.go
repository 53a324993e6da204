package consensus

import (
	"time"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/consensus/collector"
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// certifyRetry is the patience of a replica with a collector before it tries the
// next one.
const certifyRetry = 100 * time.Millisecond

// certifying is the actor around the collector of execution certificates. It is
// off the ordering path: a pairing costs more than everything else a slot needs.
type certifying struct {
	cfg     *Config
	machine *collector.Machine
	start   time.Time
	out     collector.Output
}

// NewCertifying describes the collector actor.
func NewCertifying(cfg *Config) shell.Spec {
	return shell.Spec{
		Name: "collector",
		New:  func() shell.Behaviour { return &certifying{cfg: cfg} },
		Lanes: []shell.Lane{
			{Name: "local", Capacity: 4096, Overflow: shell.DropOldest}, // a lost outcome is certified by others
			{Name: "peers", Capacity: 4096, Overflow: shell.DropOldest}, // shares are sent again
		},
		Lane: func(msg any) int {
			switch msg.(type) {
			case collector.Share, collector.Certified:
				return 1
			default:
				return 0
			}
		},
	}
}

func (a *certifying) Start(*shell.Context) error {
	height, _, err := a.cfg.Tip()
	if err != nil {
		return err
	}
	a.start = a.cfg.Clock()
	a.machine = collector.New(collector.Params{Self: a.cfg.Params.Self, Ledger: a.cfg.Params.Ledger,
		Quorum: a.cfg.Params.Quorum, Window: 4 * a.cfg.Params.Window, Retry: int64(certifyRetry)}, height)
	return nil
}

func (a *certifying) Stop() {}

func (a *certifying) now() int64 { return int64(a.cfg.Clock().Sub(a.start)) }

type retry struct{}

func (a *certifying) Receive(c *shell.Context, msg any) {
	switch m := msg.(type) {
	case actorspb.Executed:
		a.onExecuted(m.Block)
	case collector.Share:
		a.machine.OnShare(m, &a.out)
	case collector.Certified:
		a.onCertified(m)
	case actorspb.Certified:
		a.onCertified(collector.Certified{Statement: m.Statement, Certificate: m.Certificate})
	case retry:
		a.machine.OnRetry(a.now(), &a.out)
	}
	a.complete(c)
}

func (a *certifying) onExecuted(b *actorspb.ExecutedBlock) {
	st := certificate.ExecutionStatement{Ledger: a.cfg.Params.Ledger, Height: b.Header.Height, Block: b.Hash,
		StateRoot: b.Outcome.StateRoot, ResultsRoot: b.Outcome.ResultsRoot}
	path := sbft.PathSlow
	if b.Proof.Fast {
		path = sbft.PathFast
	}
	first := sbft.Collectors(a.cfg.Params, b.Proof.View, ledger.Seq(b.Header.Height), path)[0]
	a.machine.OnOutcome(a.now(), collector.Outcome{Statement: st, Share: a.cfg.ExecutionSigner.Sign(st), First: first}, &a.out)
}

// onCertified verifies a certificate before it is believed.
func (a *certifying) onCertified(m collector.Certified) {
	if a.machine.Knows(m.Statement.Height) {
		return
	}
	if err := a.cfg.Public.Execution().Verify(m.Statement, m.Certificate); err == nil {
		a.machine.OnCertified(m, &a.out)
	}
}

func (a *certifying) complete(c *shell.Context) {
	for len(a.out.Combine) > 0 {
		work := a.out.Combine
		a.out.Combine = nil
		for _, w := range work {
			cert, bad, _ := a.cfg.Public.Execution().Combine(w.Statement, w.Shares) // too few good ones: cert is nil
			a.machine.OnCombined(collector.Combined{Statement: w.Statement, Certificate: cert, Bad: bad}, &a.out)
		}
	}
	for _, s := range a.out.Send {
		a.cfg.Transport.Send(s.To, false, encodeExecuteShare(s.Share))
	}
	for _, p := range a.out.Broadcast {
		a.cfg.Transport.Broadcast(false, encodeExecuteProof(p))
	}
	for _, s := range a.out.Answer {
		a.cfg.Transport.Send(s.To, false, encodeExecuteProof(s.Certified))
	}
	for _, p := range a.out.Certified {
		told := actorspb.Certified{Statement: p.Statement, Certificate: p.Certificate}
		c.Tell(a.cfg.Peers.Admission, told)
		c.Tell(a.cfg.Peers.Storage, told)
		c.Tell(a.cfg.Peers.Execution, told)
	}
	for _, d := range a.out.Divergent {
		a.cfg.Metrics.Divergent.Add(1)
		c.Logger().Error("this replica's state differs from what f+1 replicas certify; it must be rebuilt",
			"height", d.Statement.Height, "certified_state_root", d.Statement.StateRoot)
	}
	for _, id := range a.out.Liars {
		c.Logger().Warn("a replica sent an execution share that does not verify", "replica", id)
	}
	if a.out.Retry {
		c.After(retry{}, certifyRetry, retry{})
	}
	a.out = collector.Output{}
}
