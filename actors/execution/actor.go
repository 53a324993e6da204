package execution

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// Store is the durable chain and state as execution reads them.
type Store interface {
	Tip() (ledger.Height, ledger.Hash)
	reader
	Tree(at ledger.Height) (*tree.Tree, error)
	RebuildTree(at ledger.Height) (*tree.Tree, error)
	Header(h ledger.Height) ([]byte, error)
	Commands(fn func(actorspb.Command) error) error
	Outcome(h ledger.Height) (*ledger.Outcome, error)
	CommandsSum(h ledger.Height) (ledger.Hash, error)
}

// Config of the execution actor.
type Config struct {
	Ledger  ledger.ID
	Genesis *ledger.Genesis
	File    []byte // of genesis, as it is
	Store   Store
	Modules *contracts.Modules
	Shadow  *contracts.Shadow // nil: nothing is run a second time
	Tell    []shell.PID       // of executed blocks
	Ask     []shell.PID       // for decisions, after a start
	Logger  *slog.Logger      // for what contracts log; nil: nowhere
}

// waitingMax bounds executed blocks that storage has not taken yet; consensus
// stops proposing long before.
const waitingMax = 4096

type execution struct {
	cfg     *Config
	chain   *chain
	waiting map[ledger.Height]*actorspb.ExecutedBlock // executed, not durable; looked up only
	durable ledger.Height
	asked   ledger.Height // gap that was asked about
	began   bool
}

// New describes the execution actor.
func New(cfg *Config) shell.Spec {
	return shell.Spec{
		Name:  "execution",
		New:   func() shell.Behaviour { return &execution{cfg: cfg} },
		Lanes: []shell.Lane{{Name: "local", Capacity: 1 << 13, Overflow: shell.DropNewest}}, // decisions are asked for again
	}
}

// ErrState means that the store does not hold the state that was certified.
var ErrState = errors.New("the stored state does not give the stored root")

func (e *execution) Start(c *shell.Context) error {
	e.began = false
	return e.begin(c)
}

// stateError says that the store does not hold the state that was certified.
type stateError struct{ error }

// Damaged marks it as one that comes of a damaged store.
func (stateError) Damaged() bool { return true }

func (e stateError) Unwrap() error { return e.error }

// damaged reports whether an error tells of damage, which is being repaired meanwhile.
func damaged(err error) bool {
	var d interface{ Damaged() bool }
	return errors.As(err, &d) && d.Damaged()
}

// repairPause is how long to wait before the store is tried again.
const repairPause = 500 * time.Millisecond

type tryAgain struct{}

// begin loads the chain. As long as what it needs is damaged, it waits for the repair:
// to fail over and over would end the replica.
func (e *execution) begin(c *shell.Context) error {
	chain, err := load(e.cfg)
	if damaged(err) && !errors.Is(err, ErrState) {
		e.pause(c, err)
		return nil
	}
	if err != nil {
		return err
	}
	e.chain, e.durable, e.waiting, e.asked = chain, chain.height, map[ledger.Height]*actorspb.ExecutedBlock{}, 0
	if e.began {
		c.Logger().Info("execution goes on", "height", chain.height)
	}
	e.began = true
	for _, to := range e.cfg.Ask {
		c.Tell(to, actorspb.ExecutionStarted{Next: chain.height + 1})
	}
	return nil
}

// pause forgets the chain, which may hold what is damaged, and tries to load it later.
func (e *execution) pause(c *shell.Context, err error) {
	if e.chain != nil || !e.began {
		c.Logger().Warn("execution waits until the store is repaired", "error", err)
	}
	e.chain, e.began = nil, true
	c.After(tryAgain{}, repairPause, tryAgain{})
}

