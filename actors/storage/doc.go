// Package storage keeps blocks, results and state in Badger, and is the only
// package that knows Badger.
//
// In: whole blocks with what executing them changed, one at a time and in
// order. Out: blocks, transactions, results, and the state as of any retained
// height. Kept in memory: the tip. Durable: with Options.Sync, every block whose
// Commit returned nil; without it, every such block unless the machine itself
// loses power. A restart finds the tip of the last complete block.
//
// A block is committed at its height as Badger's timestamp: a read at height h is
// a read of the state after block h. One Badger transaction holds one block. Only
// a block of megabytes takes several, its tip in the last; what a crash leaves of
// it is taken back at Open. Large transactions are cut into several values.
// Old blocks lose their contents when they are pruned, and the state its old versions;
// what is held stays, with its proofs.
// A file system that fills up would kill the process through Badger's memory
// maps, so commits are refused while there is still room.
package storage
