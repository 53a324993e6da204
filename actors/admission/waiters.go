package admission

import (
	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
)

// waiter wants the receipt of a transaction. What it submitted may be another
// transaction with the same command.
type waiter struct {
	to        shell.PID
	submitted ledger.Hash
	repeated  bool
	until     ledger.Time
}

// keptHeights bounds executed blocks and certificates that wait for each other.
const keptHeights = 512

// waiters joins three things that come in any order: who waits, what was
// executed, and what is certified.
type waiters struct {
	byTx      map[ledger.Hash][]waiter
	blocks    map[ledger.Height]*waitingBlock
	certs     map[ledger.Height]actorspb.Certified
	commands  map[ledger.Hash]ledger.Place // of kept blocks
	top       ledger.Height
	elsewhere []elsewhere
}

// elsewhere is a waiter whose command was executed in an older block.
type elsewhere struct {
	place  ledger.Place
	waiter waiter
}

type waitingBlock struct {
	block *actorspb.ExecutedBlock
	items []item
}

type item struct {
	index  uint32
	waiter waiter
}

func newWaiters() waiters {
	return waiters{byTx: map[ledger.Hash][]waiter{}, blocks: map[ledger.Height]*waitingBlock{},
		certs: map[ledger.Height]actorspb.Certified{}, commands: map[ledger.Hash]ledger.Place{}}
}

// waitersPerTx bounds who can wait for one transaction.
const waitersPerTx = 16

func (w *waiters) add(tx ledger.Hash, wait waiter) {
	wait.repeated = wait.submitted != tx
	list := w.byTx[tx]
	for _, have := range list {
		if have.to.Equal(wait.to) && have.submitted == wait.submitted {
			return
		}
	}
	if len(list) < waitersPerTx {
		w.byTx[tx] = append(list, wait)
	}
}

func (w *waiters) executed(b *actorspb.ExecutedBlock) {
	h := b.Header.Height
	if _, ok := w.blocks[h]; ok {
		return
	}
	wb := &waitingBlock{block: b}
	for i, id := range b.TxIDs {
		list := w.byTx[id]
		if len(list) == 0 {
			continue
		}
		delete(w.byTx, id)
		r := b.Results[i]
		for _, wait := range list {
			if r.Status == ledger.StatusDuplicate && r.First.Height != h {
				wait.repeated = true
				w.elsewhere = append(w.elsewhere, elsewhere{place: r.First, waiter: wait})
				continue
			}
			at := uint32(i) // #nosec G115 -- bounded by the block
			if r.Status == ledger.StatusDuplicate {
				at, wait.repeated = r.First.Index, true
			}
			wb.items = append(wb.items, item{index: at, waiter: wait})
		}
	}
	w.blocks[h] = wb
	for _, cmd := range b.Commands {
		w.commands[cmd.Key] = cmd.Place
	}
	w.forget(h)
}

// forget keeps the newest keptHeights.
func (w *waiters) forget(h ledger.Height) {
	if w.top == 0 {
		w.top = h - 1 // the first block since the start
	}
	for w.top < h {
		w.top++
		if w.top <= keptHeights {
			continue
		}
		old := w.top - keptHeights
		if wb := w.blocks[old]; wb != nil {
			for _, cmd := range wb.block.Commands {
				if w.commands[cmd.Key] == cmd.Place {
					delete(w.commands, cmd.Key)
				}
			}
		}
		delete(w.blocks, old)
		delete(w.certs, old)
	}
}

func (w *waiters) certified(c actorspb.Certified) {
	h := c.Statement.Height
	if w.top == 0 && len(w.certs) < keptHeights || h+keptHeights > w.top && h < w.top+keptHeights {
		w.certs[h] = c
	}
}

func (w *waiters) executedCommand(key ledger.Hash) (ledger.Place, bool) {
	p, ok := w.commands[key]
	return p, ok
}

func (w *waiters) addExecuted(at ledger.Place, wait waiter) {
	if wb := w.blocks[at.Height]; wb != nil {
		wb.items = append(wb.items, item{index: at.Index, waiter: wait})
	}
}

type outgoing struct {
	to      shell.PID
	message *actorspb.Receipts
}

// receipts builds one message per submitter, once a height is both executed here
// and certified. Each result is as shown gives it for who signed the transaction.
func (w *waiters) receipts(h ledger.Height, shown func(*ledger.Result, []byte) *ledger.Result) []outgoing {
	wb, cert := w.blocks[h], w.certs[h]
	if wb == nil || cert.Certificate == nil || len(wb.items) == 0 {
		return nil
	}
	b := wb.block
	if cert.Statement.Block != b.Hash || cert.Statement.StateRoot != b.Outcome.StateRoot {
		return nil // we diverge; others answer
	}
	var out []outgoing
	header, outcome := b.Header.Marshal(), b.Outcome.Marshal()
	for _, it := range wb.items {
		path, err := b.ResultsTree.Path(uint64(it.index))
		if err != nil {
			continue
		}
		flat := make([]byte, 0, len(path)*ledger.HashSize)
		for _, p := range path {
			flat = append(flat, p[:]...)
		}
		msg := messageFor(&out, it.waiter.to, header, outcome, cert.Certificate)
		msg.Items = append(msg.Items, &actorspb.ReceiptItem{TxId: it.waiter.submitted[:], Index: it.index,
			Result: shown(b.Results[it.index], b.Body.Txs[it.index]).Marshal(), Path: flat, Repeated: it.waiter.repeated})
	}
	wb.items = nil
	return out
}

func messageFor(out *[]outgoing, to shell.PID, header, outcome, cert []byte) *actorspb.Receipts {
	for _, o := range *out {
		if o.to.Equal(to) {
			return o.message
		}
	}
	msg := &actorspb.Receipts{Header: header, Outcome: outcome, Certificate: cert}
	*out = append(*out, outgoing{to: to, message: msg})
	return msg
}

func (w *waiters) takeElsewhere() []elsewhere {
	out := w.elsewhere
	w.elsewhere = nil
	return out
}

// expire forgets who waits for what can no longer happen.
func (w *waiters) expire(now ledger.Time) {
	for tx, list := range w.byTx {
		if list[0].until+10_000_000_000 < now {
			delete(w.byTx, tx)
		}
	}
}
