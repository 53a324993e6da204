package tree

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// A page is the number of its entries, and a list of the nodes from its root on, each
// inner node before its left and its right subtree. A key is told as how much it shares
// with the one before.
const (
	pageInner = 0 // position
	pageLeaf  = 1 // key, hash, bytes
	pageChild = 2 // address, size, bytes stored, oldest address, position, key, hash, bytes, count
	pageEmpty = 3 // the tree without records; only as a tree's entry
)

// entriesMax bounds the leaves and children of a page. Of larger ones more is written for
// a change, of smaller ones more must be read.
const entriesMax = 16

// pageBytesMax is more than the largest page has.
const pageBytesMax = 4 << 20

type pageWriter struct {
	buf  []byte
	last []byte
}

func (w *pageWriter) uint(v uint64) { w.buf = binary.AppendUvarint(w.buf, v) }

func (w *pageWriter) key(k []byte) {
	shared := 0
	for shared < min(len(k), len(w.last)) && k[shared] == w.last[shared] {
		shared++
	}
	w.uint(uint64(shared))          // #nosec G115 -- a length
	w.uint(uint64(len(k) - shared)) // #nosec G115 -- a length
	w.buf = append(w.buf, k[shared:]...)
	w.last = k
}

// entry writes a leaf, or the root of another page.
func (w *pageWriter) entry(n *node) {
	if n.leaf() {
		w.buf = append(w.buf, pageLeaf)
		w.key(n.key)
		w.buf = append(w.buf, n.hash[:]...)
		w.uint(n.bytes)
		return
	}
	w.buf = append(w.buf, pageChild)
	p := n.page.Load()
	// #nosec G115 -- a length
	for _, v := range []uint64{p.addr, uint64(p.size), p.stored, p.oldest} {
		w.uint(v)
	}
	w.uint(uint64(n.pos)) // #nosec G115 -- not a leaf
	w.key(n.key[:min(len(n.key), n.pos/9+1)])
	w.buf = append(w.buf, n.hash[:]...)
	w.uint(n.bytes)
	w.uint(n.count)
}

// below writes a node that is not the page's root.
func (w *pageWriter) below(n *node) {
	if n.leaf() || n.page.Load() != nil {
		w.entry(n)
		return
	}
	w.inner(n)
}

func (w *pageWriter) inner(n *node) {
	w.buf = append(w.buf, pageInner)
	w.uint(uint64(n.pos)) // #nosec G115 -- not a leaf
	k := n.kids.Load()
	w.below(k.left)
	w.below(k.right)
}

// pageReader makes the nodes of a page, which come and go together, from few allocations:
// what follows from a load is mostly the cost of them.
type pageReader struct {
	buf     []byte
	last    []byte
	nodes   []node
	pairs   []pair
	keys    []byte
	entries int
	most    int // entries
	err     error
}

func newPageReader(buf []byte, entries int) *pageReader {
	return &pageReader{buf: buf, most: entries, nodes: make([]node, 0, 2*entries-1), pairs: make([]pair, 0, entries-1)}
}

// add is a new node, nil if there are more than the page says.
func (r *pageReader) add() *node {
	if len(r.nodes) == cap(r.nodes) {
		r.fail()
		return nil
	}
	r.nodes = r.nodes[:len(r.nodes)+1]
	return &r.nodes[len(r.nodes)-1]
}

var errPage = errors.New("it cannot be read")

func (r *pageReader) fail() { r.buf, r.err = nil, errPage }

func (r *pageReader) uint(limit uint64) uint64 {
	v, n := binary.Uvarint(r.buf)
	if n <= 0 || v > limit {
		r.fail()
		return 0
	}
	r.buf = r.buf[n:]
	return v
}

func (r *pageReader) take(n int) []byte {
	if n > len(r.buf) {
		r.fail()
		return nil
	}
	b := r.buf[:n]
	r.buf = r.buf[n:]
	return b
}

