package consensus

import (
	"crypto/rand"
	"fmt"
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
	unsure  []collector.Certified // told to those who wait, not verified yet
}

// verifyTogether is how many certificates share the cost of one verification.
const verifyTogether = 32

// verifyAfter is how long a certificate waits for others at most.
const verifyAfter = 200 * time.Millisecond

type verifyDue struct{}

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

func (a *certifying) Start(c *shell.Context) error {
	height, _, err := a.cfg.Tip()
	if err != nil {
		return err
	}
	a.start = a.cfg.Clock()
	a.machine = collector.New(collector.Params{Self: a.cfg.Params.Self, Ledger: a.cfg.Params.Ledger,
		Quorum: a.cfg.Params.Quorum, Window: 4 * a.cfg.Params.Window, Retry: int64(certifyRetry)}, a.from(height)-1)
	return a.resume(c, height)
}

// from is the lowest height whose certificate is cared for after a start.
func (a *certifying) from(tip ledger.Height) ledger.Height {
	window := ledger.Height(a.cfg.Params.Window) // #nosec G115 -- positive
	return max(tip, window) - window + 1
}

// resume takes the newest blocks of the store up again. When all replicas stop at once,
// a block may be stored everywhere and certified nowhere: whoever waits for its receipt
// would wait for ever if nobody signed it again.
func (a *certifying) resume(c *shell.Context, tip ledger.Height) error {
	if a.cfg.Stored == nil || tip == 0 {
		return nil
	}
	stored, err := a.cfg.Stored(a.from(tip), tip)
	if err != nil {
		return fmt.Errorf("read the newest blocks' certificates: %w", err)
	}
	for _, b := range stored {
		if b.Certificate != nil { // so that others who lack it are answered
			a.machine.OnCertified(collector.Certified{Statement: b.Statement, Certificate: b.Certificate}, &a.out)
			a.out.Certified = a.out.Certified[:0]
			continue
		}
		a.outcome(b.Statement, b.View, b.Fast)
	}
	a.complete(c)
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
		a.onCertified(c, m)
	case actorspb.Certified:
		a.onCertified(c, collector.Certified{Statement: m.Statement, Certificate: m.Certificate})
	case verifyDue:
		a.verifyUnsure(c)
	case retry:
		a.machine.OnRetry(a.now(), &a.out)
	}
	a.complete(c)
}

func (a *certifying) onExecuted(b *actorspb.ExecutedBlock) {
	if a.cfg.Metrics.Divergent.Load() > 0 {
		return // what comes of a wrong state is wrong
	}
	st := certificate.ExecutionStatement{Ledger: a.cfg.Params.Ledger, Height: b.Header.Height, Block: b.Hash,
		StateRoot: b.Outcome.StateRoot, ResultsRoot: b.Outcome.ResultsRoot}
	a.outcome(st, b.Proof.View, b.Proof.Fast)
}

// outcome signs what was executed and gives the share to the slot's first collector.
func (a *certifying) outcome(st certificate.ExecutionStatement, view ledger.View, fast bool) {
	path := sbft.PathSlow
	if fast {
		path = sbft.PathFast
	}
	first := sbft.Collectors(a.cfg.Params, view, ledger.Seq(st.Height), path)[0]
	a.machine.OnOutcome(a.now(), collector.Outcome{Statement: st, Share: a.cfg.ExecutionSigner.Sign(st), First: first}, &a.out)
}

// onCertified takes a certificate from another collector. A pairing is dear, and
// nothing here depends on it: whoever gets a receipt verifies it. So it is told
// at once to those who wait, and verified together with others before it is kept.
func (a *certifying) onCertified(c *shell.Context, m collector.Certified) {
	if a.machine.Knows(m.Statement.Height) || a.pending(m) {
		return
	}
	told := actorspb.Certified{Statement: m.Statement, Certificate: m.Certificate}
	c.Tell(a.cfg.Peers.Admission, told)
	c.Tell(a.cfg.Peers.Consensus, told)
	a.machine.Believe(m.Statement.Height)
	a.unsure = append(a.unsure, m)
	if len(a.unsure) >= verifyTogether {
		a.verifyUnsure(c)
	} else if len(a.unsure) == 1 {
		c.After(verifyDue{}, verifyAfter, verifyDue{})
	}
}

func (a *certifying) pending(m collector.Certified) bool {
	for _, u := range a.unsure {
		if u.Statement == m.Statement {
			return true
		}
	}
	return false
}

// verifyUnsure checks all at once, and each alone when they do not hold together.
func (a *certifying) verifyUnsure(c *shell.Context) {
	c.Cancel(verifyDue{})
	statements := make([]certificate.ExecutionStatement, len(a.unsure))
	certs := make([]certificate.ExecutionCertificate, len(a.unsure))
	for i, u := range a.unsure {
		statements[i], certs[i] = u.Statement, u.Certificate
	}
	together := a.cfg.Public.Execution().VerifyMany(rand.Reader, statements, certs) == nil
	for _, u := range a.unsure {
		if together || a.cfg.Public.Execution().Verify(u.Statement, u.Certificate) == nil {
			a.machine.OnCertified(u, &a.out)
		} else {
			c.Logger().Warn("an execution certificate does not verify", "height", u.Statement.Height)
			a.machine.Doubt(u.Statement.Height, &a.out)
		}
	}
	a.unsure = a.unsure[:0]
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
		c.Tell(a.cfg.Peers.Consensus, told)
		c.Tell(a.cfg.Peers.Storage, told)
	}
	for _, d := range a.out.Divergent {
		if a.cfg.Metrics.Divergent.Add(1) == 1 && a.cfg.Diverged != nil {
			a.cfg.Diverged(d.Statement.Height, "f+1 replicas certify another outcome")
		}
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
