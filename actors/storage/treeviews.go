package storage

import (
	"slices"
	"sync"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// treeViews are trees that are at hand: those of the newest blocks, which cost
// nothing as they share their nodes, and a few of heights that were asked for. It is
// safe for concurrent use.
type treeViews struct {
	mu     sync.Mutex
	newest []view // heights ascending
	asked  []view // the last one asked for last
	puts   uint64
}

type view struct {
	at   ledger.Height
	tree *tree.Tree
	used uint64 // puts when it was asked for last
}

// How many trees are kept. A newest one holds what the blocks after it changed; one that
// was asked for may hold much, and goes after so many blocks without a question.
const (
	newestViews = 16
	askedViews  = 4
	askedFor    = 256
)

// put takes the tree of a block that is durable now.
func (v *treeViews) put(at ledger.Height, t *tree.Tree) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.newest) == newestViews {
		v.newest = slices.Delete(v.newest, 0, 1)
	}
	v.newest = append(v.newest, view{at: at, tree: t})
	v.puts++
	v.asked = slices.DeleteFunc(v.asked, func(w view) bool { return w.used+askedFor < v.puts })
}

// ask keeps a tree that had to be made.
func (v *treeViews) ask(at ledger.Height, t *tree.Tree) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.asked) == askedViews {
		v.asked = slices.Delete(v.asked, 0, 1)
	}
	v.asked = append(v.asked, view{at, t, v.puts})
}

// drop forgets the trees below the oldest state: nobody may read them any more.
func (v *treeViews) drop(oldest ledger.Height) {
	v.mu.Lock()
	defer v.mu.Unlock()
	below := func(w view) bool { return w.at < oldest }
	v.newest = slices.DeleteFunc(v.newest, below)
	v.asked = slices.DeleteFunc(v.asked, below)
}

// get finds the tree of a height; nil: it is not at hand.
func (v *treeViews) get(at ledger.Height) *tree.Tree {
	v.mu.Lock()
	defer v.mu.Unlock()
	is := func(w view) bool { return w.at == at }
	if i := slices.IndexFunc(v.newest, is); i >= 0 {
		return v.newest[i].tree
	}
	if i := slices.IndexFunc(v.asked, is); i >= 0 {
		w := v.asked[i]
		w.used = v.puts
		v.asked = append(slices.Delete(v.asked, i, i+1), w)
		return w.tree
	}
	return nil
}

// clear forgets all trees.
func (v *treeViews) clear() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.newest, v.asked = nil, nil
}
