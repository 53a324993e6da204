package transfer

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/ledger"
)

const ms = 1_000_000

// peer is how a source behaves.
type peer uint8

const (
	honest peer = iota
	silent
	lying     // every second piece is wrong; at most one
	preparing // for ever
	lacking
	slow    // answers just before the timeout
	refuses // the manifest, and gives pieces
	kinds
)

// world plays the sources in virtual time.
type world struct {
	t       require.TestingT
	p       Params
	j       *Join
	now     int64
	peers   []peer
	height  ledger.Height
	parts   int
	runs    []ledger.Height // with which each run of commands ends, the newest first
	due     []reply
	got     map[Item]int
	asked   map[Item]int
	rand    *rand.Rand
	answers int
}

type reply struct {
	at     int64
	ask    Ask
	answer Answer
}

func newWorld(t require.TestingT, peers []peer, parts int, seed int64) *world {
	p := DefaultParams(0, len(peers)+1, 2, 64)
	w := &world{t: t, p: p, j: NewJoin(p), peers: append([]peer{honest}, peers...), height: 5000, parts: parts,
		runs: []ledger.Height{5000, 4000, 2500}, got: map[Item]int{}, asked: map[Item]int{}, rand: rand.New(rand.NewSource(seed))}
	for i := range peers {
		w.j.OnPeer(ledger.ReplicaID(i+1), 5100) // #nosec G115 -- few
	}
	return w
}

// step lets 50 ms pass.
func (w *world) step() {
	w.now += 50 * ms
	later := w.due[:0]
	for _, r := range w.due {
		if r.at > w.now {
			later = append(later, r)
			continue
		}
		w.deliver(r)
	}
	w.due = later
	w.j.Consider(0, w.now)
	busy := map[ledger.ReplicaID]bool{}
	for _, a := range w.j.Next(w.now) {
		require.False(w.t, busy[a.To] || a.To == 0, "one piece of each source")
		busy[a.To] = true
		w.take(a)
	}
}

func (w *world) take(a Ask) {
	w.asked[a.Item]++
	r := reply{at: w.now + 20*ms, ask: a}
	switch w.peers[a.To] {
	case silent:
		return
	case lying:
		if w.rand.Intn(2) == 0 {
			r.answer = Bad
		}
	case preparing:
		r.answer = Preparing
	case lacking:
		r.answer = Lacking
	case slow:
		r.at = w.now + w.p.Piece - 60*ms
	case refuses:
		if a.Item.Kind == KindManifest {
			r.answer = Lacking
		}
	case honest:
		if w.answers++; w.answers%7 == 0 {
			r.answer = Preparing
		}
	}
	w.due = append(w.due, r)
}

func (w *world) deliver(r reply) {
	ask := w.j.Wants(r.ask.To, r.ask.Request)
	if ask == nil {
		return
	}
	if r.answer != Good {
		w.j.OnAnswer(r.ask.To, r.ask.Request, r.answer, 0, w.now)
		return
	}
	item, below := ask.Item, ledger.Height(0)
	require.Zero(w.t, w.got[item], "%v came twice", item)
	if item.Kind == KindManifest {
		w.j.OnAnswer(r.ask.To, r.ask.Request, Good, 0, w.now)
		w.j.Choose(w.height, w.parts, func(Item) bool { return false }, w.runs[0], w.now)
		return
	}
	w.got[item]++
	if item.Kind == KindCommands {
		at := slices.Index(w.runs, ledger.Height(item.Index))
		require.GreaterOrEqual(w.t, at, 0)
		if at+1 < len(w.runs) {
			below = w.runs[at+1]
		}
	}
	w.j.OnAnswer(r.ask.To, r.ask.Request, Good, below, w.now)
}

// run goes on until the snapshot is complete.
func (w *world) run(most int64) {
	for !w.j.Complete() {
		require.Less(w.t, w.now, most, "it does not become complete; %d of %d parts, peers %v", w.j.have, w.parts, w.peers)
		w.step()
	}
	want := map[Item]int{{Kind: KindBlock}: 1}
	for i := range w.parts {
		want[Item{KindState, uint64(i)}] = 1 // #nosec G115 -- few
	}
	for _, h := range w.runs {
		want[Item{KindCommands, uint64(h)}] = 1
	}
	require.Equal(w.t, want, w.got)
}

