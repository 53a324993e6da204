package simulator

import (
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

const pollEvery = sbft.Instant(100e6)

// pollLater asks the real transfer machine now and then what to fetch.
func (n *node) pollLater() {
	n.inLife(pollEvery, func() {
		if f := n.transfer.Next(int64(n.w.now)); f != nil {
			n.w.tell("%s fetches %d from %d", n.name(), f.Height, f.From)
			for _, o := range n.w.nodes {
				if o.id == f.From && o.id != n.id {
					n.transmit(o.index, fetchBlocks{request: f.Request, from: f.Height, max: int(f.Blocks)})
				}
			}
		}
		n.pollLater()
	})
}

// serve answers with blocks of the store.
func (n *node) serve(to int, f fetchBlocks) {
	out := blocks{request: f.request, from: f.from}
	for h := max(number(f.from), 1); h <= n.saved && len(out.list) < min(f.max, 64); h++ {
		out.list = append(out.list, n.chain[h-1])
	}
	n.transmit(to, out)
}

// onBlocks checks each block's commit certificate before it is executed.
func (n *node) onBlocks(from int, b blocks) {
	w := n.w
	id := w.nodes[from].id
	if !n.transfer.Wants(id, b.request) {
		return
	}
	good, honest := 0, true
	for i, got := range b.list {
		h := int(b.from) + i // #nosec G115 -- as asked for
		phase := certificate.Commit
		if got.proof.Fast {
			phase = certificate.Fast
		}
		st := sbft.Statement(w.ledger, 0, phase, sbft.SlotID{View: got.proof.View, Seq: ledger.Seq(h), Digest: got.body.Digest}) // #nosec G115 -- positive
		if w.scheme.Certificate(st, got.proof.Certificate) != nil {
			honest = false
			break
		}
		good++
		n.exec.queue = append(n.exec.queue, block{height: h, body: got.body, proof: got.proof})
	}
	n.w.tell("%s got %d blocks from %d, %d good", n.name(), len(b.list), id, good)
	n.transfer.OnReply(id, b.request, good, honest, int64(w.now))
	n.execute()
}

// onSubmit takes transactions into the pool; those of clients go on to the primary.
func (n *node) onSubmit(s submit) {
	var on []*transaction
	for _, tx := range s.txs {
		if _, done := n.w.watch.executedBy(n, tx.id); done {
			continue
		}
		n.pool.Add(tx.request())
		on = append(on, tx)
	}
	if primary := primaryOf(n.w, n.machine.View()); !s.forward && primary != n.id {
		n.forward(on)
	}
	n.tellPool()
}

func (n *node) forward(txs []*transaction) {
	primary := primaryOf(n.w, n.machine.View())
	for _, o := range n.w.nodes {
		if o.id == primary && o.id != n.id && len(txs) > 0 {
			n.transmit(o.index, submit{txs: txs, forward: true})
		}
	}
}

func (n *node) tellPool() {
	count, size := n.pool.Waiting()
	if p := (sbft.Pending{Transactions: count, Bytes: size, Oldest: n.pool.Oldest()}); p != n.told {
		n.told = p
		n.step(p)
	}
}

func (n *node) draw(d sbft.Draw) {
	now := max(n.clock(), d.After+1)
	txs := n.pool.Draw(now, d.Transactions, d.Bytes)
	if len(txs) == 0 {
		n.step(sbft.Batch{})
	} else {
		n.step(sbft.Batch{Body: ledger.NewBody(n.w.ledger, ledger.Proposal{Time: now, Txs: txs})})
	}
	n.tellPool()
}

// onEntered offers again what an earlier primary drew, and gives it to the new one.
func (n *node) onEntered(e sbft.Entered) {
	n.w.tell("%s enters view %d", n.name(), e.View)
	n.pool.Restore()
	if e.Primary != n.id {
		var txs []*transaction
		for _, b := range n.pool.Waiters(64, 0) {
			txs = append(txs, &transaction{bytes: b, id: idOf(b)})
		}
		n.forward(txs)
	}
	count, size := n.pool.Waiting()
	n.told = sbft.Pending{Transactions: count, Bytes: size, Oldest: n.pool.Oldest()}
	n.loop = append(n.loop, n.told)
}
