package chain

import (
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
)

// Part names what of a ledger a fault is in.
type Part string

// The parts that are told apart.
const (
	PartGenesis      Part = "genesis"
	PartHeader       Part = "header"
	PartTransactions Part = "transactions"
	PartCommit       Part = "commit certificate"
	PartResults      Part = "results"
	PartOutcome      Part = "outcome"
	PartExecution    Part = "execution certificate"
	PartCommands     Part = "digest of commands"
	PartRecord       Part = "record"
	PartBlock        Part = "block"    // not known which part of it
	PartEnd          Part = "end mark" // of an export
)

// Unknown is the Index of a fault that no single transaction is known to be in.
const Unknown = -1

// Fault says where a ledger does not verify, and why.
type Fault struct {
	Height ledger.Height // of the block; of the state, for a record
	Part   Part
	Index  int    // of the transaction in its block, or Unknown
	Key    []byte // of the record, when it is known
	Reason error
}

// Error is one sentence that begins with the place.
func (f *Fault) Error() string {
	place := fmt.Sprintf("block %d, %s", f.Height, f.Part)
	switch {
	case f.Part == PartGenesis || f.Part == PartEnd:
		place = string(f.Part)
	case f.Part == PartRecord && f.Key != nil:
		place = fmt.Sprintf("state of block %d, record %q", f.Height, f.Key)
	case f.Part == PartRecord:
		place = fmt.Sprintf("state of block %d, records", f.Height)
	case f.Index != Unknown:
		place += fmt.Sprintf(", transaction %d", f.Index)
	}
	return place + ": " + f.Reason.Error()
}

// Unwrap is why.
func (f *Fault) Unwrap() error { return f.Reason }

// NewFault is one of a whole part.
func NewFault(h ledger.Height, p Part, format string, args ...any) *Fault {
	return &Fault{Height: h, Part: p, Index: Unknown, Reason: fmt.Errorf(format, args...)}
}

func faultAt(h ledger.Height, p Part, index int, format string, args ...any) *Fault {
	f := NewFault(h, p, format, args...)
	f.Index = index
	return f
}

// IsFault reports whether an error says that the ledger does not verify. All others
// say that it could not be read.
func IsFault(err error) bool {
	var f *Fault
	return errors.As(err, &f)
}
