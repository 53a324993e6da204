package catchup

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/catchup/transfer"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/snapshot"
)

// Snapshots is what the replica does for this actor with its disk.
type Snapshots interface {
	// Write makes the file of a height's state. It may take long.
	Write(ctx context.Context, h ledger.Height) (StateFile, error)
	// Head is a manifest without certificate and parts.
	Head(h ledger.Height) (*snapshot.Manifest, error)
	// Whole is a block with results and the chain of commands before it.
	Whole(h ledger.Height) (*actorspb.AgreedBlock, error)

	// Put, Get and Clear keep pieces of a snapshot that is being fetched.
	Put(name string, raw []byte) error
	Get(name string) ([]byte, bool, error)
	Clear() error
	// Install makes a store of a whole snapshot. It may take long.
	Install(ctx context.Context, in *Snapshot) error
	// Restart closes everything and starts again with the store that was installed.
	Restart()
	// PutOlder adds the block below the oldest.
	PutOlder(b *actorspb.AgreedBlock, block *snapshot.Block, sum ledger.Hash) error
	// Base is the oldest block.
	Base() ledger.Height
}

// Snapshot is everything that was fetched and checked.
type Snapshot struct {
	Manifest *snapshot.Manifest
	Agreed   *actorspb.AgreedBlock
	Block    *snapshot.Block
	Commands []actorspb.Command
	Records  func(emit func(key, value []byte) error) error
}

// joining fetches a snapshot.
type joining struct {
	cfg      *Config
	machine  *transfer.Join
	manifest *snapshot.Manifest
	sum      ledger.Hash // the chain of commands at the top of the next run
	install  *installing
	over     bool // the replica is about to start again
}

type installing struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

func newJoining(cfg *Config) *joining {
	return &joining{cfg: cfg, machine: transfer.NewJoin(cfg.Params)}
}

func (j *joining) stop() {
	if j.install != nil {
		j.install.cancel()
		<-j.install.done
	}
}

const manifestName = "manifest"

func nameOf(item transfer.Item) string {
	switch item.Kind {
	case transfer.KindBlock:
		return "block"
	case transfer.KindState:
		return fmt.Sprintf("state-%05d", item.Index)
	default:
		return fmt.Sprintf("commands-%d", item.Index)
	}
}

// resume goes on with what an earlier run of the replica has fetched. Every piece is
// checked again.
func (j *joining) resume(c *shell.Context, local ledger.Height, now int64) {
	raw, ok, err := j.cfg.Snapshots.Get(manifestName)
	if err != nil || !ok {
		return
	}
	m, err := j.checkManifest(raw)
	if err != nil || m.Header.Height <= local {
		j.clear(c)
		return
	}
	j.manifest = m
	here := func(item transfer.Item) bool {
		raw, ok, err := j.cfg.Snapshots.Get(nameOf(item))
		if err != nil || !ok {
			return false
		}
		if item.Kind == transfer.KindBlock {
			_, _, err = j.checkBlock(raw)
		} else {
			_, err = m.CheckPart(int(item.Index), raw) // #nosec G115 -- below the number of parts
		}
		return err == nil
	}
	below := m.Header.Height
	j.sum = m.Commands
	for below > 0 {
		raw, ok, err := j.cfg.Snapshots.Get(nameOf(transfer.Item{Kind: transfer.KindCommands, Index: uint64(below)}))
		if err != nil || !ok {
			break
		}
		next, err := j.takeRun(raw, below)
		if err != nil {
			break
		}
		below = next
	}
	j.machine.Resume(m.Header.Height, len(m.Parts), here, below, now)
	have, parts := j.machine.Progress()
	c.Logger().Info("the transfer of a snapshot is resumed", "height", m.Header.Height, "parts", parts, "here", have)
}

func (j *joining) clear(c *shell.Context) {
	j.manifest = nil
	if err := j.cfg.Snapshots.Clear(); err != nil {
		c.Logger().Warn("pieces of a snapshot cannot be removed", "error", err)
	}
}

// poll sends what is to be asked, and installs what is complete.
func (j *joining) poll(c *shell.Context, now int64) {
	if j.over {
		return
	}
	if j.machine.Height() == 0 && j.manifest != nil && j.install == nil {
		j.clear(c) // nobody has it any more, or it is not needed
	}
	for _, ask := range j.machine.Next(now) {
		c.Tell(j.cfg.Peer(ask.To), &actorspb.FetchSnapshot{Request: ask.Request, Height: uint64(ask.Height), Kind: uint32(ask.Item.Kind), Index: ask.Item.Index})
	}
	switch {
	case j.install != nil:
		j.finish(c)
	case j.machine.Complete():
		ctx, cancel := context.WithCancel(context.Background())
		in := &installing{cancel: cancel, done: make(chan struct{})}
		j.install = in
		m := j.manifest
		c.Logger().Info("a snapshot is complete and is being installed", "height", m.Header.Height)
		go func() {
			defer close(in.done)
			in.err = j.installAll(ctx, m)
		}()
	}
}