func TestASnapshotComesFromAllSources(t *testing.T) {
	w := newWorld(t, []peer{honest, honest, honest}, 60, 1)
	w.run(5_000 * ms)
	require.Equal(t, 1, w.asked[Item{Kind: KindManifest}], "nobody else has to prepare one")
}

// As long as one source is honest the snapshot becomes complete, whatever the others do.
func TestOneHonestSourceIsEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 9).Draw(t, "sources")
		peers := make([]peer, n)
		for i := range peers {
			peers[i] = peer(rapid.IntRange(0, int(kinds)-1).Draw(t, fmt.Sprint("peer ", i)))
		}
		seen := false
		for i := range peers { // at most f = 1 lies
			if peers[i] == lying && seen {
				peers[i] = silent
			}
			seen = seen || peers[i] == lying
		}
		peers[rapid.IntRange(0, n-1).Draw(t, "the honest one")] = honest
		parts := rapid.IntRange(1, 40).Draw(t, "parts")
		w := newWorld(t, peers, parts, rapid.Int64().Draw(t, "seed"))
		w.run(int64(120_000+2_000*parts) * ms)
	})
}

// A source that does not answer is replaced, and not asked again for a while.
func TestASilentSourceIsReplaced(t *testing.T) {
	w := newWorld(t, []peer{honest, silent, honest}, 200, 1)
	asked := 0
	for !w.j.Complete() {
		w.step()
		for _, s := range w.j.sources[2:3] {
			if s.pending != nil && s.sent == w.now {
				asked++
			}
		}
		require.Less(t, w.now, int64(60_000*ms))
	}
	require.LessOrEqual(t, int64(asked), 1+w.now/w.p.Penalty)
	w.run(w.now + 1)
}

// When nobody has a snapshot any more, another one is looked for.
func TestASnapshotThatIsGoneIsGivenUp(t *testing.T) {
	w := newWorld(t, []peer{honest, honest, honest}, 500, 1)
	for w.j.have < 20 {
		w.step()
	}
	for i := range w.peers {
		w.peers[i] = lacking
	}
	for w.j.Height() != 0 {
		w.step()
		require.Less(t, w.now, int64(60_000*ms))
	}
	require.True(t, w.j.Active())
	for i := range w.peers {
		w.peers[i] = honest
		w.j.OnPeer(ledger.ReplicaID(i), 9100) // #nosec G115 -- few
	}
	w.height, w.runs, w.got, w.due = 9000, []ledger.Height{9000}, map[Item]int{}, nil
	w.run(w.now + 60_000*ms)
	require.Equal(t, ledger.Height(9000), w.j.Height())
}

// A list of parts that no honest part fits is known by that, and whoever offered it is
// not asked again at once. One that only its maker serves is given up in the end, while
// blocks go on.
func TestAManifestThatLeadsNowhereIsGivenUp(t *testing.T) {
	w := newWorld(t, []peer{honest, lying, honest}, 20, 1)
	w.j.active = true
	a, ok := w.j.ask(2, 0)
	require.True(t, ok)
	w.j.OnAnswer(2, a.Request, Good, 0, 0)
	w.j.Choose(5000, 20, func(Item) bool { return false }, 5000, 0)
	w.j.Consider(0, 0)
	for _, to := range []ledger.ReplicaID{1, 3} {
		ask, ok := w.j.ask(to, 0)
		require.True(t, ok)
		w.j.OnAnswer(to, ask.Request, Bad, 0, 0)
	}
	w.j.Next(1)
	require.Zero(t, w.j.Height())
	require.True(t, w.j.Active())
	require.Greater(t, w.j.sources[2].barred, int64(1))
	w.run(20_000 * ms)

	w = newWorld(t, []peer{preparing, preparing, preparing}, 20, 1)
	w.j.Consider(0, 0)
	w.j.Choose(5000, 20, func(Item) bool { return false }, 5000, 0)
	for w.now < w.p.GiveUp-100*ms {
		w.step()
		require.Equal(t, ledger.Height(5000), w.j.Height())
	}
	require.False(t, w.j.Consider(0, w.now), "blocks go on")
	for w.now < w.p.GiveUp+100*ms {
		w.step()
	}
	require.Zero(t, w.j.Height())
	require.False(t, w.j.Consider(0, w.now), "and still do while another one is looked for")
}

