// Package reference computes the state root from its definition, slowly and
// without sharing code with the tree. Tests compare the two.
package reference

import (
	"crypto/sha256"
	"sort"
)

// Root of a set of keys and values.
func Root(state map[string][]byte) [32]byte {
	type leaf struct{ key, value [32]byte }
	var leaves []leaf
	for k, v := range state {
		leaves = append(leaves, leaf{sha256.Sum256([]byte(k)), sha256.Sum256(append([]byte{2}, v...))})
	}
	sort.Slice(leaves, func(i, j int) bool { return string(leaves[i].key[:]) < string(leaves[j].key[:]) })
	var root func(from, to, depth int) [32]byte
	root = func(from, to, depth int) [32]byte {
		switch to - from {
		case 0:
			return [32]byte{}
		case 1:
			return sha256.Sum256(append(append([]byte{0}, leaves[from].key[:]...), leaves[from].value[:]...))
		}
		middle := from
		for middle < to && leaves[middle].key[depth/8]&(0x80>>(depth%8)) == 0 {
			middle++
		}
		l, r := root(from, middle, depth+1), root(middle, to, depth+1)
		return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
	}
	return root(0, len(leaves), 0)
}
