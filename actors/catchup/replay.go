package catchup

import (
	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
)

// replay gives the others in this process what a backup brought, checked like what other
// replicas serve. Consensus is told the checkpoint with which the store began: when
// all replicas come from backups, nobody else could tell, and slots that high would be
// out of everyone's window. Execution is given the blocks above it.
func (a *catchup) replay(c *shell.Context, next ledger.Height) {
	if a.cfg.Restored == nil {
		return
	}
	manifest, blocks := a.cfg.Restored(next)
	if m, err := CheckManifest(a.cfg, manifest); err == nil && m.Header.Height < next {
		c.Tell(a.cfg.Consensus, actorspb.Stable{Seq: ledger.Seq(m.Header.Height), Digest: m.Digest(), Certificate: m.Certificate})
	}
	for _, raw := range blocks {
		d, err := a.check(raw, next)
		if err != nil {
			c.Logger().Warn("a block of a backup does not hold; it is fetched from others", "height", next, "error", err)
			return
		}
		c.Tell(a.cfg.Execution, *d)
		a.passCertificate(c, raw)
		next++
	}
}
