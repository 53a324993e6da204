package simulator

import (
	"encoding/binary"

	"github.com/concordat-ledger/concordat/actors/admission/pool"
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
)

const (
	txBytes      = 24
	clientSecret = 0xc11e27
	clientRetry  = sbft.Instant(1e9)
)

// transaction is what a client submits: its number, its command and a tag that only
// clients make.
type transaction struct {
	client, number int
	bytes          []byte
	id             ledger.Hash
}

func newTransaction(client, number int) *transaction {
	b := make([]byte, txBytes)
	binary.LittleEndian.PutUint64(b, uint64(client))     // #nosec G115 -- small
	binary.LittleEndian.PutUint64(b[8:], uint64(number)) // #nosec G115 -- small
	binary.LittleEndian.PutUint64(b[16:], mixBytes(clientSecret, b[:16]))
	return &transaction{client: client, number: number, bytes: b, id: idOf(b)}
}

func tagOf(tx []byte) uint64 { return binary.LittleEndian.Uint64(tx[16:]) }

func idOf(tx []byte) (h ledger.Hash) {
	copy(h[:], tx)
	return h
}

func (t *transaction) request() pool.Request {
	return pool.Request{ID: t.id, Command: t.id, Party: "client", Envelope: t.bytes, Expires: 1 << 62}
}

// client submits one transaction after the other, a few at a time, and repeats to
// everyone what is not acknowledged.
type client struct {
	w       *world
	id      int
	next    int
	pending []*pendingTx
}

type pendingTx struct {
	tx   *transaction
	sent sbft.Instant
}

const pendingMax = 16

func newClient(w *world, id int) *client {
	c := &client{w: w, id: id}
	w.after(w.r.between(0, sbft.Milliseconds(20)), c.tick)
	return c
}

func (c *client) tick() {
	w := c.w
	kept := c.pending[:0]
	for _, p := range c.pending {
		if _, ok := w.watch.acked[p.tx.id]; ok {
			continue
		}
		kept = append(kept, p)
		if w.now-p.sent >= clientRetry {
			p.sent = w.now
			for i := range w.nodes {
				c.submit(i, p.tx)
			}
		}
	}
	c.pending = kept
	if len(c.pending) < pendingMax {
		c.next++
		p := &pendingTx{newTransaction(c.id, c.next), w.now}
		c.pending = append(c.pending, p)
		c.submit(c.target(), p.tx)
	}
	w.after(w.plan.every, c.tick)
}

// target is the primary as most see it, now and then somebody else.
func (c *client) target() int {
	w := c.w
	if w.r.chance(0.1) {
		return w.r.intn(len(w.nodes))
	}
	var top ledger.View
	for _, n := range w.nodes {
		if n.machine != nil && !w.liar(n.id) {
			top = max(top, n.machine.View())
		}
	}
	return int(primaryOf(w, top))
}

func (c *client) submit(to int, tx *transaction) {
	w := c.w
	n := w.nodes[to]
	w.after(w.r.between(100_000, sbft.Milliseconds(2)), func() { n.receive(-1, submit{txs: []*transaction{tx}}) })
}
