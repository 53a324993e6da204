// Package former is the state tree that came before: a compact sparse Merkle tree over the
// hashes of keys, all of it in memory. It is kept here to be compared with.
package former

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"github.com/concordat-ledger/concordat/ledger"
)

// Change sets a key to an encoded Record, or deletes it.
type Change struct {
	Key, Value []byte
	Delete     bool
}

const (
	leafByte  = 0
	innerByte = 1
	valueByte = 2
)

type node struct {
	hash        ledger.Hash
	left, right *node       // of an inner node
	key, value  ledger.Hash // of a leaf: hash of the key, hash of the value
	leaf        bool
}

// Tree is one immutable version of the state.
type Tree struct {
	root *node
	size int
}

// New is the empty state, whose root is 32 zero bytes.
func New() *Tree { return &Tree{} }

// Root authenticates the whole state.
func (t *Tree) Root() ledger.Hash { return hashOf(t.root) }

// Len is the number of keys.
func (t *Tree) Len() int { return t.size }

// KeyHash is a key's place in the tree.
func KeyHash(key []byte) ledger.Hash { return sha256.Sum256(key) }

// ValueHash is what a leaf holds of a value.
func ValueHash(value []byte) ledger.Hash {
	h := sha256.New()
	h.Write([]byte{valueByte})
	h.Write(value)
	var out ledger.Hash
	h.Sum(out[:0])
	return out
}

func hashOf(n *node) ledger.Hash {
	if n == nil {
		return ledger.Hash{}
	}
	return n.hash
}

func leafHash(key, value ledger.Hash) ledger.Hash {
	var b [1 + 2*ledger.HashSize]byte
	b[0] = leafByte
	copy(b[1:], key[:])
	copy(b[1+ledger.HashSize:], value[:])
	return sha256.Sum256(b[:])
}

func innerHash(left, right ledger.Hash) ledger.Hash {
	var b [1 + 2*ledger.HashSize]byte
	b[0] = innerByte
	copy(b[1:], left[:])
	copy(b[1+ledger.HashSize:], right[:])
	return sha256.Sum256(b[:])
}

func newLeaf(key, value ledger.Hash) *node {
	return &node{hash: leafHash(key, value), key: key, value: value, leaf: true}
}

// join makes the node above two subtrees. A lone leaf moves up, so that a tree's
// shape depends on its keys alone.
func join(left, right *node) *node {
	switch {
	case left == nil && right == nil:
		return nil
	case left == nil && right.leaf:
		return right
	case right == nil && left.leaf:
		return left
	}
	return &node{hash: innerHash(hashOf(left), hashOf(right)), left: left, right: right}
}

func bit(h *ledger.Hash, depth int) byte { return h[depth/8] >> (7 - depth%8) & 1 }

type entry struct {
	key, value ledger.Hash
	drop       bool
}

// Apply returns the version after the changes. Their order does not matter; of
// several changes of one key the last one counts.
func (t *Tree) Apply(changes []Change) *Tree {
	if len(changes) == 0 {
		return t
	}
	entries := make([]entry, len(changes))
	for i, c := range changes {
		entries[i] = entry{key: KeyHash(c.Key), drop: c.Delete}
		if !c.Delete {
			entries[i].value = ValueHash(c.Value)
		}
	}
	return t.apply(entries)
}

func (t *Tree) apply(entries []entry) *Tree {
	slices.SortStableFunc(entries, func(a, b entry) int { return bytes.Compare(a.key[:], b.key[:]) })
	last := entries[:0]
	for i, e := range entries {
		if i+1 < len(entries) && entries[i+1].key == e.key {
			continue
		}
		last = append(last, e)
	}
	u := update{}
	root := u.apply(t.root, last, 0)
	return &Tree{root: root, size: t.size + u.grown}
}

// update counts how the number of leaves changes while it rewrites.
type update struct{ grown int }

func (u *update) apply(n *node, entries []entry, depth int) *node {
	if len(entries) == 0 {
		return n
	}
	if n == nil {
		return u.build(entries, depth)
	}
	if n.leaf {
		return u.meetLeaf(n, entries, depth)
	}
	at := split(entries, depth)
	return join(u.apply(n.left, entries[:at], depth+1), u.apply(n.right, entries[at:], depth+1))
}

// meetLeaf puts an existing leaf among the entries that fall on its place.
func (u *update) meetLeaf(n *node, entries []entry, depth int) *node {
	at, found := slices.BinarySearchFunc(entries, n.key, func(e entry, k ledger.Hash) int { return bytes.Compare(e.key[:], k[:]) })
	u.grown--
	if !found {
		entries = slices.Insert(slices.Clone(entries), at, entry{key: n.key, value: n.value})
	}
	return u.build(entries, depth)
}

func (u *update) build(entries []entry, depth int) *node {
	switch {
	case len(entries) == 0:
		return nil
	case len(entries) == 1 && entries[0].drop:
		return nil
	case len(entries) == 1:
		u.grown++
		return newLeaf(entries[0].key, entries[0].value)
	}
	at := split(entries, depth)
	return join(u.build(entries[:at], depth+1), u.build(entries[at:], depth+1))
}

// split finds where the bit at depth turns from 0 to 1 in sorted entries.
func split(entries []entry, depth int) int {
	at, _ := slices.BinarySearchFunc(entries, byte(1), func(e entry, one byte) int { return int(bit(&e.key, depth)) - int(one) })
	return at
}

// Loader rebuilds a tree from a full listing of the store, in any order.
type Loader struct{ entries []entry }

// Add takes one key and its value.
func (l *Loader) Add(key, value []byte) {
	l.entries = append(l.entries, entry{key: KeyHash(key), value: ValueHash(value)})
}

// Tree builds the version and leaves the loader empty.
func (l *Loader) Tree() *Tree {
	t := New()
	if len(l.entries) > 0 {
		t = t.apply(l.entries)
	}
	l.entries = nil
	return t
}
