package catchup

import (
	"fmt"
	"time"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/catchup/transfer"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/snapshot"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// State is the state as of one height, ready to be served in parts.
type State interface {
	Outline() state.Outline
	Part(index int, offset, most int64) (raw []byte, total int64, err error)
	Close() error
}

// serving answers requests for snapshots. A snapshot's state tree is opened first, one at
// a time, beside everything else; whoever asks meanwhile is told to ask again.
type serving struct {
	cfg    *Config
	stable actorspb.Stable // newest certified checkpoint
	slots  []slot          // of each replica: what it may ask for
	open   map[ledger.Height]*served
	failed map[ledger.Height]time.Time // snapshots that could not be opened, and when
	build  *building
	last   whole
}

// whole is a piece that is served in several messages.
type whole struct {
	height ledger.Height
	kind   transfer.Kind
	index  uint64
	raw    []byte
}

// rangeBytes of a piece go into one message.
const rangeBytes = 1 << 20

// slot bounds what a replica can make us do: one snapshot a slotEvery.
type slot struct {
	height ledger.Height
	since  time.Time
	used   time.Time
	guard  time.Time // until when nothing of this height is pruned
}

const (
	slotEvery = 20 * time.Second
	slotKept  = 5 * time.Minute // without a request
	// slotGuarded is how long a replica that takes a snapshot can hold up pruning.
	slotGuarded = time.Hour
)

type served struct {
	state    State
	manifest []byte // nil: we had no checkpoint certificate for this height
}

type building struct {
	height ledger.Height
	stable actorspb.Stable
	done   chan struct{}
	state  State // after done
	err    error
}

func newServing(cfg *Config) *serving {
	return &serving{cfg: cfg, slots: make([]slot, cfg.Params.Replicas), open: map[ledger.Height]*served{}, failed: map[ledger.Height]time.Time{}}
}

// stop waits for what is being opened, and lets go of all.
func (s *serving) stop() {
	if s.build != nil {
		<-s.build.done
		if s.build.err == nil {
			_ = s.build.state.Close()
		}
	}
	for _, f := range s.open {
		_ = f.state.Close() // it only lets go
	}
}

// onStable keeps the newest.
func (s *serving) onStable(m actorspb.Stable) {
	if m.Seq > s.stable.Seq {
		s.stable = m
		if s.cfg.Certified != nil {
			s.cfg.Certified(m)
		}
	}
}

func (s *serving) answer(c *shell.Context, from ledger.ReplicaID, m *actorspb.FetchSnapshot) {
	s.collect(c)
	out := &actorspb.SnapshotPiece{Request: m.GetRequest()}
	answer, err := s.piece(c, from, m, out)
	if err != nil {
		c.Logger().Warn("a piece of a snapshot cannot be served", "replica", from, "height", m.GetHeight(), "kind", m.GetKind(), "index", m.GetIndex(), "error", err)
		answer = transfer.Lacking
	}
	if out.Answer = uint32(answer); answer != transfer.Good {
		out.Payload = nil
	}
	c.Tell(c.Sender(), out)
}

func (s *serving) piece(c *shell.Context, from ledger.ReplicaID, m *actorspb.FetchSnapshot, out *actorspb.SnapshotPiece) (transfer.Answer, error) {
	height, index := ledger.Height(m.GetHeight()), m.GetIndex()
	tip, _ := s.cfg.Blocks.Tip()
	kind := transfer.Kind(min(m.GetKind(), 255)) // #nosec G115 -- compared
	offset := int64(min(m.GetOffset(), 1<<40))   // #nosec G115 -- compared
	if kind == transfer.KindManifest {
		answer, raw := s.manifest(c, from, tip)
		return answer, cut(out, raw, offset)
	}
	if height == 0 || height > tip || index > uint64(tip)+state.PartsMax {
		return transfer.Lacking, nil
	}
	if kind == transfer.KindState {
		f, answer := s.prepare(c, from, height, tip)
		if f == nil {
			return answer, nil
		}
		// #nosec G115 -- at most twice PartsMax
		if uint32(len(f.state.Outline())) != m.GetDepth() {
			return transfer.Lacking, nil // its manifest is not like ours
		}
		raw, total, err := f.state.Part(int(index), offset, rangeBytes) // #nosec G115 -- compared above
		out.Payload, out.Total = raw, uint64(total)                     // #nosec G115 -- positive
		return transfer.Good, err
	}
	if kind == transfer.KindRecord {
		raw, ok, err := s.cfg.Snapshots.Record(m.GetKey(), height)
		if err != nil || !ok {
			return transfer.Lacking, err
		}
		return transfer.Good, cut(out, raw, offset)
	}
	if w := &s.last; w.raw == nil || w.height != height || w.kind != kind || w.index != index {
		raw, err := s.make(height, kind, index)
		if err != nil || raw == nil {
			return transfer.Lacking, err
		}
		*w = whole{height, kind, index, raw}
	}
	raw := s.last.raw
	if len(raw) <= rangeBytes {
		s.last = whole{} // nobody asks for more of it
	}
	return transfer.Good, cut(out, raw, offset)
}

// cut takes what goes into one message.
func cut(out *actorspb.SnapshotPiece, raw []byte, offset int64) error {
	if offset > int64(len(raw)) {
		return fmt.Errorf("%w: byte %d of %d", snapshot.ErrSnapshot, offset, len(raw))
	}
	out.Payload, out.Total = raw[offset:min(int64(len(raw)), offset+rangeBytes)], uint64(len(raw))
	return nil
}

func (s *serving) make(height ledger.Height, kind transfer.Kind, index uint64) ([]byte, error) {
	switch kind {
	case transfer.KindBlock:
		return wholeBlock(s.cfg.Snapshots, height)
	case transfer.KindCommands:
		return commandsRun(s.cfg.Snapshots, s.cfg.ValidityMax, height, ledger.Height(index))
	default:
		return nil, nil
	}
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
		f := s.open[h]
		if f.manifest == nil && h == newest { // it was made before its certificate came
			f.manifest = s.describe(c, h, f.state)
		}
		if f.manifest != nil && h+s.cfg.Params.Snapshot/2 >= newest {
			best = h
		}
	}
	if best > 0 {
		s.slots[from] = slot{height: best, since: s.slots[from].since, used: s.cfg.Clock(), guard: s.guard(&s.slots[from], best)}
		return transfer.Good, s.open[best].manifest
	}
	if newest > tip {
		return transfer.Preparing, nil // certified, but not here yet
	}
	f, answer := s.prepare(c, from, newest, tip)
	if f != nil {
		return transfer.Lacking, nil // it could not be described
	}
	return answer, nil
}