func (r *pageReader) key() []byte {
	shared := int(r.uint(uint64(len(r.last)))) // #nosec G115 -- bounded
	rest := int(r.uint(state.PlacedBytesMax))  // #nosec G115 -- bounded
	tail := r.take(rest)
	if r.err != nil {
		return nil
	}
	if n := shared + rest; cap(r.keys)-len(r.keys) < n { // most keys are about as long as the first
		r.keys = make([]byte, 0, n*max(1, min(r.most-r.entries+1, 4096/(n+1))))
	}
	begin := len(r.keys)
	r.keys = append(append(r.keys, r.last[:shared]...), tail...)
	r.last = r.keys[begin:len(r.keys):len(r.keys)]
	return r.last
}

func (r *pageReader) hash() (h ledger.Hash) {
	copy(h[:], r.take(len(h)))
	return h
}

// node reads a node with all below it in the page.
func (r *pageReader) node(above int) *node {
	kind := r.take(1)
	if r.err != nil {
		return nil
	}
	n := r.add()
	if r.err != nil {
		return nil
	}
	switch kind[0] {
	case pageInner:
		r.inner(n, above)
	case pageLeaf:
		r.entries++
		n.key, n.pos, n.count = r.key(), -1, 1
		n.hash, n.bytes = r.hash(), r.uint(1<<62)
	case pageChild:
		r.entries++
		p := &page{addr: r.uint(1 << 63)}
		p.size = int(r.uint(pageBytesMax)) // #nosec G115 -- bounded
		p.stored, p.oldest = r.uint(1<<62), r.uint(p.addr)
		n.pos = int(r.uint(state.PositionMax)) // #nosec G115 -- bounded
		n.key, n.hash, n.bytes, n.count = r.key(), r.hash(), r.uint(1<<62), r.uint(1<<62)
		n.page.Store(p)
		if n.pos <= above {
			r.fail()
		}
	default:
		r.fail()
	}
	if r.err != nil {
		return nil
	}
	return n
}

func (r *pageReader) inner(n *node, above int) {
	pos := int(r.uint(state.PositionMax)) // #nosec G115 -- bounded
	if r.err != nil || pos <= above || len(r.pairs) == cap(r.pairs) {
		r.fail()
		return
	}
	r.pairs = r.pairs[:len(r.pairs)+1]
	k := &r.pairs[len(r.pairs)-1]
	k.left, k.right = r.node(pos), r.node(pos)
	if r.err == nil {
		n.over(pos, k)
	}
}

func (r *pageReader) done() error {
	if r.err == nil && len(r.buf) > 0 {
		r.fail()
	}
	return r.err
}

func parsePage(raw []byte) (root *node, entries int, err error) {
	if len(raw) == 0 || raw[0] < 2 || raw[0] > entriesMax {
		return nil, 0, errPage
	}
	r := newPageReader(raw[1:], int(raw[0]))
	n := r.node(-1)
	if err := r.done(); err != nil {
		return nil, 0, err
	}
	if n.leaf() || n.page.Load() != nil || r.entries != r.most {
		return nil, 0, errPage
	}
	return n, r.entries, nil
}

// Entry is what Open needs to know of a flushed tree.
func (t *Tree) entry() []byte {
	w := &pageWriter{}
	if t.root == nil {
		return []byte{pageEmpty}
	}
	w.entry(t.root)
	return w.buf
}

// Open is the tree that a flush wrote, by the entry that it gave.
func Open(cache *Cache, entry []byte) (*Tree, error) {
	t := New(cache)
	if len(entry) == 1 && entry[0] == pageEmpty {
		return t, nil
	}
	r := newPageReader(entry, 1)
	n := r.node(-1)
	if err := r.done(); err != nil {
		return nil, fmt.Errorf("%w: the root: %w", ErrPage, err)
	}
	if n.kids.Load() != nil {
		return nil, fmt.Errorf("%w: the root: %w", ErrPage, errPage)
	}
	t.root = n
	return t, nil
}
