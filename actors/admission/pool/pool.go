// Package pool holds the transactions that wait to be ordered, pure.
//
// In: checked transactions, draws of the primary, executed blocks, the time.
// Out: batches. Kept: at most Transactions and Bytes of them, in order of
// arrival. Durable: nothing; whoever waits for a receipt sends again. A
// transaction that was drawn but not executed for a while is offered again; one that
// is held is offered when it is released, or when its time has come.
package pool

import (
	"slices"

	"github.com/concordat-ledger/concordat/ledger"
)

// Limits of what waits.
type Limits struct {
	Transactions int
	Bytes        int
	PerParty     int
	Again        ledger.Time // ns after which a drawn transaction is offered again
}

// DefaultLimits allow some seconds of full load.
func DefaultLimits() Limits {
	return Limits{Transactions: 50_000, Bytes: 128 << 20, PerParty: 20_000, Again: 3_000_000_000}
}

// Request is a transaction whose signature was checked.
type Request struct {
	ID       ledger.Hash
	Command  ledger.Hash
	Party    ledger.Party
	Envelope []byte
	Expires  ledger.Time
	Held     ledger.Time // it is not offered before this time, unless it is released; 0: it is not held
}

// Verdict of Add.
type Verdict uint8

// The verdicts.
const (
	Added Verdict = iota
	Known         // the same transaction waits already
	Taken         // another transaction with the same command waits
	Full
	PartyFull
)

type entry struct {
	Request
	number uint64      // in order of arrival
	drawn  ledger.Time // 0: waits
	gone   bool
}

// Requests is the pool. It is not safe for concurrent use.
type Requests struct {
	limits   Limits
	queue    []*entry // in order of arrival; gone ones are skipped
	drawn    []*entry // in order of drawing
	byID     map[ledger.Hash]*entry
	commands map[ledger.Hash]*entry
	parties  map[ledger.Party]int
	held     []*entry // in order of arrival; neither in queue nor in drawn
	bytes    int
	waiting  int // not drawn
	waitingB int
	arrived  uint64
}

// New returns an empty pool.
func New(l Limits) *Requests {
	return &Requests{limits: l, byID: map[ledger.Hash]*entry{}, commands: map[ledger.Hash]*entry{}, parties: map[ledger.Party]int{}}
}

// Add takes a request, or says why not. For Known and Taken the id is that of
// the transaction that waits.
func (p *Requests) Add(r Request) (Verdict, ledger.Hash) {
	if _, ok := p.byID[r.ID]; ok {
		return Known, r.ID
	}
	if e, ok := p.commands[r.Command]; ok {
		return Taken, e.ID
	}
	switch {
	case len(p.byID) >= p.limits.Transactions || p.bytes+len(r.Envelope) > p.limits.Bytes:
		return Full, r.ID
	case p.parties[r.Party] >= p.limits.PerParty:
		return PartyFull, r.ID
	}
	p.arrived++
	e := &entry{Request: r, number: p.arrived}
	p.byID[r.ID], p.commands[r.Command] = e, e
	p.parties[r.Party]++
	p.bytes += len(r.Envelope)
	if e.Held > 0 {
		p.held = append(p.held, e)
		return Added, r.ID
	}
	p.offer(e)
	return Added, r.ID
}

// offer puts an entry behind all that wait.
func (p *Requests) offer(e *entry) {
	p.queue = append(p.queue, e)
	p.waiting++
	p.waitingB += len(e.Envelope)
}

// HeldUntil is when a transaction is offered at the latest; 0 when it is not held.
func (p *Requests) HeldUntil(id ledger.Hash) ledger.Time {
	if e, ok := p.byID[id]; ok {
		return e.Held
	}
	return 0
}

// Release offers a held transaction: what it waited for is done.
func (p *Requests) Release(id ledger.Hash) {
	if e, ok := p.byID[id]; ok && e.Held > 0 {
		e.Held = 0
		p.offer(e)
	}
	p.held = slices.DeleteFunc(p.held, func(e *entry) bool { return e.gone || e.Held == 0 })
}

// releaseDue offers what was held long enough, and forgets what is gone or expired.
func (p *Requests) releaseDue(now ledger.Time) (expired []ledger.Hash) {
	kept := p.held[:0]
	for _, e := range p.held {
		switch {
		case e.gone:
		case e.Expires <= now:
			expired = append(expired, e.ID)
			p.remove(e)
		case e.Held <= now:
			e.Held = 0
			p.offer(e)
		default:
			kept = append(kept, e)
		}
	}
	clear(p.held[len(kept):])
	p.held = kept
	return expired
}

