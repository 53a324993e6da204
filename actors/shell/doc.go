// Package shell is the one place where Concordat meets the actor library
// (protoactor-go). It hosts every actor of a replica and of a client node.
//
// In: messages told by other actors, by the bus and by timers. Out: whatever the
// behaviour tells others. Kept: nothing but mailboxes and timers. Durable:
// nothing. After a panic the behaviour is built anew by its constructor and must
// load what it needs from what it had made durable; messages still in the
// mailbox are kept, the one that failed is lost.
//
// Mailboxes are bounded. Each has lanes in order of priority, and every lane
// says what is dropped when it is full. When a mailbox has run empty, or after
// FlushEvery messages, a behaviour that implements Flusher is told so: that is
// where one group commit serves all that was staged.
package shell
