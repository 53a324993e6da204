// Package explore walks through every state that a few real ordering machines can
// reach, for small cases: two views, one or two slots, one identity with two copies
// of the machine and the same keys, and any order and loss of messages.
//
// In: the machines of package sbft as they are. Out: how many states there are, how
// deep, and a schedule for the first one that violates something.
//
// A machine cannot be copied, and a state of the whole is far too large to keep. But
// a machine is a function of what it was given, and the machines meet through
// messages only. So each node has a table of its own states: found by a hash over
// everything in the machine, reached again by giving a new machine the same inputs,
// and connected by transitions that are computed once. A state of the whole is one
// number for each node and one for the set of messages that were ever sent; the
// search handles these numbers and touches a machine only where a node meets an
// input for the first time in a state of its own.
//
// What is sent stays, and may arrive at any time, again, or never. Time stands still:
// a timer fires because the search says so.
//
// What the search leaves out: statuses, accusations, checkpoints, fetching of new-view
// messages (they arrive in full), loss of what is durable; and two steps are joined
// where only the last of several inputs has an effect: shares arrive at a collector
// when there are enough of them, all that were sent, and view-change messages at the
// primary of their view only.
package explore
