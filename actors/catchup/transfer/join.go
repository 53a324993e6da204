package transfer

import (
	"slices"

	"github.com/concordat-ledger/concordat/ledger"
)

// Kind says which piece of a snapshot an Ask is about.
type Kind uint8

// A snapshot is one manifest, one block, parts of the state, and runs of commands.
const (
	KindManifest Kind = iota + 1
	KindBlock
	KindState
	KindCommands
)

// Item names a piece. Index is the number of a state part, or the height that a run of
// commands ends with.
type Item struct {
	Kind  Kind
	Index uint64
}

// Ask is a request for a piece of the snapshot of a height; 0: of the newest.
type Ask struct {
	To      ledger.ReplicaID
	Request uint64
	Height  ledger.Height
	Item    Item
}

// Answer is how a replica took an Ask.
type Answer uint8

// A replica has sent what holds, or something that does not; it is still preparing
// the snapshot; or it cannot give this one.
const (
	Good Answer = iota
	Bad
	Preparing
	Lacking
)

// Join decides from whom a replica that is too far behind fetches which piece of a
// snapshot, pure: one at a time from each source, from all at once. The first manifest
// that holds fixes the height. A source that lies, or is silent, is barred for a while
// and its piece asked of another.
//
// In: heights, what became of pieces, the time. Out: asks. Kept: which pieces are here.
// Durable: nothing; after a restart the shell says what it has.
type Join struct {
	p       Params
	heights []ledger.Height
	sources []source
	request uint64
	next    int // whom to ask first

	height   ledger.Height // of the snapshot; 0: none is chosen
	missing  []Item        // nobody is asked for these
	parts    int
	have     int           // parts of the state
	commands ledger.Height // a run is needed that ends here; 0: none
	active   bool
	forced   bool             // whatever the own height is: the own store is damaged
	resumed  bool             // the snapshot was chosen before a restart; it may be too old by now
	since    int64            // when it became active
	began    int64            // when a manifest was looked for last
	trial    int64            // since when blocks are tried; 0: they are not
	gap      ledger.Height    // how far it was then
	chosen   int64            // when the snapshot was chosen
	moved    int64            // when a piece last came
	offered  ledger.ReplicaID // who gave the manifest
	fails    []int            // manifests of each source that led nowhere
}

type source struct {
	pending  *Ask
	sent     int64
	barred   int64 // until
	lacks    bool  // this snapshot
	unfit    bool  // a piece of its did not fit this snapshot
	missed   bool  // its last piece did not come, or was bad
	prepares bool  // told so; it is asked again at due
	due      int64
}

// NewJoin is idle.
func NewJoin(p Params) *Join {
	return &Join{p: p, heights: make([]ledger.Height, p.Replicas), sources: make([]source, p.Replicas), fails: make([]int, p.Replicas)}
}

// OnPeer notes what a replica says of its durable height. Only what f+1 say counts.
func (j *Join) OnPeer(from ledger.ReplicaID, stable ledger.Height) {
	if int(from) < len(j.heights) && from != j.p.Self {
		j.heights[from] = stable
	}
}

// Reached is the height that at least one honest replica has: the f+1-th highest.
func (j *Join) Reached() ledger.Height {
	sorted := slices.Clone(j.heights)
	slices.Sort(sorted)
	if j.p.Weak < 1 || j.p.Weak > len(sorted) {
		return 0
	}
	return sorted[len(sorted)-j.p.Weak]
}

// agedMax is how far a snapshot may be behind after a restart, in units of Params.Snapshot.
const agedMax = 16

// Resume is Choose after a restart.
func (j *Join) Resume(height ledger.Height, parts int, here func(Item) bool, commands ledger.Height, now int64) {
	j.Choose(height, parts, here, commands, now)
	j.resumed = true
}

// Consider begins or ends the transfer, as the own height demands, and reports whether
// blocks should wait for it. A transfer that stands still does not hold up blocks.
func (j *Join) Consider(local ledger.Height, now int64) (wait bool) {
	if j.resumed && j.Reached() > 0 {
		if j.resumed = false; j.Reached() > j.height+agedMax*j.p.Snapshot {
			j.Reset()
		}
	}
	far := j.Reached() > local+j.p.Snapshot
	switch {
	case !j.active && (j.forced || far && j.hopeless(local, now)):
		j.active, j.since, j.began, j.moved = true, now, now, now
	case j.forced:
	case j.active && j.height == 0 && !far, j.active && j.height != 0 && j.height <= local:
		j.Reset()
	}
	if !far || j.active {
		j.trial = 0
	}
	patience := j.p.Stalled
	if j.height == 0 {
		patience = j.p.Hedge // nobody has one ready: blocks may be quicker
	}
	return j.active && far && now-max(j.moved, j.since) < patience
}

