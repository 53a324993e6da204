// Package ledger is the dictionary of Concordat: what a ledger is, in types and
// in exact bytes. Transactions, blocks, results, receipts, parties, audiences
// and genesis are defined here, with the one encoding and the one hash of each.
//
// It imports nothing of the project, performs no I/O, reads no clock, and every
// other package may import it.
//
// What is hashed or signed is always an explicit byte layout written by this
// package's Writer, or the very bytes that were received; never the output of a
// protobuf marshaller, which has no canonical form.
package ledger
