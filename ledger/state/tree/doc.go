// Package tree is the state tree of package state as a data structure: immutable
// versions that share what they have in common, one batched update per block, and
// pages that are loaded when they are needed.
//
// Only the upper part of the tree and what was used lately is in memory. The rest
// lies in pages of up to 16 entries, each a piece of the tree from one node down to
// leaves and to the roots of further pages. Flush writes the pages that changed since
// the last one; between flushes nothing is written, so a page that many blocks change
// is written once. A page that is loaded must have the hash that its parent knows:
// nothing that was damaged, or comes from another version, is ever used.
//
// How the tree is cut into pages is each replica's own affair; the hashes do not
// depend on it.
package tree
