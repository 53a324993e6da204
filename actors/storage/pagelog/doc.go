// Package pagelog keeps the pages of the state tree in append-only segment files.
//
// In: pages of any size, each written once. Out: the same bytes, by the address that
// writing them gave. Durable: whatever was appended before a Sync that returned nil.
//
// A page is never changed in place. What nobody needs any more goes by whole segments:
// who uses the log writes what is still needed of the oldest ones again, at the end, and
// then drops them (as log-structured file systems do: Rosenblum and Ousterhout, The Design
// and Implementation of a Log-Structured File System, section 3). So a page is read with
// one read at a known place, and written about once, where a general key-value store
// would write it again with each merge of its tables.
//
// Where the log ends is for its user to remember: what stands behind the remembered end
// is the rest of a write that was cut off, and is written over. All errors that are about
// bytes which are not as they were written are *Corrupt; a lost file is one, too.
package pagelog
