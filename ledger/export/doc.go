// Package export is a whole ledger in one file that says everything about itself: the
// genesis, all blocks in their order, the records of the state, and totals at the end.
//
// The file is a stream of sections. A section is a kind byte, a 32-bit length, that many
// bytes, and a CRC32C over all of these, so that what was damaged on the way is known by
// its place; what was forged is for package verify/chain to find. The first section
// begins with the domain "concordat/export/1". Reading keeps one section in memory, and
// believes no length before the bytes are there.
package export
