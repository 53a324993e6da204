// Package votelog is the small synced log of what a replica has signed and
// proposed. A vote leaves the replica only after its record is on disk, so the
// log does two things quickly: append a unit of records, and sync.
//
// In: units of records, each all or nothing. Out: the same records after a
// restart. Durable: whatever was appended before a Sync that returned nil.
//
// After a crash the last segment may end in a torn tail, which Open cuts. Each
// unit says how far its segment was synced when the unit was written; damage
// below such a mark was once durable and is a *Corrupt error, never cut.
// Damage to the very last synced batch looks like a torn tail and cannot be
// told from it: `ballot` must treat a shorter log as an older one.
package votelog
