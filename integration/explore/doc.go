// Package explore walks through every state that a few real ordering machines can
// reach, for small cases: two views, one or two slots, one identity with two copies
// of the machine and the same keys, and any order and loss of messages.
//
// In: the machines of package sbft as they are. Out: how many states there are, how
// deep, and a schedule for the first one that violates something.
//
// A machine cannot be copied, and a state of the whole is far too large to keep. But
// a machine is a function of what it was given, and the machines meet through
// messages only. So each node has a table of its own states, its places: found by a
// hash over everything in the machine, reached again by giving a new machine the same
// inputs, and connected by transitions that are computed once. A state of the whole is
// one number for each node and one for the set of messages that were ever sent; the
// search handles these numbers and touches a machine only where a node meets an
// input for the first time in a place. Twenty-eight million states need ninety
// thousand machines.
//
// What is sent stays, and may arrive at any time, again, or never. Time stands still:
// a timer fires because the search says so.
//
// # What is wrong
//
// Two decisions or two commit certificates for a slot; a machine that stops because what
// it knows contradicts itself; two votes of one replica, or one in a view that it has
// left; an accusation of somebody who is not twinned; a message that nobody may accept;
// a vote for something else than the view fixed; and a replica that would show less
// after a crash than it has just shown.
//
// # Two ways through
//
// In any order (TestAnyOrder) the search is complete to a number of steps, seven to
// ten: too few for a second view to commit anything, and all that can happen on the way
// into it. In the order of the protocol's phases (order_test.go, the reduction and what
// it leaves out) it goes through both views to the end. With one slot and n = 4 this is
// complete: in every run of the tests with no twin, nine hundred thousand states; on demand
// with a twin, 28 million for replica 2. With two slots, or n = 6, a turn has too many states and
// the search goes on from some of them, chosen so that all stages are among them
// (thin_test.go); the tests print up to which turn nothing was left out.
//
// # Symmetry
//
// States that differ by who is who are one, where nobody can tell (symmetry_test.go):
// replicas with the same duties, and the two copies of a twin. There is little of it to be
// had. A replica that leads or collects in either view is like no other, which with n = 4
// leaves the two copies, and with n = 6 and one slot a pair of replicas besides. Of the
// states within nine steps it leaves 53 to 57 of a hundred for a pair, 31 for two pairs
// (-explore.plain); more in an ordered search, which can make use of it between phases
// only, for within one the nodes act in turn. The order is what counts: it takes the
// search to fifty steps and more, where a million states of any order are ten steps.
//
// # What the search leaves out
//
// Statuses, accusations, checkpoints, fetching of new-view messages (they arrive in full),
// crashes but for the last rule above, complaints of others than replicas 0 to f, a
// third view. Bodies are asked of everybody at once. Two steps are joined where only the
// last of several inputs has an effect: shares arrive at a collector when there are
// enough of them, all that were sent, or with one of them late for the fast path;
// view-change messages at the primary of their view only, as many as it needs beside its
// own.
package explore
