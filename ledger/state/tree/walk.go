package tree

import (
	"bytes"
	"errors"

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

// Part is a part of an outline as its server needs it.
type Part struct {
	tree *Tree
	root *node
}

// Cut cuts the tree into parts of about so many bytes of keys and records. The outline
// names them in the order of the parts. There are no more than state.PartsMax: were they
// more, the parts are larger. The result depends on the records and the size alone.
func (t *Tree) Cut(partBytes uint64) (state.Outline, []Part, error) {
	if t.root == nil {
		return nil, nil, nil
	}
	// Below a balanced top this alone keeps to the bound. But keys that someone chose may
	// hang tiny leaves all along the way to a heavy one, and each is a part of its own.
	partBytes = max(partBytes, t.root.bytes/(state.PartsMax/4), 1)
	for {
		c := cut{tree: t, partBytes: partBytes}
		err := c.below(t.root)
		if !errors.Is(err, errParts) {
			return c.outline, c.parts, err
		}
		partBytes *= 2 // at the root's size there is one part
	}
}

// cut is one way to cut a tree.
type cut struct {
	tree      *Tree
	partBytes uint64
	outline   state.Outline
	parts     []Part
}

var errParts = errors.New("too many parts")

func (c *cut) below(n *node) error {
	if n.bytes <= c.partBytes || n.leaf() {
		if len(c.parts) == state.PartsMax {
			return errParts
		}
		c.outline = append(c.outline, state.OutlineNode{Part: true, Hash: n.hash})
		c.parts = append(c.parts, Part{c.tree, n})
		return nil
	}
	c.outline = append(c.outline, state.OutlineNode{Pos: n.pos})
	k, err := c.tree.cache.kids(n)
	if err != nil {
		return err
	}
	if err := c.below(k.left); err != nil {
		return err
	}
	return c.below(k.right)
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
