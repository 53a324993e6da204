// Package certificate turns votes of many replicas into one proof.
//
// Commit certificates prove that a slot was agreed; there are two schemes behind
// one interface: an Ed25519 multi-signature (small n) and a BLS12-381 threshold
// signature (large n). Execution certificates prove what a block's execution
// came to; they are always one 48-byte BLS threshold signature under one ledger
// key, which is what clients and auditors verify.
//
// Signatures lie in G1, public keys in G2. Shares are combined by Lagrange
// interpolation in the exponent and only the result is verified; single shares
// are looked at when that fails, to name the liar. Keys are dealt by a trusted
// dealer (Deal); a distributed key generation would give the same Public and
// Private values.
package certificate
