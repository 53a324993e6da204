package state

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/concordat-ledger/concordat/ledger"
)

// PartsDepthMax bounds into how many parts a state is cut: 2^14, of which the list is
// about half a MiB.
const PartsDepthMax = 14

// Pair is a key with its encoded Record.
type Pair struct{ Key, Value []byte }

// PartKind says what a Part holds.
type PartKind uint8

// A part without keys, with one, with several.
const (
	PartEmpty PartKind = iota
	PartLeaf
	PartInner
)

// Part is what the tree says of all keys whose hashes begin with the same bits. The
// list of all parts of one depth gives the root, so that each can be fetched from
// anyone and checked on its own. A lone leaf stands higher up in the tree, where its
// place is not in the hash: so it is told with its key.
type Part struct {
	Kind       PartKind
	Hash       ledger.Hash // of PartInner
	Key, Value ledger.Hash // of PartLeaf: hash of the key, hash of the value
}

// Node is the hash of the subtree that the part is.
func (p Part) Node() ledger.Hash {
	if p.Kind == PartLeaf {
		return leafHash(p.Key, p.Value)
	}
	return p.Hash // zero for PartEmpty
}

// ErrPart is wrapped by everything that is wrong with a part or a list of parts.
var ErrPart = errors.New("the part of the state does not hold")

// PartIndex is the number of the part in which a key is.
func PartIndex(depth int, key []byte) int {
	h := KeyHash(key)
	return prefix(&h, depth)
}

func prefix(h *ledger.Hash, depth int) int {
	return int(h[0])<<8>>(16-depth) | int(h[1])>>(16-depth)
}

// PartOf computes part number index from its pairs, in any order. A pair that belongs
// elsewhere, or a key that comes twice, is an error.
func PartOf(depth, index int, pairs []Pair) (Part, error) {
	if depth < 0 || depth > PartsDepthMax || index>>depth != 0 {
		return Part{}, fmt.Errorf("%w: there is no part %d of depth %d", ErrPart, index, depth)
	}
	entries := make([]entry, len(pairs))
	for i, p := range pairs {
		entries[i] = entry{key: KeyHash(p.Key), value: ValueHash(p.Value)}
		if prefix(&entries[i].key, depth) != index {
			return Part{}, fmt.Errorf("%w: a key of part %d came with part %d", ErrPart, prefix(&entries[i].key, depth), index)
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return bytes.Compare(a.key[:], b.key[:]) })
	for i := 1; i < len(entries); i++ {
		if entries[i].key == entries[i-1].key {
			return Part{}, fmt.Errorf("%w: a key came twice", ErrPart)
		}
	}
	u := update{}
	switch n := u.build(entries, depth); {
	case n == nil:
		return Part{}, nil
	case n.leaf:
		return Part{Kind: PartLeaf, Key: n.key, Value: n.value}, nil
	default:
		return Part{Kind: PartInner, Hash: n.hash}, nil
	}
}

// JoinParts is the root of the tree whose parts these are, all 2^depth in their order.
func JoinParts(depth int, parts []Part) (ledger.Hash, error) {
	if depth < 0 || depth > PartsDepthMax || len(parts) != 1<<depth {
		return ledger.Hash{}, fmt.Errorf("%w: %d parts of depth %d", ErrPart, len(parts), depth)
	}
	level := make([]*node, len(parts))
	for i, p := range parts {
		switch p.Kind {
		case PartEmpty:
		case PartLeaf:
			if prefix(&p.Key, depth) != i {
				return ledger.Hash{}, fmt.Errorf("%w: part %d is a key of part %d", ErrPart, i, prefix(&p.Key, depth))
			}
			level[i] = newLeaf(p.Key, p.Value)
		case PartInner:
			level[i] = &node{hash: p.Hash}
		default:
			return ledger.Hash{}, fmt.Errorf("%w: there is no kind %d", ErrPart, p.Kind)
		}
	}
	for len(level) > 1 {
		for i := range len(level) / 2 {
			level[i] = join(level[2*i], level[2*i+1])
		}
		level = level[:len(level)/2]
	}
	return hashOf(level[0]), nil
}
