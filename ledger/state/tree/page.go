package tree

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// A page is a list of the nodes below its root, each inner node before its left and
// its right subtree. A key is told as how much it shares with the one before.
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
	for _, v := range []uint64{p.addr, uint64(p.size), p.stored, p.oldest} { // #nosec G115 -- a length
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

type pageReader struct {
	buf     []byte
	last    []byte
	entries int
	err     error
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
	k := append(make([]byte, 0, shared+rest), r.last[:shared]...)
	r.last = append(k, r.take(rest)...)
	return r.last
}

func (r *pageReader) hash() (h ledger.Hash) {
	copy(h[:], r.take(len(h)))
	return h
}

// node reads a node with all below it in the page.
func (r *pageReader) node(above int) *node {
	kind := r.take(1)
	if r.err != nil || r.entries > entriesMax {
		r.fail()
		return nil
	}
	switch kind[0] {
	case pageInner:
		pos := int(r.uint(state.PositionMax)) // #nosec G115 -- bounded
		if r.err != nil || pos <= above {
			r.fail()
			return nil
		}
		left, right := r.node(pos), r.node(pos)
		if r.err != nil {
			return nil
		}
		return join(pos, left, right)
	case pageLeaf:
		r.entries++
		n := &node{key: r.key(), pos: -1, count: 1}
		n.hash, n.bytes = r.hash(), r.uint(1<<62)
		return n
	case pageChild:
		r.entries++
		p := &page{addr: r.uint(1 << 63)}
		p.size = int(r.uint(pageBytesMax)) // #nosec G115 -- bounded
		p.stored, p.oldest = r.uint(1<<62), r.uint(p.addr)
		n := &node{pos: int(r.uint(state.PositionMax))} // #nosec G115 -- bounded
		n.key, n.hash, n.bytes, n.count = r.key(), r.hash(), r.uint(1<<62), r.uint(1<<62)
		n.page.Store(p)
		if n.pos <= above {
			r.fail()
		}
		return n
	}
	r.fail()
	return nil
}

func (r *pageReader) done() error {
	if r.err == nil && len(r.buf) > 0 {
		r.fail()
	}
	return r.err
}

func parsePage(raw []byte) (root *node, entries int, err error) {
	r := &pageReader{buf: raw}
	n := r.node(-1)
	if err := r.done(); err != nil {
		return nil, 0, err
	}
	if n.leaf() || n.page.Load() != nil {
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
	r := &pageReader{buf: entry}
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