// Who cannot be asked does not count among those who may still have it.
func TestASnapshotIsGivenUpWithOneSourceAway(t *testing.T) {
	w := newWorld(t, []peer{lacking, silent, lacking}, 20, 1)
	w.j.heights[2] = 0
	w.j.Consider(0, 0)
	w.j.Choose(5000, 20, func(Item) bool { return false }, 5000, 0)
	for w.j.Height() != 0 {
		w.step()
		require.Less(t, w.now, int64(10_000*ms))
	}
}

func TestATransferIsResumed(t *testing.T) {
	w := newWorld(t, []peer{honest, honest, honest}, 50, 1)
	w.j.Resume(5000, 50, func(i Item) bool { return i.Kind == KindState && i.Index < 30 }, 2500, 0)
	for i := range 30 {
		w.got[Item{KindState, uint64(i)}] = 1 // #nosec G115 -- few
	}
	w.got[Item{KindCommands, 5000}], w.got[Item{KindCommands, 4000}] = 1, 1
	w.run(5_000 * ms)
	require.Zero(t, w.asked[Item{KindState, 3}], "what is here is not asked for")
	have, parts := w.j.Progress()
	require.Equal(t, [2]int{50, 50}, [2]int{have, parts})

	// One that is far too old by now is not.
	w = newWorld(t, []peer{honest, honest, honest}, 50, 1)
	for i := range 3 {
		w.j.OnPeer(ledger.ReplicaID(i+1), 5000+17*w.p.Snapshot) // #nosec G115 -- few
	}
	w.j.Resume(5000, 50, func(Item) bool { return true }, 0, 0)
	w.j.Consider(0, w.now)
	require.Zero(t, w.j.Height())
	require.True(t, w.j.Active())
}

// What f replicas claim begins nothing, and a transfer that stands still does not hold
// up blocks.
func TestWhenASnapshotIsWanted(t *testing.T) {
	p := DefaultParams(0, 4, 2, 64)
	j := NewJoin(p)
	j.OnPeer(3, 1<<40)
	require.False(t, j.Consider(0, 0))
	require.False(t, j.Active(), "one of four lies")
	j.OnPeer(1, p.Snapshot)
	require.False(t, j.Consider(0, 0), "blocks are quicker")
	j.OnPeer(1, 11+p.Snapshot)
	require.True(t, j.Consider(0, 0))
	require.True(t, j.Consider(0, p.Hedge-1))
	require.False(t, j.Consider(0, p.Hedge), "nobody has one ready")
	require.Len(t, j.Next(1), 1)
	j.OnAnswer(1, 1, Good, 0, 1)
	j.OnAnswer(3, 1, Good, 0, 1)
	j.Choose(5+p.Snapshot, 3, func(Item) bool { return false }, 0, 1)
	require.True(t, j.Consider(10, p.Stalled-1))
	require.False(t, j.Consider(10, p.Stalled+1), "nothing came")
	require.True(t, j.Active())
	j.OnPeer(9, 5)
	j.OnPeer(0, 1<<40)
	require.Equal(t, 11+p.Snapshot, j.Reached())
	require.False(t, j.Consider(20+p.Snapshot, 0))
	require.False(t, j.Active(), "blocks were quicker")
	require.Nil(t, j.Next(0))
	require.Nil(t, j.Wants(7, 1))
	j.OnAnswer(7, 1, Good, 0, 0)
}

// Whoever has something tries blocks first: on a slow line the ledger would be as far
// ahead again after each snapshot.
func TestBlocksAreTriedFirst(t *testing.T) {
	p := DefaultParams(0, 4, 2, 64)
	j := NewJoin(p)
	at := func(local, reached ledger.Height, now int64) bool {
		j.OnPeer(1, reached)
		j.OnPeer(2, reached)
		j.Consider(local, now)
		return j.Active()
	}
	require.False(t, at(1000, 9000, 1))
	require.False(t, at(2500, 9600, p.Trial+1), "it comes nearer")
	require.False(t, at(2600, 10_100, 2*p.Trial))
	require.True(t, at(2700, 10_200, 2*p.Trial+1), "it does not")
	require.False(t, at(10_100, 10_200, 2*p.Trial+2))
	require.False(t, at(20_000, 30_000, 3*p.Trial), "and then anew")
}
