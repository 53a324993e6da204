package admission

import (
	"time"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
)

// Names of the built-in contract's deployments.
const (
	systemContract = "concordat"
	methodDeploy   = "deploy"
	methodUpgrade  = "upgrade"
)

// othersShare is the part of a compilation's time that the others get besides: they began
// about when this replica did, and a block waits for whoever is not done.
const othersShare = 4

// release ends the time that the others get.
type release struct{ tx ledger.Hash }

// ready has a deployment proposed soon: its module is compiled here.
func (a *admission) ready(c *shell.Context, tx ledger.Hash) {
	until := a.pool.HeldUntil(tx)
	if until == 0 {
		return
	}
	took := holdMax - time.Duration(until-a.now())
	if more := took / othersShare; more > tickEvery/10 {
		c.After(release{tx}, more, release{tx})
		return
	}
	a.pool.Release(tx)
}

// ahead has the module of a deployment compiled by everyone before it is proposed, so
// that no block waits for a compiler. It returns until when the deployment is held; 0:
// it is not. What is sent on here is what an administrator has signed; whoever sends
// more of it than can be compiled finds his blocks slower, and nobody else's.
func (a *admission) ahead(c *shell.Context, s *staged) ledger.Time {
	tx := s.parsed.Transaction
	if a.cfg.Compile == nil || tx.Contract != systemContract || tx.Method != methodDeploy && tx.Method != methodUpgrade {
		return 0
	}
	rec, err := a.party(tx.Party)
	if err != nil || rec == nil || !rec.Admin {
		return 0 // it will be refused
	}
	d, err := ledger.ParseDeployment(tx.Args)
	if err != nil {
		return 0
	}
	if a.cfg.Everyone != nil && a.cfg.IsPrimary() && !s.all { // it came to this replica alone
		for _, to := range a.cfg.Everyone() {
			c.Tell(to, &actorspb.Submit{Envelopes: [][]byte{s.parsed.Raw}, All: true})
		}
	}
	if !a.cfg.Compile(s.parsed.ID, d.Code) {
		return 0
	}
	return a.now() + ledger.Time(holdMax)
}