// Force has a snapshot fetched whatever the own height is: the own store is damaged, and
// this replica goes on with it until the new one is here.
func (j *Join) Force() { j.forced = true }

// Forced reports whether Force was called.
func (j *Join) Forced() bool { return j.forced }

// hopeless reports whether blocks will not do: nearly nothing is here, or the distance has
// not become smaller by a tenth in a while. Without this a replica on a slow line would
// fetch one snapshot after the other: while it does, the ledger goes on.
func (j *Join) hopeless(local ledger.Height, now int64) bool {
	gap := j.Reached() - local
	switch {
	case local < j.p.Snapshot: // so little is no reason to wait
		return true
	case j.trial == 0:
		j.trial, j.gap = max(now, 1), gap
		return false
	case now-j.trial < j.p.Trial:
		return false
	}
	worse := gap > j.gap/10*9
	j.trial, j.gap = max(now, 1), gap
	return worse
}

// Reset forgets the snapshot. Who was barred remains so.
func (j *Join) Reset() {
	j.active, j.height, j.missing, j.commands, j.parts, j.have, j.resumed = false, 0, nil, 0, 0, 0, false
	for i := range j.sources {
		s := &j.sources[i]
		s.pending, s.lacks, s.unfit, s.prepares = nil, false, false, false
	}
}

// Choose fixes the snapshot: its height, how many parts its state has, and which of the
// pieces are here already. commands is the height with which the next run of commands
// must end; 0 if all are here.
func (j *Join) Choose(height ledger.Height, parts int, here func(Item) bool, commands ledger.Height, now int64) {
	j.Reset()
	j.active, j.height, j.parts, j.commands, j.chosen = true, height, parts, commands, now
	if block := (Item{Kind: KindBlock}); !here(block) {
		j.missing = append(j.missing, block)
	}
	for i := range parts {
		item := Item{Kind: KindState, Index: uint64(i)} // #nosec G115 -- positive
		if here(item) {
			j.have++
		} else {
			j.missing = append(j.missing, item)
		}
	}
	if commands > 0 {
		j.missing = append([]Item{{Kind: KindCommands, Index: uint64(commands)}}, j.missing...)
	}
}

// Height of the snapshot that is being fetched; 0: none is chosen.
func (j *Join) Height() ledger.Height { return j.height }

// Active reports whether a snapshot is being fetched or looked for.
func (j *Join) Active() bool { return j.active }

// Progress counts the parts of the state.
func (j *Join) Progress() (have, parts int) { return j.have, j.parts }

// Complete reports whether every piece is here.
func (j *Join) Complete() bool {
	if j.height == 0 || len(j.missing) > 0 {
		return false
	}
	return !slices.ContainsFunc(j.sources, func(s source) bool { return s.pending != nil })
}

// Wants reports which ask a reply answers, nil if none.
func (j *Join) Wants(from ledger.ReplicaID, request uint64) *Ask {
	if int(from) >= len(j.sources) {
		return nil
	}
	if p := j.sources[from].pending; p != nil && p.Request == request {
		return p
	}
	return nil
}

// OnAnswer takes what came of an ask. For a good run of commands, below is the height
// with which the next one must end, 0 if this was the last.
func (j *Join) OnAnswer(from ledger.ReplicaID, request uint64, a Answer, below ledger.Height, now int64) {
	ask := j.Wants(from, request)
	if ask == nil {
		return
	}
	s := &j.sources[from]
	s.pending = nil
	if a == Good {
		j.moved = now
		if ask.Item.Kind == KindManifest {
			j.offered = from
		}
		s.prepares, s.missed = false, false
		switch ask.Item.Kind {
		case KindState:
			j.have++
		case KindCommands:
			if j.commands = below; below > 0 {
				j.missing = append([]Item{{Kind: KindCommands, Index: uint64(below)}}, j.missing...)
			}
		}
		return
	}
	j.giveBack(ask.Item)
	switch a {
	case Bad:
		s.barred, s.prepares, s.missed, s.unfit = now+j.p.Penalty, false, true, ask.Item.Kind != KindManifest
	case Preparing:
		s.prepares, s.due = true, now+j.p.Again
	case Lacking:
		s.lacks, s.prepares = true, false
	}
}

