package catchup

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/catchup/transfer"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/snapshot"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// StateFile is the state as of one height, ready to be served in parts.
type StateFile interface {
	Cut() (depth int, parts []state.Part)
	Part(index int) ([]byte, error)
	Close() error
}

// serving answers requests for snapshots. A snapshot's state is written to a file
// first, one at a time, beside everything else; whoever asks meanwhile is told to ask again.
type serving struct {
	cfg    *Config
	stable actorspb.Stable // newest certified checkpoint
	slots  []slot          // of each replica: what it may ask for
	files  map[ledger.Height]*served
	build  *building
}

// slot bounds what a replica can make us do: one snapshot a slotEvery.
type slot struct {
	height ledger.Height
	since  time.Time
	used   time.Time
}

const (
	slotEvery = time.Minute
	slotKept  = 5 * time.Minute // without a request
)

type served struct {
	file     StateFile
	manifest []byte // nil: we had no checkpoint certificate for this height
}

type building struct {
	height ledger.Height
	stable actorspb.Stable
	cancel context.CancelFunc
	done   chan struct{}
	file   StateFile // after done
	err    error
}

func newServing(cfg *Config) *serving {
	return &serving{cfg: cfg, slots: make([]slot, cfg.Params.Replicas), files: map[ledger.Height]*served{}}
}

// stop waits for what is being written, and removes the files.
func (s *serving) stop() {
	if s.build != nil {
		s.build.cancel()
		<-s.build.done
		if s.build.err == nil {
			_ = s.build.file.Close()
		}
	}
	for _, f := range s.files {
		_ = f.file.Close() // it is removed; the folder is emptied at the next start anyway
	}
}

// onStable keeps the newest.
func (s *serving) onStable(m actorspb.Stable) {
	if m.Seq > s.stable.Seq {
		s.stable = m
	}
}

func (s *serving) answer(c *shell.Context, from ledger.ReplicaID, m *actorspb.FetchSnapshot) {
	s.collect(c)
	answer, payload := s.piece(c, from, m)
	c.Tell(c.Sender(), &actorspb.SnapshotPiece{Request: m.GetRequest(), Answer: uint32(answer), Payload: payload})
}

func (s *serving) piece(c *shell.Context, from ledger.ReplicaID, m *actorspb.FetchSnapshot) (transfer.Answer, []byte) {
	height, index := ledger.Height(m.GetHeight()), m.GetIndex()
	tip, _ := s.cfg.Blocks.Tip()
	kind := transfer.Kind(min(m.GetKind(), 255)) // #nosec G115 -- compared
	if kind == transfer.KindManifest {
		return s.manifest(c, from, tip)
	}
	if height == 0 || height > tip || index > uint64(tip)+1<<state.PartsDepthMax {
		return transfer.Lacking, nil
	}
	var raw []byte
	var err error
	switch kind {
	case transfer.KindBlock:
		raw, err = s.block(height)
	case transfer.KindCommands:
		raw, err = s.commands(height, ledger.Height(index))
	case transfer.KindState:
		f, answer := s.prepare(c, from, height, tip)
		if f == nil {
			return answer, nil
		}
		raw, err = f.file.Part(int(index)) // #nosec G115 -- compared above
	default:
		return transfer.Lacking, nil
	}
	if err != nil {
		c.Logger().Warn("a piece of a snapshot cannot be served", "replica", from, "height", height, "kind", m.GetKind(), "index", index, "error", err)
		return transfer.Lacking, nil
	}
	return transfer.Good, raw
}

// manifest gives that of a snapshot that is ready and not too old, or has one made of
// the newest checkpoint.
func (s *serving) manifest(c *shell.Context, from ledger.ReplicaID, tip ledger.Height) (transfer.Answer, []byte) {
	newest := ledger.Height(s.stable.Seq)
	if newest == 0 {
		return transfer.Lacking, nil
	}
	best := ledger.Height(0)
	for _, h := range s.sortedHeights() {
		if f := s.files[h]; f.manifest != nil && h+s.cfg.Params.Snapshot/2 >= newest {
			best = h
		}
	}
	if best > 0 {
		s.slots[from] = slot{height: best, since: s.slots[from].since, used: s.cfg.Clock()}
		return transfer.Good, s.files[best].manifest
	}
	if newest > tip {
		return transfer.Preparing, nil // certified, but not here yet
	}
	_, answer := s.prepare(c, from, newest, tip)
	return answer, nil
}

