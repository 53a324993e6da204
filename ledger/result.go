package ledger

import (
	"crypto/sha256"
	"fmt"
)

// Status says how a transaction ended. The list is closed and its numbers are
// part of the protocol.
type Status uint8

// Only StatusOK changes the state (and the duplicate window, which every status
// but StatusDuplicate enters once the signer is known).
const (
	StatusOK              Status = 0 // executed
	StatusContractError   Status = 1 // the contract returned an error of its own
	StatusTrapped         Status = 2 // the contract broke a rule of the machine
	StatusOutOfGas        Status = 3
	StatusUnknownContract Status = 4
	StatusUnknownMethod   Status = 5
	StatusUnknownSigner   Status = 6 // the party is not registered with that key
	StatusExpired         Status = 7 // the block's time is past ValidUntil
	StatusDuplicate       Status = 8 // the command was executed before; see First
	StatusRefused         Status = 9 // a system rule said no: not permitted, module refused, limits
	StatusMalformed       Status = 10
)

var statusNames = [...]string{"ok", "contract error", "trapped", "out of gas", "unknown contract",
	"unknown method", "unknown signer", "expired", "duplicate", "refused", "malformed"}

// String is the status in words.
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("status %d", uint8(s))
}

// Limits of what one transaction may return.
const (
	OutputBytesMax  = 64 << 10
	MessageBytesMax = 1 << 10
	EventsMax       = 1000
	EventsBytesMax  = 64 << 10
)

// Event is something a contract told the world, and who may hear it.
type Event struct {
	Contract string
	Topic    string
	Data     []byte
	Audience []byte // encoded Audience; empty: every member
}

func (e *Event) marshal() []byte {
	return NewWriter(DomainEvent, 64+len(e.Data)).
		String(e.Contract).String(e.Topic).Bytes(e.Data).Bytes(e.Audience).Done()
}

// Place is a transaction's position in the ledger.
type Place struct {
	Height Height
	Index  uint32
}

// Result is what came of one transaction. Output, message and events enter the
// leaf as hashes, so that a result can be proven to someone who may not see all
// of them.
type Result struct {
	TxID    Hash
	Command Hash // CommandKey of what was executed; zero when nothing entered the duplicate window
	Status  Status
	Code    uint32 // the contract's own error code; 0 otherwise
	GasUsed uint64
	First   Place  // for StatusDuplicate: where the command was executed
	Message string // why, when the status is not OK
	Output  []byte
	Events  []Event
}

// Answers reports whether this is the result of a transaction, or the first result of
// its command. Without the second, a true receipt of something else could be shown as
// that of a command that was "executed before".
func (r *Result) Answers(id Hash, tx *Transaction) bool {
	return r.TxID == id || r.Command == CommandKey(tx.Party, tx.Command)
}

// Leaf is the result's exact layout in the results tree.
func (r *Result) Leaf() []byte {
	said := NewWriter(DomainResult, 64+len(r.Output)).String(r.Message).Bytes(r.Output).Sum()
	return NewWriter(DomainResultLeaf, 192).Hash(r.TxID).Hash(r.Command).U8(uint8(r.Status)).U32(r.Code).U64(r.GasUsed).
		U64(uint64(r.First.Height)).U32(r.First.Index).Hash(said).
		U32(uint32(len(r.Events))).Hash(EventsRoot(r.Events)).Done() // #nosec G115 -- bounded by EventsMax
}

// EventsRoot is the RFC 6962 root over the events of one result.
func EventsRoot(events []Event) Hash {
	if len(events) == 0 {
		return sha256.Sum256(nil)
	}
	leaves := make([][]byte, len(events))
	for i := range events {
		leaves[i] = events[i].leaf()
	}
	return merkleTreeOf(leaves).Root()
}

// Marshal is the result in full, for the store and for receipts.
func (r *Result) Marshal() []byte {
	w := NewWriter(DomainResult, 192+len(r.Output)).Hash(r.TxID).Hash(r.Command).U8(uint8(r.Status)).U32(r.Code).U64(r.GasUsed).
		U64(uint64(r.First.Height)).U32(r.First.Index).String(r.Message).Bytes(r.Output).
		U32(uint32(len(r.Events))) // #nosec G115 -- bounded by EventsMax
	for i := range r.Events {
		e := &r.Events[i]
		w.String(e.Contract).String(e.Topic).Bytes(e.Data).Bytes(e.Audience)
	}
	return w.Done()
}

// ParseResult reads what Marshal wrote of a whole result. What is stored, or comes from
// another replica, must be whole: one that withholds events has the same leaf.
func ParseResult(b []byte) (*Result, error) {
	res, err := ParseShownResult(b)
	if err != nil {
		return nil, err
	}
	for i := range res.Events {
		if res.Events[i].Withheld() {
			return nil, fmt.Errorf("read a result: %w: an event is withheld", ErrLayout)
		}
	}
	return res, nil
}

// ParseShownResult reads a result as it is in a receipt: events may be withheld.
func ParseShownResult(b []byte) (*Result, error) {
	r := NewReader(DomainResult, b)
	res := &Result{TxID: r.Hash(), Command: r.Hash(), Status: Status(r.U8()), Code: r.U32(), GasUsed: r.U64()}
	res.First = Place{Height: Height(r.U64()), Index: r.U32()}
	res.Message = r.String(MessageBytesMax)
	res.Output = r.Bytes(OutputBytesMax)
	n := r.Count(16, EventsMax)
	for range n {
		e := Event{Contract: r.String(NameBytesMax), Topic: r.String(NameBytesMax), Data: r.Bytes(EventsBytesMax), Audience: r.Bytes(EventsBytesMax)}
		if !e.valid() {
			return nil, fmt.Errorf("read a result: %w: an event of no contract is no hash", ErrLayout)
		}
		res.Events = append(res.Events, e)
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("read a result: %w", err)
	}
	return res, nil
}
