package simulator

import (
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
)

// execution is a model: the state after a block is a hash over the state before it and
// what was agreed. It takes time, loses what is not stored when it is restarted, and
// tells consensus and store as the real ones do.
type execution struct {
	queue []block
	state ledger.Hash
	next  int // the height to execute next
	busy  bool
}

// stateAt is the state after a height.
func (n *node) stateAt(h int) ledger.Hash {
	if h == 0 {
		return ledger.Hash{}
	}
	return n.chain[h-1].state
}

func after(state ledger.Hash, b *ledger.Body) ledger.Hash {
	return ledger.NewWriter("simulator/state", 80).Hash(state).Hash(b.Digest).Sum()
}

// execute takes the next decision, if it is the next one.
func (n *node) execute() {
	e := &n.exec
	for !e.busy && len(e.queue) > 0 && e.queue[0].height < e.next {
		e.queue = e.queue[1:] // known already
	}
	if e.busy || len(e.queue) == 0 {
		return
	}
	e.busy = true
	n.inLife(n.w.r.between(20_000, n.w.plan.execMax), func() {
		e.busy = false
		if len(e.queue) == 0 {
			return
		}
		b := e.queue[0]
		e.queue = e.queue[1:]
		n.executed(b)
		n.execute()
	})
}

// executed appends a block that follows, and tells everyone.
func (n *node) executed(b block) {
	w := n.w
	if b.height != n.exec.next {
		return // known already, or a gap that will be asked for
	}
	b.state = after(n.exec.state, b.body)
	n.exec.state = b.state
	n.exec.next++
	n.chain = append(n.chain, b)
	h := len(n.chain)
	w.watch.executed(n, h, b)
	n.transfer.OnLocal(ledger.Height(h), int64(w.now)) // #nosec G115 -- positive
	ids := make([]ledger.Hash, 0, len(b.body.Txs))
	for _, tx := range b.body.Txs {
		ids = append(ids, idOf(tx))
	}
	n.pool.Executed(ids)
	n.take(func() {
		n.step(sbft.Executed{Height: ledger.Height(h), Digest: b.body.Digest, Time: b.body.Time, Proof: b.proof, Checkpoint: b.state}) // #nosec G115 -- positive
		n.step(sbft.Certified{Height: ledger.Height(h)})                                                                               // #nosec G115 -- positive
	})
	n.inLife(w.r.between(50_000, w.plan.syncMax), func() { // the store writes
		if h > n.saved && h <= len(n.chain) {
			n.saved = h
			n.take(func() { n.step(sbft.Durable{Height: ledger.Height(h)}) }) // #nosec G115 -- positive
		}
	})
}

// restartExecution loses what was executed and is not stored; consensus and catching
// up are asked for it again.
func (n *node) restartExecution() {
	if !n.up {
		return
	}
	n.w.tell("%s restarts its execution at %d", n.name(), n.saved)
	n.chain = n.chain[:n.saved]
	n.exec = execution{state: n.stateAt(n.saved), next: n.saved + 1, busy: n.exec.busy}
	n.transfer.OnRestart(ledger.Height(n.saved), int64(n.w.now))                // #nosec G115 -- positive
	n.take(func() { n.step(sbft.Redeliver{From: ledger.Height(n.saved + 1)}) }) // #nosec G115 -- positive
}