// prepare finds the state of a height, or has it opened.
func (s *serving) prepare(c *shell.Context, from ledger.ReplicaID, height, tip ledger.Height) (*served, transfer.Answer) {
	now := s.cfg.Clock()
	mine := &s.slots[from]
	switch {
	case mine.height == height:
	case mine.height != 0 && now.Sub(mine.since) < slotEvery:
		return nil, transfer.Preparing
	default:
		*mine = slot{height: height, since: now, guard: s.guard(mine, height)}
	}
	mine.used = now
	if f := s.open[height]; f != nil {
		return f, transfer.Good
	}
	if at, ok := s.failed[height]; ok && now.Sub(at) < slotEvery {
		return nil, transfer.Lacking
	}
	if s.build != nil {
		return nil, transfer.Preparing
	}
	b := &building{height: height, done: make(chan struct{})}
	if s.stable.Seq == ledger.Seq(height) {
		b.stable = s.stable
	}
	s.build = b
	c.Logger().Info("a snapshot is being opened for another replica", "replica", from, "height", height)
	go func() {
		defer close(b.done)
		b.state, b.err = s.cfg.Snapshots.Open(height)
	}()
	return nil, transfer.Preparing
}

// collect takes over what was opened, and lets go of what nobody needs.
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
			_ = s.open[h].state.Close() // see stop
			delete(s.open, h)
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
	s.build = nil
	if b.err != nil {
		c.Logger().Warn("a snapshot could not be opened", "height", b.height, "error", b.err)
		if len(s.failed) > len(s.slots) {
			clear(s.failed)
		}
		s.failed[b.height] = now
		return
	}
	f := &served{state: b.state}
	if b.stable.Seq > 0 {
		f.manifest = s.describeWith(c, b.stable, b.state)
	}
	s.open[b.height] = f
}

// guard is until when what a height needs must not be pruned. Whoever joins begins near
// the newest checkpoint; an older height is served while it is there, and no member
// can hold up pruning by asking for it again and again.
func (s *serving) guard(sl *slot, height ledger.Height) time.Time {
	switch {
	case sl.height == height:
		return sl.guard
	case height+2*s.cfg.Params.Snapshot < ledger.Height(s.stable.Seq):
		return time.Time{}
	}
	return s.cfg.Clock().Add(slotGuarded)
}

// lowest is the lowest height of the snapshots that others are taking; 0: nobody is.
func (s *serving) lowest() ledger.Height {
	low := ledger.Height(0)
	now := s.cfg.Clock()
	for i := range s.slots {
		if sl := &s.slots[i]; now.Before(sl.guard) && now.Sub(sl.used) < slotKept && (low == 0 || sl.height < low) {
			low = sl.height
		}
	}
	return low
}

// describe makes the manifest of the newest checkpoint.
func (s *serving) describe(c *shell.Context, h ledger.Height, held State) []byte {
	if s.stable.Seq != ledger.Seq(h) {
		return nil
	}
	return s.describeWith(c, s.stable, held)
}

func (s *serving) describeWith(c *shell.Context, stable actorspb.Stable, held State) []byte {
	raw, err := describe(s.cfg.Snapshots, stable, held)
	if err != nil {
		c.Logger().Warn("a snapshot could not be described", "height", stable.Seq, "error", err)
	}
	return raw
}

func (s *serving) sortedHeights() []ledger.Height {
	var out []ledger.Height
	for h := range s.open {
		at := len(out)
		for at > 0 && out[at-1] > h {
			at--
		}
		out = append(out[:at], append([]ledger.Height{h}, out[at:]...)...)
	}
	return out
}