// Holds tells whether a transaction is here, drawn or not.
func (p *Requests) Holds(id ledger.Hash) bool {
	_, ok := p.byID[id]
	return ok
}

// Waiting is what a draw could take.
func (p *Requests) Waiting() (transactions, bytes int) { return p.waiting, p.waitingB }

// Oldest numbers the transaction at the head of the queue; 0: none waits.
func (p *Requests) Oldest() uint64 {
	for _, e := range p.queue {
		if !e.gone && e.drawn == 0 {
			return e.number
		}
	}
	return 0
}

// Restore offers everything again that was drawn, before what waits: another primary
// is at work, and what an earlier one drew may be lost.
func (p *Requests) Restore() {
	var again []*entry
	for _, e := range p.drawn {
		if !e.gone && e.drawn != 0 {
			e.drawn = 0
			p.waiting++
			p.waitingB += len(e.Envelope)
			again = append(again, e)
		}
	}
	p.drawn = nil
	p.queue = append(again, p.queue...)
}

// Waiters lists the envelopes that wait, oldest first, at most so many, that arrived
// no later than a number that Arrived gave; 0: all.
func (p *Requests) Waiters(limit int, upTo uint64) [][]byte {
	var out [][]byte
	for _, e := range p.queue {
		if len(out) == limit {
			break
		}
		if !e.gone && e.drawn == 0 && (upTo == 0 || e.number <= upTo) {
			out = append(out, e.Envelope)
		}
	}
	return out
}

// Arrived numbers the newest transaction.
func (p *Requests) Arrived() uint64 { return p.arrived }

// Len is what is held, drawn or not.
func (p *Requests) Len() int { return len(p.byID) }

// Draw takes the oldest waiting transactions for a proposal: at most so many,
// and so many bytes, but always one if there is any.
func (p *Requests) Draw(now ledger.Time, transactions, bytes int) [][]byte {
	var out [][]byte
	size, at := 0, 0
	for ; at < len(p.queue) && len(out) < transactions; at++ {
		e := p.queue[at]
		if e.gone || e.drawn != 0 {
			continue
		}
		if e.Expires <= now {
			p.remove(e)
			continue
		}
		if len(out) > 0 && size+len(e.Envelope) > bytes {
			break
		}
		size += len(e.Envelope)
		out = append(out, e.Envelope)
		e.drawn = now
		p.waiting--
		p.waitingB -= len(e.Envelope)
		p.drawn = append(p.drawn, e)
	}
	clear(p.queue[:at])
	p.queue = p.queue[at:]
	if len(p.queue) == 0 {
		p.queue = nil
	}
	return out
}

// Executed forgets transactions of a block, by id and by command.
func (p *Requests) Executed(ids []ledger.Hash) {
	for _, id := range ids {
		if e, ok := p.byID[id]; ok {
			p.remove(e)
		}
	}
}

// Tick offers drawn transactions again that were not executed, and forgets what
// has expired. It returns the ids that expired.
func (p *Requests) Tick(now ledger.Time) (expired []ledger.Hash) {
	expired = p.releaseDue(now)
	at := 0
	for ; at < len(p.drawn); at++ {
		e := p.drawn[at]
		if !e.gone && now-e.drawn < p.limits.Again {
			break
		}
		if e.gone {
			continue
		}
		e.drawn = 0
		p.waiting++
		p.waitingB += len(e.Envelope)
		p.queue = append(p.queue, e)
	}
	clear(p.drawn[:at])
	p.drawn = p.drawn[at:]
	kept := p.queue[:0]
	for _, e := range p.queue {
		switch {
		case e.gone:
		case e.Expires <= now:
			expired = append(expired, e.ID)
			p.remove(e)
		default:
			kept = append(kept, e)
		}
	}
	clear(p.queue[len(kept):])
	p.queue = kept
	return expired
}

func (p *Requests) remove(e *entry) {
	if e.gone {
		return
	}
	e.gone = true
	delete(p.byID, e.ID)
	delete(p.commands, e.Command)
	if p.parties[e.Party]--; p.parties[e.Party] <= 0 {
		delete(p.parties, e.Party)
	}
	p.bytes -= len(e.Envelope)
	if e.drawn == 0 && e.Held == 0 {
		p.waiting--
		p.waitingB -= len(e.Envelope)
	}
	e.Envelope = nil
}
