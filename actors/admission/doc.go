// Package admission takes signed transactions in and gives receipts out.
//
// In: submissions of client nodes and other replicas, draws of the primary,
// executed blocks and their certificates. Out: refusals, batches, receipts. Kept:
// the pool, who waits for which transaction, executed blocks until they are
// certified. Durable: nothing; who gets no receipt submits again, and a command
// that was executed is answered with its first result.
package admission
