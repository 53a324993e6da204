package storage

import (
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
)

// Errors without details.
var (
	ErrNotFound   = errors.New("not in the store")
	ErrOutOfOrder = errors.New("the block does not follow the store's tip")
	ErrTooBig     = errors.New("too big for the store")
	ErrClosed     = errors.New("the store is closed")
	// ErrFailed is wrapped by all commits after a write or a sync failed once:
	// what is on disk is known only after a restart.
	ErrFailed = errors.New("the store has failed; restart the replica")
	// ErrAhead is returned for reads above the tip, ErrPruned, as a *PrunedError, for reads
	// below the oldest retained height.
	ErrAhead  = errors.New("the height is above the store's tip")
	ErrPruned = errors.New("it has been pruned")
	// ErrNotHeld is returned for blocks below the base: this store began with a
	// snapshot, and older blocks have not been fetched.
	ErrNotHeld = errors.New("this replica began with a snapshot and does not have the block; ask another replica")
)

// PrunedError says that this replica has forgotten the state of a height, or the
// contents of a block: its policy does not keep them.
type PrunedError struct {
	State  bool // of the height; else the contents of its block
	Height ledger.Height
	Oldest ledger.Height // that can be read
}

func (e *PrunedError) Error() string {
	what, oldest := "what block %d holds", "whole block"
	if e.State {
		what, oldest = "the state of height %d", "state"
	}
	return fmt.Sprintf(what+" is pruned on this replica, whose oldest %s is %d; ask a replica that keeps more, such as an archive", e.Height, oldest, e.Oldest)
}

// Is makes it an ErrPruned.
func (e *PrunedError) Is(target error) bool { return target == ErrPruned }

// LockedError says that another process has the store open.
type LockedError struct {
	Dir string
	PID int // 0 when unknown
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("the store %s is in use by another process", e.Dir)
	}
	return fmt.Sprintf("the store %s is in use by process %d", e.Dir, e.PID)
}

// ForeignError says that the folder holds another ledger.
type ForeignError struct {
	Dir         string
	Found, Want ledger.ID
}

func (e *ForeignError) Error() string {
	return fmt.Sprintf("the store %s belongs to ledger %s, not to %s", e.Dir, e.Found.Short(), e.Want.Short())
}

// DiskFullError says that the file system has less room than the store demands.
// Freeing space cures it; a running store needs no restart.
type DiskFullError struct {
	Dir             string
	Free, FreeBytes uint64 // what there is, and what is demanded, in bytes
}

func (e *DiskFullError) Error() string {
	return fmt.Sprintf("the disk of %s has %d bytes free, the store needs %d: free some space", e.Dir, e.Free, e.FreeBytes)
}

// CorruptError says that something stored is damaged. It is never served, and is
// repaired from the other replicas.
type CorruptError struct {
	Key    []byte // the store's key, kind byte first
	Height ledger.Height
	Reason string
}

// Error names no key: it reaches clients, who may not be allowed to know of the record.
// The log has the key, see Note.
func (e *CorruptError) Error() string {
	what := found(e).Where()
	if len(e.Key) == 1 { // it has no name
		what = "a file of it"
	}
	return fmt.Sprintf("the store is damaged here, and is being repaired; ask another replica, or again later (%s: %s)", what, e.Reason)
}
