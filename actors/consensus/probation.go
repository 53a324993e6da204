package consensus

import (
	"slices"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
)

// Probation is what keeps a replica that lost its vote log from contradicting itself:
// it may have voted for any slot of its window, and does not know for what. So it signs
// nothing of agreement until a certified checkpoint settles every slot that it can have
// voted for. To the others it is a crashed replica meanwhile, not a Byzantine one. It
// follows, executes and answers like any other.
//
// A replica votes for slots up to a window above a checkpoint that f + c other honest
// ones have executed: any 2f + c + 1 others include one of them. So the highest of the
// lowest 2f + c + 1 first claims is at least that checkpoint, whatever f of them say; a
// liar can only make it higher, and no higher than the highest of others when more than
// those speak. That a checkpoint ends it needs 2f + c + 1 others anyway.
type Probation struct {
	// Until is the slot to be settled; 0: it is not known yet.
	Until ledger.Seq
	// Save keeps Until; End forgets that there was a probation. Both durably.
	Save func(until ledger.Seq) error
	End  func() error

	heard map[ledger.ReplicaID]ledger.Height // looked up, and sorted before use
}

// mute reports whether a message must not leave: it would say what this replica
// stands for.
func (p *Probation) mute(m sbft.Message) bool { return p != nil && stands(m) }

// stands reports whether a message says what its sender stands for.
func stands(m sbft.Message) bool {
	switch m.(type) {
	case sbft.OutPrePrepare, sbft.OutSignShare, sbft.OutCommitShare, sbft.OutCheckpointShare,
		sbft.OutComplaint, sbft.OutViewChange, sbft.OutNewView:
		return true
	default:
		return false
	}
}

// hear notes how far a replica says it is when it is first heard, and fixes the bound when
// enough have spoken. It may fall when more do. own is what this replica has executed
// itself: the votes may be lost without the blocks.
func (p *Probation) hear(params *sbft.Params, from ledger.ReplicaID, executed, own ledger.Height) error {
	if p == nil || from == params.Self {
		return nil
	}
	if p.heard == nil {
		p.heard = map[ledger.ReplicaID]ledger.Height{}
	}
	if _, again := p.heard[from]; again {
		return nil
	}
	p.heard[from] = executed
	enough := params.Quorum.Slow()
	if len(p.heard) < enough {
		return nil
	}
	until := ledger.Seq(max(p.sortedHeights()[enough-1], own)) + 2*ledger.Seq(params.Window) // #nosec G115 -- positive
	if p.Until != 0 && until >= p.Until {
		return nil
	}
	if err := p.Save(until); err != nil {
		delete(p.heard, from) // it is told again
		return err
	}
	p.Until = until
	return nil
}

func (p *Probation) sortedHeights() []ledger.Height {
	var out []ledger.Height
	for _, h := range p.heard {
		out = append(out, h)
	}
	slices.Sort(out)
	return out
}

// probe ends the probation when a checkpoint settles what it is about.
func (o *ordering) probe(c *shell.Context) {
	p := o.cfg.Probation
	if p == nil || p.Until == 0 || o.machine.Stable().Seq < p.Until {
		return
	}
	if err := p.End(); err != nil {
		c.Logger().Warn("the end of the probation cannot be noted; it goes on", "error", err)
		return
	}
	o.cfg.Probation = nil
	c.Logger().Info("every slot for which this replica can have voted before is settled: it votes again", "checkpoint", o.machine.Stable().Seq)
}