func (j *joining) finish(c *shell.Context) {
	select {
	case <-j.install.done:
	default:
		return
	}
	err := j.install.err
	j.install.cancel()
	j.install = nil
	j.machine.Reset()
	j.clear(c)
	if err != nil {
		c.Logger().Error("a snapshot could not be installed; it is fetched again", "error", err)
		return
	}
	j.over = true
	j.cfg.Snapshots.Restart()
}

// installAll reads and checks all pieces once more, and makes a store of them.
func (j *joining) installAll(ctx context.Context, m *snapshot.Manifest) error {
	in := &Snapshot{Manifest: m}
	raw, ok, err := j.cfg.Snapshots.Get(nameOf(transfer.Item{Kind: transfer.KindBlock}))
	if err == nil && !ok {
		err = fmt.Errorf("%w: its block is not here", snapshot.ErrSnapshot)
	}
	if err != nil {
		return err
	}
	check := joining{cfg: j.cfg, manifest: m, sum: m.Commands}
	if in.Agreed, in.Block, err = check.checkBlock(raw); err != nil {
		return err
	}
	for top := m.Header.Height; top > 0; {
		raw, ok, err := j.cfg.Snapshots.Get(nameOf(transfer.Item{Kind: transfer.KindCommands, Index: uint64(top)}))
		if err != nil || !ok {
			return fmt.Errorf("%w: the commands up to block %d are not here: %w", snapshot.ErrSnapshot, top, err)
		}
		run, err := snapshot.ParseRun(raw)
		if err == nil {
			in.Commands = appendCounting(in.Commands, run, m.Header.Time)
			top, err = check.takeRun(raw, top)
		}
		if err != nil {
			return err
		}
	}
	in.Records = func(emit func(key, value []byte) error) error {
		for i := range m.Parts {
			raw, ok, err := j.cfg.Snapshots.Get(nameOf(transfer.Item{Kind: transfer.KindState, Index: uint64(i)})) // #nosec G115 -- positive
			if err != nil || !ok {
				return fmt.Errorf("%w: part %d is not here: %w", snapshot.ErrSnapshot, i, err)
			}
			pairs, err := m.CheckPart(i, raw)
			if err != nil {
				return err
			}
			for _, p := range pairs {
				if err := emit(p.Key, p.Value); err != nil {
					return err
				}
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return nil
	}
	return j.cfg.Snapshots.Install(ctx, in)
}

// appendCounting takes the commands that still count.
func appendCounting(to []actorspb.Command, run *snapshot.Run, now ledger.Time) []actorspb.Command {
	for i := range run.Blocks {
		for _, cmd := range run.Blocks[i].Commands {
			if cmd.Expires >= now {
				to = append(to, actorspb.Command{Key: cmd.Key, Place: ledger.Place{Height: run.Blocks[i].Height, Index: cmd.Index}, Expires: cmd.Expires})
			}
		}
	}
	return to
}

// onPiece takes a reply.
func (j *joining) onPiece(c *shell.Context, from ledger.ReplicaID, m *actorspb.SnapshotPiece, local ledger.Height, now int64) {
	ask := j.machine.Wants(from, m.GetRequest())
	if ask == nil || j.over {
		return
	}
	switch answer := transfer.Answer(min(m.GetAnswer(), uint32(transfer.Lacking))); answer { // #nosec G115 -- bounded
	case transfer.Good:
	case transfer.Preparing, transfer.Lacking:
		j.machine.OnAnswer(from, ask.Request, answer, 0, now)
		return
	default:
		j.machine.OnAnswer(from, ask.Request, transfer.Bad, 0, now)
		return
	}
	if ask.Item.Kind == transfer.KindManifest {
		j.onManifest(c, from, ask.Request, m.GetPayload(), local, now)
		return
	}
	below, err := j.take(ask.Item, m.GetPayload())
	if err != nil {
		c.Logger().Warn("a replica served a piece of a snapshot that does not hold", "replica", from, "piece", nameOf(ask.Item), "error", err)
		j.machine.OnAnswer(from, ask.Request, transfer.Bad, 0, now)
		return
	}
	if err := j.cfg.Snapshots.Put(nameOf(ask.Item), m.GetPayload()); err != nil {
		c.Logger().Error("a piece of a snapshot cannot be kept", "error", err)
		j.machine.OnAnswer(from, ask.Request, transfer.Preparing, 0, now) // not its fault
		return
	}
	if ask.Item.Kind == transfer.KindCommands {
		run, _ := snapshot.ParseRun(m.GetPayload()) // it was checked
		j.sum = run.Before
	}
	j.machine.OnAnswer(from, ask.Request, transfer.Good, below, now)
}

// take checks a piece. Of a run of commands it returns with which height the next ends.
func (j *joining) take(item transfer.Item, raw []byte) (below ledger.Height, err error) {
	switch item.Kind {
	case transfer.KindBlock:
		_, _, err = j.checkBlock(raw)
	case transfer.KindState:
		_, err = j.manifest.CheckPart(int(item.Index), raw) // #nosec G115 -- below the number of parts
	default:
		sum := j.sum
		below, err = j.takeRun(raw, ledger.Height(item.Index))
		j.sum = sum // until it is kept
	}
	return below, err
}

// takeRun checks a run that ends with top, and moves on to the one below.
func (j *joining) takeRun(raw []byte, top ledger.Height) (below ledger.Height, err error) {
	run, err := snapshot.ParseRun(raw)
	if err != nil {
		return 0, err
	}
	if err := run.Check(top, j.sum); err != nil {
		return 0, err
	}
	j.sum = run.Before
	if run.Reaches(j.manifest.Header.Time, j.cfg.ValidityMax) {
		return 0, nil
	}
	return run.Blocks[0].Height - 1, nil
}

func (j *joining) checkManifest(raw []byte) (*snapshot.Manifest, error) {
	m, err := snapshot.ParseManifest(raw)
	if err != nil {
		return nil, err
	}
	return m, m.Check(j.cfg.Ledger, j.cfg.Epoch, j.cfg.Public.Commit())
}

func (j *joining) onManifest(c *shell.Context, from ledger.ReplicaID, request uint64, raw []byte, local ledger.Height, now int64) {
	m, err := j.checkManifest(raw)
	if err == nil && (m.Header.Height <= local || m.Header.Height+j.cfg.Params.Snapshot < j.machine.Reached()) {
		err = fmt.Errorf("%w: it is of height %d, too old", snapshot.ErrSnapshot, m.Header.Height)
	}
	if err != nil {
		c.Logger().Warn("a replica offered a snapshot that does not hold", "replica", from, "error", err)
		j.machine.OnAnswer(from, request, transfer.Bad, 0, now)
		return
	}
	err = j.cfg.Snapshots.Clear()
	if err == nil {
		err = j.cfg.Snapshots.Put(manifestName, raw)
	}
	if err != nil {
		c.Logger().Error("a snapshot cannot be kept", "error", err)
		j.machine.OnAnswer(from, request, transfer.Preparing, 0, now)
		return
	}
	j.machine.OnAnswer(from, request, transfer.Good, 0, now)
	j.manifest, j.sum = m, m.Commands
	j.machine.Choose(m.Header.Height, len(m.Parts), func(transfer.Item) bool { return false }, m.Header.Height, now)
	c.Logger().Info("a snapshot is being fetched", "height", m.Header.Height, "parts", len(m.Parts), "offered by", from)
	c.Tell(j.cfg.Consensus, actorspb.Stable{Seq: ledger.Seq(m.Header.Height), Digest: m.Digest(), Certificate: m.Certificate})
}

// checkBlock checks the snapshot's own block: it is the certified one, and whole.
func (j *joining) checkBlock(raw []byte) (*actorspb.AgreedBlock, *snapshot.Block, error) {
	var b actorspb.AgreedBlock
	if err := proto.Unmarshal(raw, &b); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errBlock, err)
	}
	block, err := snapshot.NewBlock(b.GetHeader(), b.GetOutcome(), b.GetTxs(), b.GetResults())
	if err != nil {
		return nil, nil, err
	}
	if block.Header != j.manifest.Header || block.Outcome != j.manifest.Outcome {
		return nil, nil, fmt.Errorf("%w: it is another block", errBlock)
	}
	before, err := ledger.HashFromBytes(b.GetCommandsBefore())
	if err != nil || ledger.CommandsDigest(before, block.Header.Height, block.Header.Time, block.Commands.Commands) != j.manifest.Commands {
		return nil, nil, fmt.Errorf("%w: its commands are not those that were certified", errBlock)
	}
	return &b, block, checkCommit(j.cfg, &block.Header, b.GetCommit())
}
