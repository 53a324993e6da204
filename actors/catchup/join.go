package catchup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/catchup/transfer"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/snapshot"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// Snapshots is what the replica does for this actor with its disk.
type Snapshots interface {
	// Open gives the state of a height, to be served until it is closed. It may take long.
	Open(h ledger.Height) (State, error)
	// Head is a manifest without certificate and outline.
	Head(h ledger.Height) (*snapshot.Manifest, error)
	// Whole is a block with results and the chain of commands before it.
	Whole(h ledger.Height) (*actorspb.AgreedBlock, error)

	// Put, Get, Has and Clear keep pieces of a snapshot that is being fetched.
	Put(name string, raw []byte) error
	Get(name string) ([]byte, bool, error)
	Has(name string) bool
	Clear() error
	// Install makes a store of a whole snapshot. It may take long.
	Install(ctx context.Context, in *Snapshot) error
	// Restart closes everything and starts again with the store that was installed.
	Restart()
	// PutOlder adds the block below the oldest.
	PutOlder(b *actorspb.AgreedBlock, block *snapshot.Block, sum ledger.Hash) error
	// Base is the oldest block.
	Base() ledger.Height
	// Record is a record of the state as of a height.
	Record(key []byte, h ledger.Height) ([]byte, bool, error)
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
	parts    []state.OutlineNode // of its outline
	sum      ledger.Hash         // the chain of commands at the top of the next run
	partial  map[ledger.ReplicaID]*partial
	install  *installing
	retry    int64         // an installation that failed is not tried again before
	over     ledger.Height // of the snapshot with which the replica is about to start again; 0: it is not
}

// partial is a piece that comes in several messages.
type partial struct {
	request uint64
	raw     []byte
}

// pieceBytesMax bounds what one piece may hold; a part of the state is far smaller.
const pieceBytesMax = 256 << 20

type installing struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

func newJoining(cfg *Config) *joining {
	return &joining{cfg: cfg, machine: transfer.NewJoin(cfg.Params), partial: map[ledger.ReplicaID]*partial{}}
}

func (j *joining) stop() {
	if j.install != nil {
		j.install.cancel()
		<-j.install.done
	}
}

// ManifestPiece is the name of the manifest among the pieces.
const ManifestPiece = "manifest"

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

