// Package link carries messages between members. Outgoing: per peer and class a
// bounded outbox, a connection to the peer's server, and one goroutine that
// reconnects with backoff. Incoming: per peer and class a bounded subscription
// on the own server, whose handler runs on a goroutine of its own, so that one
// peer's garbage costs nobody else anything. Remote makes actors of other
// processes addressable like local ones.
package link
