// Package archive keeps snapshots and backups on disk, as a folder or as one tar file.
//
// A snapshot holds the pieces that replicas serve each other, byte for byte, and genesis:
//
//	MANIFEST          checkpoint certificate, block header, outcome, outline of the state tree
//	block             the whole block of the checkpoint, with results and commit proof
//	commands-HEIGHT   a run of executed commands that ends with that block
//	state-NNNNN       a part of the state
//	genesis.json      the ledger's founding
//	SUMS              SHA-256 of each file, in the form of sha256sum
//
// A backup holds a snapshot in its folder snapshot, the blocks since in blocks, what a
// node's folder needs, and a note BACKUP; keys only when it is encrypted. Everything is
// written under a name that ends in .part, synced and renamed: it is there as a whole, or
// not at all. The first line of SUMS has the version of the whole layout.
package archive
