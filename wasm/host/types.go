// Package host is what a contract finds around it: the functions of the interface
// concordat_1, and a deterministic part of WASI that the Go runtime needs.
//
// In: calls of the guest, with pointers into its memory. Out: reads and writes of
// the State that the executor gives for one call. A host function depends on the
// call, the state and the block alone; clock and random numbers are functions of
// them. What a guest does wrong ends its call or is a status it can handle; what
// fails here (a disk, a lost database) halts the call without a result.
package host

import (
	"errors"

	"github.com/concordat-ledger/concordat/ledger"
)

// Limits of one call, in bytes unless said otherwise.
const (
	KeyBytesMax      = 256
	ValueBytesMax    = 60 << 10
	OutputBytesMax   = 64 << 10
	ArgsBytesMax     = 64 << 10
	AudienceBytesMax = 4 << 10
	TopicBytesMax    = 64
	EventBytesMax    = 64 << 10 // topics and data of all events
	EventsMax        = 256      // events
	LogBytesMax      = 8 << 10  // what is logged beyond is dropped
	MessageBytesMax  = 1 << 10  // of a failure; cut
	WritesMax        = 1_000    // puts and deletes
	ScansMax         = 16       // scans open at a time
)

// Attribute is a property of the caller that its organisation vouches for.
type Attribute struct{ Name, Value string }

// Call is one call of a contract's method.
type Call struct {
	Method       string
	Args         []byte
	Caller       string // the party that signed, or the contract that calls
	Organisation string // the caller's, empty for a contract
	Attributes   []Attribute
	Via          string // the contract that calls, empty for a transaction
	Self         string // the name under which the called contract is deployed
	Height       ledger.Height
	Time         ledger.Time
	CommandID    []byte
	TxID         ledger.Hash
	ReadOnly     bool    // a query: puts, deletes and events are refused with a status
	Read         Readers // of what the calling contract had read
	Signer       string  // the party that signed, when it is not the caller
}

// From is the same call made by a contract, which acts as itself: what it calls sees
// neither the organisation nor the attributes of the party that signed, or whatever a
// party calls could act in that party's name.
func (c Call) From(contract string) Call {
	if c.Signer == "" {
		c.Signer = c.Caller
	}
	c.Caller, c.Via = string(ledger.ContractParty(contract)), contract
	c.Organisation, c.Attributes = "", nil
	return c
}

// ErrLimit is what Put and Emit return when a limit of the whole transaction is
// reached; the contract gets a status.
var ErrLimit = errors.New("a limit of the transaction is reached")

// State is what one call sees and changes. An error other than ErrLimit says that
// this replica cannot answer; it halts the call and is never part of a result.
type State interface {
	// Get returns a record and its encoded audience.
	Get(key []byte) (value, audience []byte, found bool, err error)
	Put(key, value, audience []byte) error
	Delete(key []byte) error
	// Scan goes over the keys from ≤ key < to in order; nil is no bound.
	Scan(from, to []byte, reverse bool) (Iterator, error)
	Emit(topic string, data, audience []byte) error
	Log(level uint8, text string)
	// Invoke calls another contract, which begins with what its caller has read, and
	// never uses more than gas.
	Invoke(contract, method string, args []byte, gas uint64, read Readers) Outcome
	// Organisation is where a party is registered, empty when it is not.
	Organisation(party ledger.Party) (string, error)
}

// Iterator walks over a scan.
type Iterator interface {
	// Next returns the next entry with its encoded audience, valid until the following
	// call.
	Next() (key, value, audience []byte, ok bool, err error)
	Close()
}

// Status says how a call ended.
type Status uint8

// The statuses. Halt is a fault of this replica and never a result.
const (
	OK Status = iota
	Failed
	Trapped
	OutOfGas
	Halt
)

// String is the status as a word.
func (s Status) String() string {
	switch s {
	case OK:
		return "ok"
	case Failed:
		return "failed"
	case Trapped:
		return "trapped"
	case OutOfGas:
		return "out of gas"
	case Halt:
		return "halt"
	}
	return "unknown"
}

// Outcome is the end of a call.
type Outcome struct {
	Status  Status
	Output  []byte  // when OK
	Code    uint32  // of a failure, by the contract's schema
	Message string  // of a failure or trap
	GasUsed uint64  // the whole limit when out of gas
	Read    Readers // of what was read, however the call ended
	Err     error   // when Halt
}
