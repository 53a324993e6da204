// Package audit verifies a whole ledger that is kept in a replica's folder or in an
// export, on several cores and with memory that does not grow with the ledger; and
// writes exports and signed reports. What the rules are is in ledger/verify/chain.
package audit

import (
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
)

// ErrUnreadable is wrapped by all errors that say nothing about the ledger: it could
// not be read.
var ErrUnreadable = errors.New("the ledger could not be read")

// Source gives a ledger piece by piece: its blocks, ascending, then its records. What is
// damaged is a *chain.Fault; other errors wrap ErrUnreadable.
type Source interface {
	// Kind says what it is, to people.
	Kind() string
	// Begin is the first block that is there, and the digest of the commands before it.
	Begin() (ledger.Height, ledger.Hash)
	// Next reads a block; io.EOF after the newest. With a Fault may come the damaged block.
	Next() (*Block, error)
	// Again reads the block that was found at a position once more, and goes on behind it.
	Again(at Position) (*Block, error)
	// State gives the records and says after which block they are so. It comes after Next
	// has given io.EOF.
	State() (ledger.Height, chain.Record, error)
	// Finish compares what was checked with what the source says of itself.
	Finish(*chain.Summary) error
	// Done and total are in units of the source's own; a total of 0 is unknown.
	Done() (done, total uint64)
	Close() error
}

// Position is where a block is in a source.
type Position struct {
	Height ledger.Height
	Offset int64 // in an export
}

// Block is a block and where it was found.
type Block struct {
	chain.Block
	At Position
}

func unreadable(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrUnreadable, fmt.Errorf(format, args...))
}
