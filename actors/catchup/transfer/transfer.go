// Package transfer decides from whom a lagging replica fetches which blocks,
// pure.
//
// In: what other replicas say of their heights, our own progress, replies, the
// time. Out: one fetch at a time. Kept: a height and a record of failure per
// replica. Durable: nothing. After a restart the heights are told again.
package transfer

import "github.com/concordat-ledger/concordat/ledger"

// Params are fixed for the life of a Machine. Times are in ns.
type Params struct {
	Self     ledger.ReplicaID
	Replicas int
	Behind   ledger.Height // this far behind, do not wait for agreement to bring it
	Patience int64         // without progress for so long, do not wait either
	Timeout  int64         // of a fetch
	Penalty  int64         // for a replica whose reply was late or wrong
	Blocks   uint32        // asked for at once

	Weak     int           // replicas of which one at least is honest: f + 1
	Snapshot ledger.Height // this far behind, fetch a snapshot instead of the blocks
	Piece    int64         // timeout of a piece of a snapshot
	Trial    int64         // for so long blocks are tried before a snapshot
	Hedge    int64         // for a manifest so long, then another source is asked too
	Again    int64         // after this time, who is preparing a snapshot is asked again
	Stalled  int64         // a snapshot without a piece for so long holds up blocks no more
	GiveUp   int64         // and after so long another one is looked for
}

// DefaultParams for n replicas, of which weak are needed for one honest, with a window
// of so many slots.
func DefaultParams(self ledger.ReplicaID, n, weak, window int) Params {
	const ms = 1_000_000
	return Params{Self: self, Replicas: n, Behind: ledger.Height(max(window/2, 2)), // #nosec G115 -- positive
		Patience: 150 * ms, Timeout: 2000 * ms, Penalty: 5000 * ms, Blocks: 128, // two fetches: what the collector keeps certificates for
		Weak: weak, Snapshot: ledger.Height(max(8*window, 256)), // #nosec G115 -- positive
		Piece: 10_000 * ms, Trial: 10_000 * ms, Hedge: 3000 * ms, Again: 200 * ms, Stalled: 20_000 * ms, GiveUp: 60_000 * ms}
}

// Fetch asks a replica for blocks.
type Fetch struct {
	From    ledger.ReplicaID
	Request uint64
	Height  ledger.Height // of the first block
	Blocks  uint32
}

// Machine is not safe for concurrent use.
type Machine struct {
	p        Params
	local    ledger.Height // executed
	handed   ledger.Height // fetched and given to execution
	moved    int64         // when local last grew
	heights  []ledger.Height
	barred   []int64 // until when a replica is not asked
	pending  *Fetch
	sent     int64
	requests uint64
	next     int    // whom to ask first, in turns
	size     uint32 // blocks asked for at once: fewer when a reply took too long, more when it came
}

// New starts at a local height.
func New(p Params, local ledger.Height, now int64) *Machine {
	return &Machine{p: p, local: local, moved: now, heights: make([]ledger.Height, p.Replicas), barred: make([]int64, p.Replicas), size: p.Blocks}
}

// OnPeer notes what a replica says of its durable height. It may lie: a fetch
// then fails, and it is barred for a while.
func (m *Machine) OnPeer(from ledger.ReplicaID, stable ledger.Height) {
	if int(from) < len(m.heights) && from != m.p.Self {
		m.heights[from] = stable
	}
}

// OnLocal notes progress, by whatever way.
func (m *Machine) OnLocal(h ledger.Height, now int64) {
	if h > m.local {
		m.local, m.moved = h, now
	}
}

// OnRestart notes that execution begins anew at a height.
func (m *Machine) OnRestart(h ledger.Height, now int64) {
	m.local, m.handed, m.moved, m.pending = h, h, now-m.p.Patience, nil
}

// OnReply ends a fetch: how many blocks were good, and whether all were.
func (m *Machine) OnReply(from ledger.ReplicaID, request uint64, good int, honest bool, now int64) {
	if m.pending == nil || m.pending.From != from || m.pending.Request != request {
		return
	}
	first := m.pending.Height
	m.pending = nil
	if good > 0 {
		m.size = min(m.size*2, m.p.Blocks)
		m.moved = now - m.p.Patience                          // go on at once
		m.handed = max(m.handed, first+ledger.Height(good)-1) // #nosec G115 -- positive
	}
	if !honest || good == 0 {
		m.barred[from] = now + m.p.Penalty
	}
}

// Awaited is the height with which the awaited reply must begin; 0: none is awaited.
func (m *Machine) Awaited() ledger.Height {
	if m.pending == nil {
		return 0
	}
	return m.pending.Height
}

// Wants reports whether a reply is the one that is waited for.
func (m *Machine) Wants(from ledger.ReplicaID, request uint64) bool {
	return m.pending != nil && m.pending.From == from && m.pending.Request == request
}

// Next returns the fetch to send now, or nil.
func (m *Machine) Next(now int64) *Fetch {
	if m.pending != nil {
		if now-m.sent < m.p.Timeout {
			return nil
		}
		m.barred[m.pending.From] = now + m.p.Penalty
		m.pending = nil
		m.size = max(m.size/4, 4) // a line may be too slow for so much
	}
	from := m.local
	if now-m.moved < m.p.Timeout { // execution is at it: do not fetch the same again
		from = max(from, m.handed)
	}
	// In turns among all who claim to have more: whoever claims most would otherwise be
	// asked every time, and may be a liar.
	var best ledger.ReplicaID
	var height ledger.Height
	for i := range m.heights {
		id := (m.next + i) % len(m.heights)
		if m.barred[id] > now || m.heights[id] <= max(height, from) {
			continue
		}
		best, height = ledger.ReplicaID(id), m.heights[id] // #nosec G115 -- below n
		if height >= from+m.p.Behind {
			m.next = id
			break // far enough
		}
	}
	if height <= from || from > m.local+ledger.Height(m.p.Blocks) || (height < m.local+m.p.Behind && now-m.moved < m.p.Patience) {
		return nil
	}
	m.requests++
	m.next = (m.next + 1) % len(m.heights)
	m.pending = &Fetch{From: best, Request: m.requests, Height: from + 1, Blocks: m.size}
	m.sent = now
	return m.pending
}