// OnProgress notes that a part of a piece has come and more of it was asked for.
func (j *Join) OnProgress(from ledger.ReplicaID, request uint64, now int64) {
	if j.Wants(from, request) != nil {
		j.sources[from].sent, j.moved = now, now
	}
}

func (j *Join) giveBack(item Item) {
	if item.Kind != KindManifest {
		j.missing = append([]Item{item}, j.missing...)
	}
}

// giveUp looks for another snapshot when nobody who answers has this one, or when no
// piece of it has come for long. In the second case the list of its parts may have been
// made so that no honest part fits it: who offered it is not asked for a while, and each
// time longer.
func (j *Join) giveUp(now int64) {
	stalled := j.height != 0 && (j.refuted() || now-max(j.moved, j.chosen) >= j.p.GiveUp)
	if !stalled && !j.gone(now) {
		return
	}
	if stalled {
		s := &j.sources[j.offered]
		s.barred = now + j.p.Penalty<<min(j.fails[j.offered], 10)
		j.fails[j.offered]++
	}
	j.Reset()
	j.active, j.began = true, now // moved stays: blocks are not held up by looking
	for i := range j.sources {
		j.sources[i].due = now + j.p.Again // whoever has none now is not asked at once
	}
}

// refuted reports whether pieces of f + 1 sources did not fit the manifest: one of them is
// honest.
func (j *Join) refuted() bool {
	n := 0
	for i := range j.sources {
		if j.sources[i].unfit {
			n++
		}
	}
	return n >= j.p.Weak
}

// gone reports whether at least one source has said that it lacks the snapshot, and
// all who are there have said so.
func (j *Join) gone(now int64) bool {
	lacking := false
	for i := range j.sources {
		s := &j.sources[i]
		switch {
		case i == int(j.p.Self) || j.heights[i] == 0 || j.heights[i] < j.height: // it cannot be asked
		case s.lacks:
			lacking = true
		default:
			return false
		}
	}
	return lacking
}

// Next returns what to ask for now, at most one piece of each source.
func (j *Join) Next(now int64) []Ask {
	if !j.active || j.Complete() {
		return nil
	}
	j.giveUp(now)
	for i := range j.sources {
		s := &j.sources[i]
		if s.pending != nil && now-s.sent >= j.p.Piece {
			item := s.pending.Item
			s.pending, s.prepares, s.missed, s.barred = nil, false, true, now+j.p.Penalty
			j.giveBack(item)
		}
	}
	var out []Ask
	j.next = (j.next + 1) % len(j.sources)
	for _, missed := range []bool{false, true} { // those first of whom nothing bad is known
		for i := range j.sources {
			id := (j.next + i) % len(j.sources)
			if j.sources[id].missed != missed || !j.free(id, now) {
				continue
			}
			// #nosec G115 -- below n
			if ask, ok := j.ask(ledger.ReplicaID(id), now); ok {
				out = append(out, ask)
			}
		}
	}
	return out
}

func (j *Join) free(id int, now int64) bool {
	s := &j.sources[id]
	return id != int(j.p.Self) && s.pending == nil && !s.lacks && s.barred <= now && s.due <= now &&
		j.heights[id] > 0 && j.heights[id] >= j.height
}

// ask takes the next piece for a source. Before a snapshot is chosen one source at a
// time is asked, and another one when that takes long.
func (j *Join) ask(to ledger.ReplicaID, now int64) (Ask, bool) {
	var item Item
	switch {
	case j.height == 0:
		if !j.sources[to].prepares && j.engaged() > (now-j.began)/j.p.Hedge {
			return Ask{}, false
		}
		item = Item{Kind: KindManifest}
	case len(j.missing) == 0:
		return Ask{}, false
	default:
		item, j.missing = j.missing[0], j.missing[1:]
	}
	j.request++
	a := Ask{To: to, Request: j.request, Height: j.height, Item: item}
	j.sources[to].pending, j.sources[to].sent = &a, now
	return a, true
}

// engaged counts the sources that were asked for a manifest and may still give it.
func (j *Join) engaged() int64 {
	n := int64(0)
	for i := range j.sources {
		if s := &j.sources[i]; s.pending != nil || s.prepares {
			n++
		}
	}
	return n
}
