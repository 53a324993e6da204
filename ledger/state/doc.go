// Package state is what a ledger's state is: records with their audience and
// provenance, their places in the state tree, and the proofs that a state root
// gives about them. It has no heavy dependencies; the tree itself is package
// tree.
//
// The state tree is a binary Patricia tree over the placed keys of all records
// (see Place), in their order, so that a range of keys is a range of leaves and
// can be proven complete. Its shape depends on the keys alone: an inner node
// stands at the first bit in which keys below it differ. A leaf hashes
// 0 ‖ length of the key ‖ key ‖ SHA-256(2 ‖ record), an inner node
// 1 ‖ position ‖ left ‖ right, lengths and positions in two bytes, big endian.
// The root of no record is 32 zero bytes.
package state