// prepare finds the file of a height, or has it made.
func (s *serving) prepare(c *shell.Context, from ledger.ReplicaID, height, tip ledger.Height) (*served, transfer.Answer) {
	now := s.cfg.Clock()
	mine := &s.slots[from]
	switch {
	case mine.height == height:
	case mine.height != 0 && now.Sub(mine.since) < slotEvery:
		return nil, transfer.Preparing
	default:
		*mine = slot{height: height, since: now}
	}
	mine.used = now
	if f := s.files[height]; f != nil {
		return f, transfer.Good
	}
	if s.build != nil {
		return nil, transfer.Preparing
	}
	ctx, cancel := context.WithCancel(context.Background())
	b := &building{height: height, cancel: cancel, done: make(chan struct{})}
	if s.stable.Seq == ledger.Seq(height) {
		b.stable = s.stable
	}
	s.build = b
	c.Logger().Info("a snapshot is being written for another replica", "replica", from, "height", height)
	go func() {
		defer close(b.done)
		b.file, b.err = s.cfg.Snapshots.Write(ctx, height)
	}()
	return nil, transfer.Preparing
}

// collect takes over a finished file and drops those that nobody needs.
func (s *serving) collect(c *shell.Context) {
	now := s.cfg.Clock()
	needed := map[ledger.Height]bool{}
	for i := range s.slots {
		if sl := &s.slots[i]; now.Sub(sl.used) < slotKept {
			needed[sl.height] = true
		}
	}
	for _, h := range s.sortedHeights() {
		if !needed[h] {
			_ = s.files[h].file.Close() // it is removed; see stop
			delete(s.files, h)
		}
	}
	if s.build == nil {
		return
	}
	select {
	case <-s.build.done:
	default:
		return
	}
	b := s.build
	b.cancel()
	s.build = nil
	if b.err != nil {
		c.Logger().Warn("a snapshot could not be written", "height", b.height, "error", b.err)
		return
	}
	f := &served{file: b.file}
	if b.stable.Seq > 0 {
		f.manifest = s.describe(c, b)
	}
	s.files[b.height] = f
}

func (s *serving) describe(c *shell.Context, b *building) []byte {
	head, err := s.cfg.Snapshots.Head(b.height)
	if err != nil {
		c.Logger().Warn("a snapshot could not be described", "height", b.height, "error", err)
		return nil
	}
	depth, parts := b.file.Cut()
	head.Certificate, head.Depth, head.Parts = b.stable.Certificate, uint8(depth), parts // #nosec G115 -- at most PartsDepthMax
	return head.Marshal()
}

func (s *serving) sortedHeights() []ledger.Height {
	var out []ledger.Height
	for h := range s.files {
		at := len(out)
		for at > 0 && out[at-1] > h {
			at--
		}
		out = append(out[:at], append([]ledger.Height{h}, out[at:]...)...)
	}
	return out
}

func (s *serving) block(h ledger.Height) ([]byte, error) {
	b, err := s.cfg.Snapshots.Whole(h)
	if err != nil {
		return nil, err
	}
	return proto.Marshal(b)
}

// commands makes the run that ends with a block, down to where it is long enough or
// nothing older counts at the snapshot's height.
func (s *serving) commands(at, top ledger.Height) ([]byte, error) {
	head, err := s.cfg.Snapshots.Head(at)
	if err != nil {
		return nil, err
	}
	run := &snapshot.Run{}
	size := 0
	for h := top; h > 0 && size < snapshot.RunBytes; h-- {
		raw, err := s.cfg.Snapshots.Whole(h)
		if err != nil {
			return nil, err
		}
		b, err := snapshot.NewBlock(raw.GetHeader(), raw.GetOutcome(), raw.GetTxs(), raw.GetResults())
		if err != nil {
			return nil, err
		}
		run.Blocks = append([]snapshot.BlockCommands{b.Commands}, run.Blocks...)
		size += b.Commands.Bytes()
		if run.Before, err = ledger.HashFromBytes(raw.GetCommandsBefore()); err != nil {
			return nil, err
		}
		if run.Reaches(head.Header.Time, s.cfg.ValidityMax) {
			break
		}
	}
	return run.Marshal(), nil
}
