// Package collector gathers the shares of execution certificates, pure.
//
// In: this replica's own outcomes, other replicas' shares, verified
// certificates, results of combination, timers. Out: shares to send, a
// combination to compute, certificates to tell, and each certified outcome once.
// Kept: outcomes and shares of heights above the newest forgotten one, at most
// Window of them. Durable: nothing; after a restart the shares are asked for
// again by sending one's own.
//
// A share goes to one collector first, chosen by height among all replicas; if
// no certificate comes, to the next one in turn. The agreed path of the slot
// decides who is first: on the slow path, when somebody is not answering, the
// primary.
package collector
