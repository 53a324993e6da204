// Package fault makes the network between members bad on purpose. Every member
// dials every other member's server, so each directed link gets a proxy of its
// own: what a sends to b goes through the link a→b, what b sends to a through b→a,
// and the two can be bad in different ways.
//
//   - In: a Condition for some links, at any time.
//   - Out: what a socket would see: resets, refusals, silence, late or slow bytes.
//   - Kept: bounded buffers, 1 MiB a connection and way; then the sender waits.
//   - Ended by: Close, which waits for every goroutine.
//
// A proxy knows no protocol and no keys. It can lose, delay and cut; it cannot
// forge, since members speak TLS through it.
package fault