// resume goes on with what an earlier run of the replica has fetched. That a part of the
// state is here is enough for now: it is checked when all are installed.
func (j *joining) resume(c *shell.Context, local ledger.Height, now int64) {
	raw, ok, err := j.cfg.Snapshots.Get(ManifestPiece)
	if err != nil || !ok {
		return
	}
	m, err := CheckManifest(j.cfg, raw)
	if err != nil || m.Header.Height <= local && !j.machine.Forced() {
		j.clear(c)
		return
	}
	j.manifest, j.parts = m, m.Outline.Parts()
	here := func(item transfer.Item) bool { return j.cfg.Snapshots.Has(nameOf(item)) }
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
	j.machine.Resume(m.Header.Height, len(j.parts), here, below, now)
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
	switch {
	case j.over != 0:
		return
	case j.install != nil:
		j.finish(c, now)
		return // what is being installed stays as it is
	case j.machine.Height() == 0 && j.manifest != nil:
		j.clear(c) // nobody has it any more, or it is not needed
	}
	if now < j.retry {
		return
	}
	for _, ask := range j.machine.Next(now) {
		delete(j.partial, ask.To)
		j.fetch(c, &ask, 0)
	}
	if j.machine.Complete() {
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

func (j *joining) fetch(c *shell.Context, ask *transfer.Ask, offset int) {
	m := &actorspb.FetchSnapshot{Request: ask.Request, Height: uint64(ask.Height), Kind: uint32(ask.Item.Kind), Index: ask.Item.Index,
		Offset: uint64(offset)} // #nosec G115 -- a length
	if j.manifest != nil {
		m.Depth = uint32(len(j.manifest.Outline)) // #nosec G115 -- at most twice state.PartsMax
	}
	c.Tell(j.cfg.Peer(ask.To), m)
}

// installEvery is how long to wait when the disk refused something.
const installEvery = int64(5 * time.Second)

func (j *joining) finish(c *shell.Context, now int64) {
	select {
	case <-j.install.done:
	default:
		return
	}
	err := j.install.err
	j.install.cancel()
	j.install = nil
	switch {
	case errors.Is(err, snapshot.ErrSnapshot): // a file was torn
		c.Logger().Warn("a snapshot is damaged and is fetched again", "error", err)
	case err != nil: // no room, most likely; what came stays
		c.Logger().Error("a snapshot could not be installed; it is tried again", "error", err)
		j.retry = now + installEvery
		return
	}
	height := j.machine.Height()
	j.machine.Reset()
	j.clear(c)
	if err == nil {
		j.over = height
		j.cfg.Snapshots.Restart()
	}
}

// installAll reads and checks all pieces once more, and makes a store of them.
func (j *joining) installAll(ctx context.Context, m *snapshot.Manifest) error {
	in, err := Assemble(ctx, j.cfg, m, j.cfg.Snapshots.Get)
	if err != nil {
		return err
	}
	return j.cfg.Snapshots.Install(ctx, in)
}

// onPiece takes a reply.
func (j *joining) onPiece(c *shell.Context, from ledger.ReplicaID, m *actorspb.SnapshotPiece, local ledger.Height, now int64) {
	ask := j.machine.Wants(from, m.GetRequest())
	if ask == nil || j.over != 0 || j.install != nil {
		return
	}
	// #nosec G115 -- bounded
	switch answer := transfer.Answer(min(m.GetAnswer(), uint32(transfer.Lacking))); answer {
	case transfer.Good:
	case transfer.Preparing, transfer.Lacking:
		j.machine.OnAnswer(from, ask.Request, answer, 0, now)
		return
	default:
		j.machine.OnAnswer(from, ask.Request, transfer.Bad, 0, now)
		return
	}
	raw, whole := j.gather(c, from, ask, m, now)
	switch {
	case !whole:
		return
	case ask.Item.Kind == transfer.KindManifest:
		j.onManifest(c, from, ask.Request, raw, local, now)
		return
	}
	below, err := j.take(ask.Item, raw)
	if err != nil {
		c.Logger().Warn("a replica served a piece of a snapshot that does not hold", "replica", from, "piece", nameOf(ask.Item), "error", err)
		j.machine.OnAnswer(from, ask.Request, transfer.Bad, 0, now)
		return
	}
	if err := j.cfg.Snapshots.Put(nameOf(ask.Item), raw); err != nil {
		c.Logger().Error("a piece of a snapshot cannot be kept", "error", err)
		j.retry = now + installEvery
		j.machine.OnAnswer(from, ask.Request, transfer.Preparing, 0, now) // not its fault
		return
	}
	if ask.Item.Kind == transfer.KindCommands {
		run, _ := snapshot.ParseRun(raw) // it was checked
		j.sum = run.Before
	}
	j.machine.OnAnswer(from, ask.Request, transfer.Good, below, now)
}

// gather puts together what comes in several messages, and asks for the next one.
func (j *joining) gather(c *shell.Context, from ledger.ReplicaID, ask *transfer.Ask, m *actorspb.SnapshotPiece, now int64) (raw []byte, whole bool) {
	p := j.partial[from]
	if p == nil || p.request != ask.Request {
		p = &partial{request: ask.Request}
		j.partial[from] = p
	}
	p.raw = append(p.raw, m.GetPayload()...)
	switch have := uint64(len(p.raw)); {
	case have == m.GetTotal():
		delete(j.partial, from)
		return p.raw, true
	case have > m.GetTotal() || m.GetTotal() > pieceBytesMax || len(m.GetPayload()) < rangeBytes:
		delete(j.partial, from)
		c.Logger().Warn("a replica served a piece of a snapshot of an impossible size", "replica", from, "piece", nameOf(ask.Item), "bytes", m.GetTotal())
		j.machine.OnAnswer(from, ask.Request, transfer.Bad, 0, now)
		return nil, false
	}
	j.machine.OnProgress(from, ask.Request, now)
	j.fetch(c, ask, len(p.raw))
	return nil, false
}

// take checks a piece. Of a run of commands it returns with which height the next ends.
func (j *joining) take(item transfer.Item, raw []byte) (below ledger.Height, err error) {
	switch item.Kind {
	case transfer.KindBlock:
		_, _, err = j.checkBlock(raw)
	case transfer.KindState:
		_, err = snapshot.CheckPart(j.parts[item.Index], raw)
	default:
		sum := j.sum
		below, err = j.takeRun(raw, ledger.Height(item.Index))
		j.sum = sum // until it is kept
	}
	return below, err
}

func (j *joining) onManifest(c *shell.Context, from ledger.ReplicaID, request uint64, raw []byte, local ledger.Height, now int64) {
	m, err := CheckManifest(j.cfg, raw)
	if err == nil && (m.Header.Height <= local && !j.machine.Forced() || m.Header.Height+j.cfg.Params.Snapshot < j.machine.Reached()) {
		err = fmt.Errorf("%w: it is of height %d, too old", snapshot.ErrSnapshot, m.Header.Height)
	}
	if err != nil {
		c.Logger().Warn("a replica offered a snapshot that does not hold", "replica", from, "error", err)
		j.machine.OnAnswer(from, request, transfer.Bad, 0, now)
		return
	}
	err = j.cfg.Snapshots.Clear()
	if err == nil {
		err = j.cfg.Snapshots.Put(ManifestPiece, raw)
	}
	if err != nil {
		c.Logger().Error("a snapshot cannot be kept", "error", err)
		j.retry = now + installEvery
		j.machine.OnAnswer(from, request, transfer.Preparing, 0, now)
		return
	}
	j.machine.OnAnswer(from, request, transfer.Good, 0, now)
	j.manifest, j.parts, j.sum = m, m.Outline.Parts(), m.Commands
	j.machine.Choose(m.Header.Height, len(j.parts), func(transfer.Item) bool { return false }, m.Header.Height, now)
	c.Logger().Info("a snapshot is being fetched", "height", m.Header.Height, "parts", len(j.parts), "offered by", from)
	c.Tell(j.cfg.Consensus, actorspb.Stable{Seq: ledger.Seq(m.Header.Height), Digest: m.Digest(), Certificate: m.Certificate})
}
