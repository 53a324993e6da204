package storage

import (
	"errors"
	"fmt"
	"time"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
)

// ActorConfig of the storage actor, the only writer of the store.
type ActorConfig struct {
	Store     *Store
	Execution shell.PID
	Tell      []shell.PID // of what is durable
	Full      func(bool)  // told when the disk is full, and when it no longer is
	Pruning   *Pruning    // nil: everything is kept
}

// diskRetry is how often a full disk is tried again.
const diskRetry = time.Second

// dropEvery is how many blocks pass between sweeps of expired commands.
const dropEvery = 2048

type writer struct {
	cfg     *ActorConfig
	staged  []*actorspb.ExecutedBlock
	certs   []actorspb.Certified
	next    ledger.Height // of the next block to stage
	asked   bool
	full    bool
	dropped ledger.Height
	flush   flusher
	pruner  pruner
}

// NewActor describes the storage actor.
func NewActor(cfg *ActorConfig) shell.Spec {
	return shell.Spec{
		Name:  "storage",
		New:   func() shell.Behaviour { return &writer{cfg: cfg, flush: newFlusher()} },
		Lanes: []shell.Lane{{Name: "local", Capacity: 1 << 13, Overflow: shell.DropNewest}}, // blocks are asked for again
	}
}

func (w *writer) Start(c *shell.Context) error {
	tip, _ := w.cfg.Store.Tip()
	w.next = tip + 1
	c.Tell(w.cfg.Execution, actorspb.StorageStarted{Tip: tip})
	w.pruner.begin(c, w.cfg)
	return nil
}

func (w *writer) Stop() { w.flush.wait() }

type tryAgain struct{}

func (w *writer) Receive(c *shell.Context, msg any) {
	switch m := msg.(type) {
	case actorspb.Executed:
		switch h := m.Block.Header.Height; {
		case h == w.next:
			w.staged = append(w.staged, m.Block)
			w.next++
			w.asked = false
		case h > w.next && !w.asked:
			w.asked = true
			c.Tell(w.cfg.Execution, actorspb.StorageStarted{Tip: w.next - 1})
		}
	case actorspb.Certified:
		w.certs = append(w.certs, m)
	case tryAgain:
	case pruneTick:
		w.pruner.tick(c, w.cfg)
	}
}

// groupMax bounds the blocks that one sync serves.
const groupMax = 32

// Flush writes what is staged: a transaction a block, one sync for the group.
func (w *writer) Flush(c *shell.Context) {
	for len(w.staged) > 0 {
		group := w.staged[:min(len(w.staged), groupMax)]
		if !w.commit(c, group) {
			return
		}
		last := group[len(group)-1].Header
		w.flush.after(c, w.cfg.Store, group)
		w.staged = w.staged[len(group):]
		for _, to := range w.cfg.Tell {
			c.Tell(to, actorspb.Persisted{Height: last.Height, Time: last.Time})
		}
		w.sweep(c, last)
		w.pruner.committed(c, w.cfg, len(group))
	}
	w.certificates(c)
}

func (w *writer) commit(c *shell.Context, group []*actorspb.ExecutedBlock) bool {
	commits := make([]*BlockCommit, len(group))
	for i, b := range group {
		commits[i] = blockCommit(b)
	}
	err := w.cfg.Store.CommitGroup(commits)
	var full *DiskFullError
	if errors.As(err, &full) {
		if !w.full {
			c.Logger().Error("the disk is full; this replica stops taking part until there is room", "error", err)
			w.cfg.Full(true)
		}
		w.full = true
		c.After(tryAgain{}, diskRetry, tryAgain{})
		return false
	}
	if err != nil {
		panic(&shell.Unrecoverable{Err: fmt.Errorf("store block %d: %w", group[0].Header.Height, err)})
	}
	if w.full {
		w.full = false
		w.cfg.Full(false)
		c.Logger().Info("there is room on the disk again")
	}
	return true
}

func blockCommit(b *actorspb.ExecutedBlock) *BlockCommit {
	out := &BlockCommit{Height: b.Header.Height, BlockHash: b.Hash, CommandsSum: b.CommandsSum, Header: b.Header.Marshal(), Commit: b.Proof.Marshal(),
		Outcome: b.Outcome.Marshal(), Txs: b.Body.Txs, TxIDs: b.TxIDs, Changes: b.Changes, Places: b.Places, Tree: b.Tree}
	for _, r := range b.Results {
		out.Results = append(out.Results, r.Marshal())
	}
	for _, cmd := range b.Commands {
		out.Commands = append(out.Commands, Command{Key: cmd.Key, Height: cmd.Place.Height, Index: cmd.Place.Index, Expires: cmd.Expires})
	}
	return out
}

// certificates are kept beside the blocks; they become durable with the next one.
func (w *writer) certificates(c *shell.Context) {
	tip, _ := w.cfg.Store.Tip()
	var later []actorspb.Certified
	for _, cert := range w.certs {
		if cert.Statement.Height > tip {
			later = append(later, cert)
			continue
		}
		if err := w.cfg.Store.PutCertificate(cert.Statement.Height, cert.Certificate); err != nil {
			c.Logger().Warn("an execution certificate could not be kept", "height", cert.Statement.Height, "error", err)
		}
	}
	if len(later) > groupMax*4 {
		later = later[len(later)-groupMax*4:]
	}
	w.certs = later
}

func (w *writer) sweep(c *shell.Context, last ledger.Header) {
	if last.Height < w.dropped+dropEvery {
		return
	}
	w.dropped = last.Height
	if _, err := w.cfg.Store.DropCommands(last.Time); err != nil {
		c.Logger().Warn("expired commands could not be dropped", "error", err)
	}
}
