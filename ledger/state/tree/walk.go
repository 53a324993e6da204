package tree

import (
	"bytes"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// Leaf finds the hash of the leaf at a place; false: there is none.
func (t *Tree) Leaf(placed []byte) (ledger.Hash, bool, error) {
	n := t.root
	for n != nil && !n.leaf() {
		k, err := t.cache.kids(n)
		if err != nil {
			return ledger.Hash{}, false, err
		}
		if state.Bit(placed, n.pos) == 0 {
			n = k.left
		} else {
			n = k.right
		}
	}
	if n == nil || !bytes.Equal(n.key, placed) {
		return ledger.Hash{}, false, nil
	}
	return n.hash, true, nil
}

// Walk calls fn for each leaf from <= placed < to, in order; without to the range goes
// to the end. An error of fn ends it and is returned.
func (t *Tree) Walk(from, to []byte, fn func(placed []byte, leaf ledger.Hash) error) error {
	if t.root == nil {
		return nil
	}
	return t.walk(t.root, from, to, fn)
}

func (t *Tree) walk(n *node, from, to []byte, fn func([]byte, ledger.Hash) error) error {
	if n.leaf() {
		if bytes.Compare(n.key, from) < 0 || to != nil && bytes.Compare(n.key, to) >= 0 {
			return nil
		}
		return fn(n.key, n.hash)
	}
	k, err := t.cache.kids(n)
	if err != nil {
		return err
	}
	if !state.Outside(k.right.key, n.pos, false, from, to) {
		if err := t.walk(k.left, from, to, fn); err != nil {
			return err
		}
	}
	if state.Outside(k.left.key, n.pos, true, from, to) {
		return nil
	}
	return t.walk(k.right, from, to, fn)
}

// Outline cuts the tree into parts of about so many bytes of keys and records.
func (t *Tree) Outline(partBytes uint64) (state.Outline, error) {
	var out state.Outline
	if t.root == nil {
		return out, nil
	}
	partBytes = max(partBytes, t.root.bytes/(state.PartsMax/4))
	err := t.parts(partBytes, func(n *node, part bool) {
		if part {
			out = append(out, state.OutlineNode{Part: true, Hash: n.hash})
		} else {
			out = append(out, state.OutlineNode{Pos: n.pos})
		}
	})
	return out, err
}

// parts visits the nodes of an outline.
func (t *Tree) parts(partBytes uint64, visit func(n *node, part bool)) error {
	var below func(n *node) error
	below = func(n *node) error {
		if n.bytes <= partBytes || n.leaf() {
			visit(n, true)
			return nil
		}
		visit(n, false)
		k, err := t.cache.kids(n)
		if err != nil {
			return err
		}
		if err := below(k.left); err != nil {
			return err
		}
		return below(k.right)
	}
	return below(t.root)
}

// Part is a part of an outline as its server needs it.
type Part struct {
	tree *Tree
	root *node
}

// Parts are those of the outline of the same size, in its order.
func (t *Tree) Parts(partBytes uint64) ([]Part, error) {
	var out []Part
	if t.root == nil {
		return out, nil
	}
	partBytes = max(partBytes, t.root.bytes/(state.PartsMax/4))
	err := t.parts(partBytes, func(n *node, part bool) {
		if part {
			out = append(out, Part{t, n})
		}
	})
	return out, err
}

// Bytes is what the part's keys and records take.
func (p Part) Bytes() uint64 { return p.root.bytes }

// Len is the number of the part's records.
func (p Part) Len() uint64 { return p.root.count }

// Hash is the hash of the part's subtree.
func (p Part) Hash() ledger.Hash { return p.root.hash }

// Walk calls fn for each of its leaves, in order.
func (p Part) Walk(fn func(placed []byte, leaf ledger.Hash) error) error {
	return p.tree.walk(p.root, nil, nil, fn)
}
