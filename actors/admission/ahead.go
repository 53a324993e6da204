package admission

import (
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
