package tree

import (
	"sync/atomic"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// node is a leaf or an inner node. All but kids and page never changes. kids of an
// inner node may be absent only if page says where they are.
type node struct {
	hash  ledger.Hash
	key   []byte // of a leaf its placed key; of an inner node one from below, whose bits count before pos only
	bytes uint64 // of all records below and their keys
	count uint64 // of leaves below
	pos   int    // of an inner node; -1: a leaf
	kids  atomic.Pointer[pair]
	page  atomic.Pointer[page] // of the root of a page that is in the store
}

type pair struct{ left, right *node }

// page is where a node's subtree is stored. Only its flags change.
type page struct {
	addr   uint64
	size   int
	stored uint64 // bytes of this page and all below
	oldest uint64 // the lowest address of this page and all below

	used  atomic.Bool // since the cache last looked
	held  atomic.Bool // it must not leave memory: it is being written
	stale atomic.Bool // a later version has another one instead
}

func (n *node) leaf() bool { return n.pos < 0 }

func newLeaf(key []byte, record ledger.Hash, size int) *node {
	return &node{hash: state.LeafHash(key, record), key: key, bytes: uint64(size), count: 1, pos: -1} // #nosec G115 -- a length
}

// join makes the inner node above two subtrees, of which either may be empty.
func join(pos int, left, right *node) *node {
	switch {
	case left == nil:
		return right
	case right == nil:
		return left
	}
	n := &joined{kids: pair{left, right}}
	n.over(pos, &n.kids)
	return &n.node
}

// joined is a node with its children: most of what a block costs is making these.
type joined struct {
	node
	kids pair
}

// over makes a new node the inner node above two subtrees.
func (n *node) over(pos int, k *pair) {
	l, r := k.left, k.right
	n.hash, n.key, n.pos = state.InnerHash(pos, l.hash, r.hash), l.key, pos
	n.bytes, n.count = l.bytes+r.bytes, l.count+r.count
	n.kids.Store(k)
}
