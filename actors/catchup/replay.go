package catchup

import (
	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
)

// restart tells consensus of the checkpoint with which the store began, if a backup brought
// it: when all replicas come from backups, nobody else could tell, and slots that high
// would be out of everyone's window.
func (a *catchup) restart(c *shell.Context, next ledger.Height) {
	a.replayed, a.executed = 0, next-1
	if a.cfg.Restored == nil {
		return
	}
	manifest, blocks := a.cfg.Restored(next)
	if m, err := CheckManifest(a.cfg, manifest); err == nil && m.Header.Height < next {
		c.Tell(a.cfg.Consensus, actorspb.Stable{Seq: ledger.Seq(m.Header.Height), Digest: m.Digest(), Certificate: m.Certificate})
	}
	a.replay(c, next, blocks)
}

// replayAhead is how far execution may be ahead of the store: it keeps what it executed
// until that is stored, and refuses more when it has too much.
const replayAhead = 1024

// goOn gives more of a backup when what was given of it is executed: nobody else may have
// those blocks.
func (a *catchup) goOn(c *shell.Context) {
	tip, _ := a.cfg.Blocks.Tip()
	if a.replayed == 0 || a.executed < a.replayed || a.executed > tip+replayAhead {
		return
	}
	a.replayed = 0
	_, blocks := a.cfg.Restored(a.executed + 1)
	a.replay(c, a.executed+1, blocks)
}

// replay gives execution the blocks that a backup brought, checked like what other replicas
// serve, and keeps the last height that was given.
func (a *catchup) replay(c *shell.Context, next ledger.Height, blocks []*actorspb.AgreedBlock) {
	for _, raw := range blocks {
		d, err := a.check(raw, next)
		if err != nil {
			c.Logger().Warn("a block of a backup does not hold; it is fetched from others", "height", next, "error", err)
			a.replayed = 0
			return
		}
		c.Tell(a.cfg.Execution, *d)
		a.passCertificate(c, raw)
		a.replayed = next
		next++
	}
}
