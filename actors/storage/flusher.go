package storage

import (
	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// flushEvery is how many changed places pass between flushes of the state tree. They
// are applied again after a start, which takes some 60 microseconds each from a cold disk;
// more of them would be written less often, and hold more memory.
const flushEvery = 64 << 10

// flusher has the state tree flushed in the background, one flush at a time. A new one
// flushes with the first blocks it sees: what changed since the last flush, or was built
// anew, was not counted, and a ledger that is started again and again before it has counted
// so far would never flush. Where little changed, little is written.
type flusher struct {
	changed int
	done    chan struct{} // of the flush under way
	err     error         // of it, after done
}

func newFlusher() flusher { return flusher{changed: flushEvery} }

// after counts what a group of blocks has changed.
func (f *flusher) after(c *shell.Context, store *Store, group []*actorspb.ExecutedBlock) {
	for _, b := range group {
		f.changed += len(b.Places)
	}
	last := group[len(group)-1]
	if f.changed < flushEvery || last.Tree == nil || !f.idle(c) {
		return
	}
	f.changed = 0
	f.start(store, last.Tree, last.Header.Height)
}

func (f *flusher) start(store *Store, t *tree.Tree, at ledger.Height) {
	done := make(chan struct{})
	f.done = done
	go func() {
		defer close(done)
		f.err = store.FlushTree(t, at)
	}()
}

// idle tells whether no flush is under way.
func (f *flusher) idle(c *shell.Context) bool {
	if f.done == nil {
		return true
	}
	select {
	case <-f.done:
	default:
		return false
	}
	f.done = nil
	if f.err != nil { // the next one writes what this one has not
		c.Logger().Warn("the pages of the state tree could not be written; a start will take longer", "error", f.err)
	}
	return true
}

// wait ends with the flush under way.
func (f *flusher) wait() {
	if f.done != nil {
		<-f.done
	}
}
