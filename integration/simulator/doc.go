// Package simulator runs whole clusters of the very machines that replicas run, with
// the real vote log on a disk that tears and loses, in virtual time from one seed. The
// seed draws the configuration too: size, window, which faults are on, who is
// Byzantine and how. After every step the invariants are checked by code that shares
// nothing with the product's own predicates.
//
// A run has two parts. First everything drawn goes wrong together, for some seconds of
// virtual time. Then the network heals, the crashed come back, only the Byzantine stay
// what they are, and every honest replica must make progress within a bound.
//
// The same seed gives the same events, in every process: Result.Hash says so.
package simulator
