package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"slices"
)

const (
	keyBytes   = 40
	valueBytes = 100
	blockKeys  = 1000
	bulkKeys   = 10_000 // of a block while loading
)

// keyOf is the key of a number: uniformly distributed, so that no structure profits from
// what keys have in common.
func keyOf(i uint64) []byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], i)
	h := sha256.Sum256(b[:])
	return append(append(make([]byte, 0, keyBytes), h[:]...), b[:]...)
}

// valueOf cannot be compressed.
func valueOf(i, version uint64) []byte {
	p := rand.NewPCG(i, version)
	out := make([]byte, 0, valueBytes+8)
	for len(out) < valueBytes {
		out = binary.BigEndian.AppendUint64(out, p.Uint64())
	}
	return out[:valueBytes]
}

// load applies the first n keys, in their order: what is measured is a state that is there.
func load(e engine, n int) error {
	keys := make([]byte, 0, n*keyBytes)
	for i := range n {
		keys = append(keys, keyOf(uint64(i))...)
	}
	order := make([]uint32, n)
	for i := range order {
		order[i] = uint32(i)
	}
	at := func(i uint32) []byte { return keys[int(i)*keyBytes : (int(i)+1)*keyBytes] }
	slices.SortFunc(order, func(a, b uint32) int { return bytes.Compare(at(a), at(b)) })
	for part := range slices.Chunk(order, bulkKeys) {
		block := make([]update, len(part))
		for j, i := range part {
			block[j] = update{bytes.Clone(at(i)), valueOf(uint64(i), 0)}
		}
		if err := e.apply(block, true); err != nil {
			return err
		}
	}
	return e.settle()
}

// source makes blocks of updates of keys that are there, the same ones for every engine.
type source struct {
	n       int
	random  *rand.Rand
	zipf    *rand.Zipf
	version uint64
}

func newSource(n int) *source {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	return &source{n: n, random: r, zipf: rand.NewZipf(r, 1.1, 1, uint64(n-1))}
}

// block has distinct keys, chosen uniformly or by Zipf's law (s = 1.1).
func (s *source) block(zipf bool) []update {
	s.version++
	seen := map[uint64]bool{}
	out := make([]update, 0, blockKeys)
	for len(out) < min(blockKeys, s.n/2) {
		i := s.random.Uint64N(uint64(s.n))
		if zipf {
			i = s.zipf.Uint64()
		}
		if !seen[i] {
			seen[i] = true
			out = append(out, update{keyOf(i), valueOf(i, s.version)})
		}
	}
	return out
}