// load rebuilds what execution keeps from the store, and compares roots.
func load(cfg *Config) (*chain, error) {
	height, hash := cfg.Store.Tip()
	c := &chain{id: cfg.Ledger, limits: cfg.Genesis.Limits, height: height, hash: hash,
		modules: cfg.Modules, shadow: cfg.Shadow, logger: cfg.Logger, values: newValues(cfg.Store, height), window: newWindow()}
	var err error
	if c.genesis, err = founding(cfg.Genesis, cfg.File); err != nil {
		return nil, err
	}
	if height == 0 {
		if c.tree, err = cfg.Store.Tree(0); err != nil {
			return nil, err
		}
		c.hash = cfg.Ledger
		c.values.apply(0, c.genesis) // visible to queries before the first block
		return c, nil
	}
	raw, err := cfg.Store.Header(height)
	if err != nil {
		return nil, fmt.Errorf("read the header of height %d: %w", height, err)
	}
	header, err := ledger.ParseHeader(raw)
	if err != nil {
		return nil, fmt.Errorf("read the header of height %d: %w", height, err)
	}
	c.time = header.Time
	if c.sum, err = cfg.Store.CommandsSum(height); err != nil {
		return nil, fmt.Errorf("read the digest of commands of height %d: %w", height, err)
	}
	if c.tree, err = loadTree(cfg, height); err != nil {
		return nil, err
	}
	if err := cfg.Store.Commands(func(cmd actorspb.Command) error { c.window.add(cmd.Key, cmd.Place, cmd.Expires); return nil }); err != nil {
		return nil, fmt.Errorf("read the duplicate window: %w", err)
	}
	return c, nil
}

// loadTree opens the state tree, or builds it from the records when its pages are not
// those of the certified state.
func loadTree(cfg *Config, height ledger.Height) (*tree.Tree, error) {
	outcome, err := cfg.Store.Outcome(height)
	if err != nil {
		return nil, fmt.Errorf("read the outcome of height %d: %w", height, err)
	}
	t, err := cfg.Store.Tree(height)
	if err == nil && t.Root() == outcome.StateRoot {
		return t, nil
	}
	if cfg.Logger != nil {
		cfg.Logger.Warn("the pages of the state tree are lost or damaged; it is built anew from the records", "height", height, "error", err)
	}
	if t, err = cfg.Store.RebuildTree(height); err != nil {
		return nil, err
	}
	if t.Root() != outcome.StateRoot {
		return nil, &shell.Unrecoverable{Err: stateError{fmt.Errorf("%w: at height %d it gives %s, not %s", ErrState, height, t.Root(), outcome.StateRoot)}}
	}
	return t, nil
}

func (e *execution) Stop() {}

func (e *execution) Receive(c *shell.Context, msg any) {
	if e.chain == nil {
		if _, ok := msg.(tryAgain); ok {
			if err := e.begin(c); err != nil {
				panic(err)
			}
		}
		return // what is missed is asked for again
	}
	switch m := msg.(type) {
	case actorspb.Decided:
		e.onDecided(c, m)
	case actorspb.Persisted:
		e.onPersisted(m.Height)
	case actorspb.StorageStarted:
		e.handOver(c, m.Tip)
	}
}

// onDecided executes the next block; one that is known is skipped, and before a
// gap the missing decisions are asked for, once.
func (e *execution) onDecided(c *shell.Context, d actorspb.Decided) {
	next := e.chain.height + 1
	switch {
	case d.Height < next:
		return
	case d.Height > next || len(e.waiting) >= waitingMax:
		if e.asked != next {
			e.asked = next
			for _, to := range e.cfg.Ask {
				c.Tell(to, actorspb.ExecutionStarted{Next: next})
			}
		}
		return
	}
	b, err := e.chain.execute(d)
	if damaged(err) {
		e.pause(c, err)
		return
	}
	var wrong *contracts.Mismatch
	if errors.As(err, &wrong) { // it would be wrong again
		panic(&shell.Unrecoverable{Err: err})
	}
	if err != nil {
		panic(err) // the supervisor starts us again from the store
	}
	if b.Header.Height > e.durable {
		e.waiting[b.Header.Height] = b
	} else { // it was stored before the chain was loaded anew; nothing will settle it later
		e.chain.values.settle(b.Header.Height, b.Changes)
	}
	for _, to := range e.cfg.Tell {
		c.Tell(to, actorspb.Executed{Block: b})
	}
}

func (e *execution) onPersisted(h ledger.Height) {
	for ; e.durable < h; e.durable++ {
		if b := e.waiting[e.durable+1]; b != nil {
			e.chain.values.settle(b.Header.Height, b.Changes)
			delete(e.waiting, b.Header.Height)
		}
	}
}

// handOver gives a restarted storage what it lacks.
func (e *execution) handOver(c *shell.Context, tip ledger.Height) {
	for h := tip + 1; h <= e.chain.height; h++ {
		if b := e.waiting[h]; b != nil && c.Sender() != nil {
			c.Tell(c.Sender(), actorspb.Executed{Block: b})
		}
	}
}
