// Package sbft is the ordering machine: the normal case of SBFT (Golan Gueta et
// al., arXiv 1804.01626, DSN 2019), pure.
//
// In: verified messages of other replicas, batches from admission, results of
// cryptographic work, progress of execution and storage, timers. Out: records to
// make durable, messages to send after that, timers, decisions in order, work to
// do, reports. Kept: one slot for each sequence number inside the window.
// Durable: accepted proposals, prepared certificates, and every vote. After a
// restart: New with what was recorded and the height that is in the store;
// votes are then repeated, never contradicted.
//
// Deviations from the paper, and why:
//   - Pre-prepares are signed, so that equivocation can be proven to others.
//   - The primary says in the pre-prepare which path to try first (as
//     concord-bft does); on the slow path it is the first collector, so that a
//     dead replica costs no timeout per slot.
//   - Shares always go to the primary too, which is the last collector of the
//     fast path.
//   - Low is the height this replica has made durable. Certified checkpoints and
//     the view change are other files of this package; records and messages
//     already carry what they need (epoch, view, phase, certificates).
package sbft
