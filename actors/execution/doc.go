// Package execution executes agreed blocks, in order.
//
// In: decisions, from consensus or from catching up; what storage has made
// durable. Out: executed blocks, to everyone who asked. Kept: the state tree,
// the changes of blocks that are not durable yet, a cache of values, and the
// duplicate window. Durable: nothing of its own; a restart begins at the store's
// tip and asks for the decisions after it again. Since execution is a pure
// function of the chain, doing it twice gives the same blocks.
package execution
