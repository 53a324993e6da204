// Package cryptography is what contracts may ask the ledger to compute: hashes, and
// the verification of what others signed.
//
// In: bytes in one layout for each operation, as docs/contracts.md lists them;
// parts of fixed size come first, the one part of free size last, and integers are
// little-endian. Out: the answer, or nil when the statement does not hold or the
// input is no such layout. An answer depends on the input alone: there is one
// acceptance rule for each operation, the same on every machine, and no input
// panics.
package cryptography
