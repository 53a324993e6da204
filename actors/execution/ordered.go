package execution

import "hash/maphash"

// ordered is a map in the order of its keys, for scans: finding where one begins takes as
// long as the logarithm of what is there, however much a block has changed. It is never
// changed in place, so a scan goes on in what it began with. It is a treap: a search tree
// in the keys, and a heap in random numbers made of them, which nobody can choose. What it
// looks like inside differs among replicas; its order does not.
type ordered struct{ root *branch }

type branch struct {
	key         string
	value       []byte // nil: deleted
	weight      uint64
	left, right *branch
}

var weights = maphash.MakeSeed()

// with is the map with a key's value set.
func (o ordered) with(key string, value []byte) ordered {
	below, above := o.root.split(key)
	_, above = above.split(key + "\x00") // without the key itself
	at := &branch{key: key, value: value, weight: maphash.String(weights, key)}
	return ordered{join(join(below, at), above)}
}

// without is the map without a key.
func (o ordered) without(key string) ordered {
	below, above := o.root.split(key)
	_, above = above.split(key + "\x00")
	return ordered{join(below, above)}
}

// split gives what is before a key and the rest.
func (b *branch) split(key string) (below, rest *branch) {
	if b == nil {
		return nil, nil
	}
	c := *b
	if b.key < key {
		c.right, rest = b.right.split(key)
		return &c, rest
	}
	below, c.left = b.left.split(key)
	return below, &c
}

// join puts two together, of which all keys of the first are before those of the second.
func join(a, b *branch) *branch {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.weight > b.weight:
		c := *a
		c.right = join(a.right, b)
		return &c
	}
	c := *b
	c.left = join(a, b.left)
	return &c
}

// walk goes over a part of a map.
type walk struct {
	open     []*branch // the next on top, and those that come after what lies on its side
	from, to string
	reverse  bool
}

// walk begins one over the keys from ≤ key < to.
func (o ordered) walk(from, to string, reverse bool) *walk {
	w := &walk{from: from, to: to, reverse: reverse}
	for b := o.root; b != nil; {
		switch {
		case reverse && b.key < to:
			w.open = append(w.open, b)
			b = b.right
		case reverse:
			b = b.left
		case b.key >= from:
			w.open = append(w.open, b)
			b = b.left
		default:
			b = b.right
		}
	}
	return w
}

// peek is the next entry; nil at the end.
func (w *walk) peek() *branch {
	if len(w.open) == 0 {
		return nil
	}
	b := w.open[len(w.open)-1]
	if b.key < w.from || b.key >= w.to {
		return nil
	}
	return b
}

// step goes on behind the next entry.
func (w *walk) step() {
	b := w.open[len(w.open)-1]
	w.open = w.open[:len(w.open)-1]
	if w.reverse {
		for b = b.left; b != nil; b = b.right {
			w.open = append(w.open, b)
		}
		return
	}
	for b = b.right; b != nil; b = b.left {
		w.open = append(w.open, b)
	}
}
