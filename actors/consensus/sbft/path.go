package sbft

import (
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// Path policy of the primary, after concord-bft's controller (SBFT.md of its
// repository: evaluation in periods, down quickly, up carefully).
const (
	pathPeriod    = 64 // slots between evaluations on the slow path
	pathFirst     = 8  // and the first one in a new view
	pathFallbacks = 3  // in a row without a fast commit: go slow
	pathRecent    = 16 // a replica that voted this recently answers
)

// pathPolicy decides which path the primary tries first. It sees only commits
// and votes, never execution times.
type pathPolicy struct {
	now       Path
	fallbacks int
	since     int          // slots since the last evaluation
	period    int          // slots until the next one
	complete  int          // of these, slots for which enough replicas answered
	last      []ledger.Seq // by replica: the newest slot it voted in
}

func newPathPolicy(n int) pathPolicy {
	return pathPolicy{now: PathFast, period: pathPeriod, last: make([]ledger.Seq, n)}
}

// enter begins a view that was not the first: somebody is suspected, so no more
// than the slow path is asked for until everybody has been seen to answer.
func (p *pathPolicy) enter() {
	p.now, p.since, p.complete, p.fallbacks, p.period = PathSlow, 0, 0, 0, pathFirst
	clear(p.last) // who voted shortly before may be the one that is gone
}

func (p *pathPolicy) answered(from ledger.ReplicaID, seq ledger.Seq) {
	if int(from) < len(p.last) {
		p.last[from] = max(p.last[from], seq)
	}
}

func (p *pathPolicy) fellBack() { p.fallbacks++ }

// committed counts a slot and changes the path when it is time.
func (p *pathPolicy) committed(seq ledger.Seq, fast bool, q quorum.Config) {
	if fast {
		p.fallbacks = 0
	}
	if p.now == PathFast {
		if p.fallbacks >= pathFallbacks {
			p.now, p.since, p.complete, p.fallbacks = PathSlow, 0, 0, 0
		}
		return
	}
	answering := 0
	for _, last := range p.last {
		if last+pathRecent >= seq {
			answering++
		}
	}
	p.since++
	if answering >= q.Fast() {
		p.complete++
	}
	if p.since >= p.period {
		if p.complete*100 >= p.since*95 {
			p.now, p.fallbacks = PathFast, 0
		}
		p.since, p.complete, p.period = 0, 0, pathPeriod
	}
}

// patience is how long a collector waits for the fast path: mean plus two
// deviations of recent fast rounds, doubled for safety, inside fixed bounds. All
// in integers.
type patience struct {
	min, max  Instant
	mean      Instant
	deviation Instant
	known     bool
	initial   Instant
}

func newPatience(t Timing) patience {
	return patience{min: t.CollectMin, max: t.CollectMax, initial: t.CollectInitial}
}

// observe learns from a round that was committed on the fast path; a round that
// fell back says only how long we waited.
func (p *patience) observe(took Instant, fast bool) {
	if !fast {
		return
	}
	if !p.known {
		p.known, p.mean, p.deviation = true, took, took/2
		return
	}
	off := took - p.mean
	p.mean += off / 8
	if off < 0 {
		off = -off
	}
	p.deviation += (off - p.deviation) / 4
}

func (p *patience) wait() Instant {
	if !p.known {
		return p.initial
	}
	return min(max(2*(p.mean+2*p.deviation), p.min), p.max)
}
