package cryptography

import (
	"encoding/binary"
	"math/bits"
)

// BLAKE3 is the hash with 32 bytes and no key. It is written here, in words of the
// specification, because the libraries choose among assembly by the processor that
// they find.
func BLAKE3(in []byte) [32]byte {
	words := subtree(in, 0, blakeRoot)
	var out [32]byte
	for i, w := range words {
		binary.LittleEndian.PutUint32(out[4*i:], w)
	}
	return out
}

const (
	blakeBlock = 64
	blakeChunk = 1024
)

// Flags of a compression.
const (
	blakeChunkStart = 1
	blakeChunkEnd   = 2
	blakeParent     = 4
	blakeRoot       = 8
)

type chain [8]uint32

var blakeIV = chain{
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
}

// subtree hashes chunks from the given number on. The left part of a tree is the
// largest whole power of two of chunks that leaves something for the right.
func subtree(in []byte, number uint64, root uint32) chain {
	if len(in) <= blakeChunk {
		return chunk(in, number, root)
	}
	whole := uint64(len(in)-1) / blakeChunk // #nosec G115 -- a length
	left := uint64(1) << (bits.Len64(whole) - 1)
	var block [16]uint32
	a := subtree(in[:left*blakeChunk], number, 0)
	b := subtree(in[left*blakeChunk:], number+left, 0)
	copy(block[:8], a[:])
	copy(block[8:], b[:])
	return compress(&blakeIV, &block, 0, blakeBlock, blakeParent|root)
}

func chunk(in []byte, number uint64, root uint32) chain {
	value, flags := blakeIV, uint32(blakeChunkStart)
	for {
		n := min(len(in), blakeBlock)
		var raw [blakeBlock]byte
		copy(raw[:], in[:n])
		in = in[n:]
		var block [16]uint32
		for i := range block {
			block[i] = binary.LittleEndian.Uint32(raw[4*i:])
		}
		if len(in) == 0 {
			return compress(&value, &block, number, uint32(n), flags|blakeChunkEnd|root) // #nosec G115 -- at most 64
		}
		value = compress(&value, &block, number, blakeBlock, flags)
		flags = 0
	}
}

// blakeOrder says which word of the message stands where in the next round.
var blakeOrder = [16]int{2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8}

func compress(value *chain, message *[16]uint32, counter uint64, length, flags uint32) chain {
	v := [16]uint32{
		value[0], value[1], value[2], value[3], value[4], value[5], value[6], value[7],
		blakeIV[0], blakeIV[1], blakeIV[2], blakeIV[3],
		uint32(counter), uint32(counter >> 32), length, flags, // #nosec G115 -- its two halves
	}
	m := *message
	for round := range 7 {
		mix(&v, 0, 4, 8, 12, m[0], m[1])
		mix(&v, 1, 5, 9, 13, m[2], m[3])
		mix(&v, 2, 6, 10, 14, m[4], m[5])
		mix(&v, 3, 7, 11, 15, m[6], m[7])
		mix(&v, 0, 5, 10, 15, m[8], m[9])
		mix(&v, 1, 6, 11, 12, m[10], m[11])
		mix(&v, 2, 7, 8, 13, m[12], m[13])
		mix(&v, 3, 4, 9, 14, m[14], m[15])
		if round == 6 {
			break
		}
		var next [16]uint32
		for i, from := range blakeOrder {
			next[i] = m[from]
		}
		m = next
	}
	var out chain
	for i := range out {
		out[i] = v[i] ^ v[i+8]
	}
	return out
}

func mix(v *[16]uint32, a, b, c, d int, x, y uint32) {
	v[a] += v[b] + x
	v[d] = bits.RotateLeft32(v[d]^v[a], -16)
	v[c] += v[d]
	v[b] = bits.RotateLeft32(v[b]^v[c], -12)
	v[a] += v[b] + y
	v[d] = bits.RotateLeft32(v[d]^v[a], -8)
	v[c] += v[d]
	v[b] = bits.RotateLeft32(v[b]^v[c], -7)
}
