package explore

import (
	"encoding/binary"
	"slices"
)

// networks numbers sets of messages. Number 0 is the empty one.
type networks struct {
	sets    [][]uint32 // ascending
	numbers map[string]uint32
	scratch []uint32
	key     []byte
}

func newNetworks() *networks {
	n := &networks{numbers: map[string]uint32{}}
	n.number(nil)
	return n
}

func (n *networks) number(set []uint32) uint32 {
	n.key = n.key[:0]
	for _, id := range set {
		n.key = binary.LittleEndian.AppendUint32(n.key, id)
	}
	if at, ok := n.numbers[string(n.key)]; ok {
		return at
	}
	at := uint32(len(n.sets)) // #nosec G115 -- it fits into memory
	n.sets = append(n.sets, slices.Clone(set))
	n.numbers[string(n.key)] = at
	return at
}

// with is the set and more, without what is dead.
func (n *networks) with(set uint32, more []uint32, dead func(uint32) bool) uint32 {
	n.scratch = append(append(n.scratch[:0], n.sets[set]...), more...)
	slices.Sort(n.scratch)
	n.scratch = slices.DeleteFunc(slices.Compact(n.scratch), dead)
	return n.number(n.scratch)
}

func (n *networks) holds(set uint32, all []uint32) bool {
	for _, id := range all {
		if _, ok := slices.BinarySearch(n.sets[set], id); !ok {
			return false
		}
	}
	return true
}
