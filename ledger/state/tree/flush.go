package tree

import (
	"errors"

	"github.com/concordat-ledger/concordat/ledger"
)

// Flush is one writing of a tree's changed pages.
type Flush struct {
	Entry []byte   // for Open
	Next  uint64   // the first page id that is free
	Freed []uint64 // pages that only versions before this one need
	Kept  int      // pages of earlier flushes that this version still begins with

	tree   *Tree
	at     ledger.Height
	put    func(id uint64, raw []byte) error
	kept   map[uint64]bool // pages of earlier flushes that this version needs; looked up only
	closed []*node         // roots of the pages that were written
	sizes  []int           // their entries
}

// Flush gives put each page of the tree that is in no store yet, to be written as of
// height at, with ids from next on. before is the version that was flushed last, nil
// for the first. When all pages, the entry, and the end of those that were freed are
// durable, call Done; else Undo. Versions that came after this one may be read and
// updated meanwhile, but only one flush may be under way.
func (t *Tree) Flush(at ledger.Height, next uint64, before *Tree, put func(id uint64, raw []byte) error) (*Flush, error) {
	if t.cache == nil {
		return nil, ErrNoCache
	}
	f := &Flush{Next: next, tree: t, at: at, put: put, kept: map[uint64]bool{}}
	err := f.write()
	if err != nil {
		f.Undo()
		return nil, err
	}
	f.Kept = len(f.kept)
	if before != nil && before.root != nil {
		if f.free(before.root) != nil {
			f.Freed = nil // an old page cannot be read: some that nobody needs stay
		}
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
	if p := n.page.Load(); p != nil {
		f.kept[p.id] = true
		return 1, nil
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

func (f *Flush) close(n *node) error {
	entries := entriesOf(n)
	w := &pageWriter{}
	w.inner(n)
	if err := f.put(f.Next, w.buf); err != nil {
		return err
	}
	p := &page{id: f.Next, at: f.at}
	p.used.Store(true)
	n.page.Store(p)
	f.closed, f.sizes = append(f.closed, n), append(f.sizes, entries)
	f.Next++
	return nil
}

// free finds the pages of the version before that this one does not need. What it
// needs of them is needed with all below.
func (f *Flush) free(n *node) error {
	if n.leaf() {
		return nil
	}
	p := n.page.Load()
	if p != nil && (f.kept[p.id] || p.at == f.at && p.id >= f.Next-uint64(len(f.closed))) {
		return nil
	}
	if p != nil {
		f.Freed = append(f.Freed, p.id)
	}
	k, err := f.tree.cache.kids(n)
	if err != nil {
		return err
	}
	if err := f.free(k.left); err != nil {
		return err
	}
	return f.free(k.right)
}

// Done lets the written pages leave memory when room is needed.
func (f *Flush) Done() {
	for i, n := range f.closed {
		f.tree.cache.add(n, f.sizes[i], false)
	}
}

// Undo forgets a flush that could not be completed.
func (f *Flush) Undo() {
	for _, n := range f.closed {
		n.page.Store(nil)
	}
	f.closed = nil
}

// ErrNoCache is returned by Flush of a tree that is in memory as a whole.
var ErrNoCache = errors.New("this tree has no pages")

// entriesOf counts the entries of the page that a node in memory is to be the root of.
func entriesOf(n *node) int {
	k := n.kids.Load()
	count := 0
	for _, kid := range []*node{k.left, k.right} {
		if kid.leaf() || kid.page.Load() != nil {
			count++
		} else {
			count += entriesOf(kid)
		}
	}
	return count
}
