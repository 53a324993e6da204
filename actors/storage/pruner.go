package storage

import (
	"time"

	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
)

// Pruning is what the storage actor needs to prune.
type Pruning struct {
	Below   func() (ledger.Height, error) // things below may go; asked now and then
	Holds   Holds
	Metrics *Metrics // nil: nobody looks
}

// PruneStep is how many blocks go in one step. Commits wait for a step, and it costs one
// sync.
const PruneStep = 8

const (
	pruneEvery = 100 * time.Millisecond // without load; a backlog then goes at 80 blocks a second
	pruneRetry = 10 * time.Second       // after a failure
)

type pruneTick struct{}

// pruner prunes in small steps between commits: twice as many blocks as are committed, so
// that what is left from before goes, too, and commits keep most of the time.
type pruner struct {
	below  ledger.Height
	credit int // blocks that may go now
}

func (p *pruner) begin(c *shell.Context, cfg *ActorConfig) {
	if cfg.Pruning != nil {
		c.After(pruneTick{}, pruneEvery, pruneTick{})
	}
}

// tick looks again how far things may go.
func (p *pruner) tick(c *shell.Context, cfg *ActorConfig) {
	below, err := cfg.Pruning.Below()
	if err != nil {
		p.failed(c, err)
		return
	}
	p.below = below
	c.After(pruneTick{}, pruneEvery, pruneTick{})
	p.step(c, cfg)
}

// committed is called after so many blocks.
func (p *pruner) committed(c *shell.Context, cfg *ActorConfig, blocks int) {
	if cfg.Pruning == nil {
		return
	}
	for p.credit += 2 * blocks; p.credit >= PruneStep; p.credit -= PruneStep {
		if p.below < cfg.Store.Oldest()+PruneStep || !p.step(c, cfg) {
			p.credit = 0
			return
		}
	}
}

func (p *pruner) step(c *shell.Context, cfg *ActorConfig) bool {
	n, err := cfg.Store.PruneBlocks(p.below, PruneStep, cfg.Pruning.Holds)
	if err != nil {
		p.failed(c, err)
		return false
	}
	cfg.Pruning.Metrics.pruned(n)
	return n > 0
}

// failed leaves it for a while. The ledger goes on; what cannot be pruned stays.
func (p *pruner) failed(c *shell.Context, err error) {
	p.below = 0
	c.Logger().Error("old blocks could not be pruned; it is tried again", "error", err)
	c.After(pruneTick{}, pruneRetry, pruneTick{})
}
