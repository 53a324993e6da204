// Package reference computes the state root from its definition, slowly and
// without sharing code with the tree. Tests compare the two.
package reference

import (
	"crypto/sha256"
	"sort"
	"strings"
)

// Root of a set of records by their placed keys.
func Root(state map[string][]byte) [32]byte {
	type leaf struct {
		bits string // a 1 before each byte, the byte, and a 0 at the end
		hash [32]byte
	}
	var leaves []leaf
	for k, v := range state {
		record := sha256.Sum256(append([]byte{2}, v...))
		b := append([]byte{0, byte(len(k) >> 8), byte(len(k))}, k...)
		leaves = append(leaves, leaf{bitsOf(k), sha256.Sum256(append(b, record[:]...))})
	}
	sort.Slice(leaves, func(i, j int) bool { return leaves[i].bits < leaves[j].bits })
	var root func(from, to, pos int) [32]byte
	root = func(from, to, pos int) [32]byte {
		if to == from {
			return [32]byte{}
		}
		if to == from+1 {
			return leaves[from].hash
		}
		middle := from
		for middle < to && leaves[middle].bits[pos] == '0' {
			middle++
		}
		if middle == from || middle == to {
			return root(from, to, pos+1)
		}
		l, r := root(from, middle, pos+1), root(middle, to, pos+1)
		return sha256.Sum256(append(append([]byte{1, byte(pos >> 8), byte(pos)}, l[:]...), r[:]...))
	}
	return root(0, len(leaves), 0)
}

func bitsOf(key string) string {
	var b strings.Builder
	for i := range len(key) {
		b.WriteByte('1')
		for j := 7; j >= 0; j-- {
			b.WriteByte('0' + key[i]>>j&1)
		}
	}
	return b.String() + "0"
}
