// Package standin does with a machine's messages what a replica's shell does, with
// stand-ins for signatures: it signs what leaves, encodes and parses what the
// machine parses in production, checks it as production does, and gives the input
// that every receiver gets.
//
// A stand-in names its signer and what is signed. Nobody forges one by accident, so
// the protocol can be run millions of times; whoever wants to forge one can, which
// is how a harness plays a replica that breaks the rules.
package standin
