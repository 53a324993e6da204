package tree

import (
	"errors"
	"math"
)

// Flush is one writing of a tree's changed pages.
type Flush struct {
	Entry  []byte // for Open
	Stored uint64 // bytes of all pages that this version has

	tree  *Tree
	from  uint64
	put   func(raw []byte) (addr uint64, err error)
	wrote []wrote

	writer pageWriter
}

// wrote is the root of a page that was written, with the page that it had before.
type wrote struct {
	n       *node
	before  *page
	entries int
}

// Flush gives put each page of the tree that is in no store yet, and again those that lie
// below the address from: when it is done, this version needs none of them. put returns
// the page's address, and does not keep the bytes; addresses ascend. When all pages and the entry are durable, call
// Done; else Undo. Versions that came after this one may be read and updated meanwhile,
// but only one flush may be under way.
func (t *Tree) Flush(from uint64, put func(raw []byte) (addr uint64, err error)) (*Flush, error) {
	if t.cache == nil {
		return nil, ErrNoCache
	}
	f := &Flush{tree: t, from: from, put: put}
	if err := f.write(); err != nil {
		f.Undo()
		return nil, err
	}
	return f, nil
}

func (f *Flush) write() error {
	root := f.tree.root
	if root != nil && !root.leaf() {
		if _, err := f.cut(root); err != nil {
			return err
		}
		if root.page.Load() == nil {
			if err := f.close(root); err != nil {
				return err
			}
		}
		f.Stored = root.page.Load().stored
	}
	f.Entry = f.tree.entry()
	return nil
}

// cut closes pages below a node so that what remains open with it fits into one, and
// returns how many entries that has.
func (f *Flush) cut(n *node) (int, error) {
	if n.leaf() {
		return 1, nil
	}
	if n.page.Load() != nil {
		return 1, f.again(n)
	}
	k := n.kids.Load()
	left, err := f.cut(k.left)
	if err != nil {
		return 0, err
	}
	right, err := f.cut(k.right)
	if err != nil {
		return 0, err
	}
	for left+right > entriesMax {
		// The larger one becomes a page of its own, so pages are at least half full.
		kid, size := k.left, &left
		if right > left {
			kid, size = k.right, &right
		}
		if err := f.close(kid); err != nil {
			return 0, err
		}
		*size = 1
	}
	return left + right, nil
}

// again writes a page again if it, or one below, lies too low.
func (f *Flush) again(n *node) error {
	p := n.page.Load()
	if p.oldest >= f.from {
		return nil
	}
	k, err := f.tree.cache.hold(n)
	if err == nil {
		err = f.below(k.left)
	}
	if err == nil {
		err = f.below(k.right)
	}
	if err == nil {
		err = f.close(n)
	}
	if err != nil {
		p.held.Store(false)
	}
	return err
}

// below visits the pages below a part of one.
func (f *Flush) below(n *node) error {
	if n.leaf() {
		return nil
	}
	if n.page.Load() != nil {
		return f.again(n)
	}
	k := n.kids.Load()
	if err := f.below(k.left); err != nil {
		return err
	}
	return f.below(k.right)
}

func (f *Flush) close(n *node) error {
	p := &page{oldest: math.MaxUint64}
	entries := p.sumUp(n)
	w := &f.writer
	w.buf, w.last = append(w.buf[:0], byte(entries)), nil // #nosec G115 -- at most entriesMax
	w.inner(n)
	addr, err := f.put(w.buf)
	if err != nil {
		return err
	}
	p.addr, p.size, p.stored, p.oldest = addr, len(w.buf), p.stored+uint64(len(w.buf)), min(addr, p.oldest)
	p.used.Store(true)
	p.held.Store(true)
	f.wrote = append(f.wrote, wrote{n, n.page.Swap(p), entries})
	return nil
}

// sumUp takes the pages below into account, and counts the entries of the page.
func (p *page) sumUp(n *node) (entries int) {
	k := n.kids.Load()
	for _, kid := range []*node{k.left, k.right} {
		switch q := kid.page.Load(); {
		case kid.leaf():
			entries++
		case q != nil:
			entries++
			p.stored, p.oldest = p.stored+q.stored, min(p.oldest, q.oldest)
		default:
			entries += p.sumUp(kid)
		}
	}
	return entries
}

// Done lets the written pages leave memory when room is needed.
func (f *Flush) Done() {
	for _, w := range f.wrote {
		w.n.page.Load().held.Store(false)
		if w.before == nil { // else it is known
			f.tree.cache.add(w.n, w.entries, false)
		}
	}
	f.tree.cache.sweep()
}

// Undo forgets a flush that could not be completed.
func (f *Flush) Undo() {
	for _, w := range f.wrote {
		w.n.page.Store(w.before)
		if w.before != nil {
			w.before.held.Store(false)
		}
	}
	f.wrote = nil
}

// ErrNoCache is returned by Flush of a tree that is in memory as a whole.
var ErrNoCache = errors.New("this tree has no pages")
