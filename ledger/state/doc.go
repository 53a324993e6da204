// Package state is the authenticated state: a Merkle tree over all records, one
// batched update per block, with proofs that a record is so or is not there.
//
// The tree is a compact sparse Merkle tree (as in Jellyfish, Diem 2021): a leaf
// stands at the shortest prefix of SHA-256(key) that no other key shares. An
// inner node hashes 1 ‖ left ‖ right, a leaf 0 ‖ key hash ‖ value hash, and an
// empty subtree is 32 zero bytes. Versions share nodes and are immutable, so
// readers need no lock. Only hashes are kept; values live in the store.
package state
