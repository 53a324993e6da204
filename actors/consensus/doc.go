// Package consensus hosts the ordering machine and the collector of execution
// certificates.
//
// In: messages of other replicas, decoded and checked by Ingress on the link's
// goroutines; batches from admission; progress of execution and storage. Out:
// messages to other replicas, decisions to execution, certified outcomes to all
// who wait for them. Kept: the machines. Durable: the vote log, written and
// synced before any share leaves; one sync serves all messages of a flush. A
// restart replays the log and repeats what was said.
package consensus
