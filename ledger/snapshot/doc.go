// Package snapshot is what a replica needs to go on from a checkpoint without the
// blocks before it, in pieces that anyone can serve and that are checked one by one.
//
// A checkpoint certificate signs block, state root, results root and the chain of
// digests over all commands. From it follows the manifest, which outlines the
// state tree; from the manifest each part; and from the chain, newest block first,
// the duplicate window. So a liar is known by the first piece, and pieces of several
// sources fit together.
package snapshot
