// Package bus holds what the servers, links and clients of the message bus must
// agree on: names, subjects, limits and the reasons for dropping a message. It is
// pure.
//
// Every member runs its own server. Others connect to it as clients that may
// publish under their own name only and subscribe to nothing; so the receiver's
// own server vouches for the sender, and one hop carries a message.
package bus

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/concordat-ledger/concordat/ledger"
)

// MemberID names a replica or a client node on the bus: [a-z0-9-]{1,32}.
type MemberID string

var (
	memberName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)
	targetName = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)
)

// ErrName is wrapped by errors about ids and subjects that are not well formed.
var ErrName = errors.New("malformed name")

// Validate checks the form of the id.
func (m MemberID) Validate() error {
	if !memberName.MatchString(string(m)) {
		return fmt.Errorf("%w: a member is 1 to 32 of a-z, 0-9 and -, not %q", ErrName, string(m))
	}
	return nil
}

// Class separates traffic by urgency; each class has its own connection.
type Class uint8

// The classes.
const (
	Control Class = 0 // votes, certificates, status: small and urgent
	Bulk    Class = 1 // proposals, requests, blocks
)

// Classes lists all.
func Classes() []Class { return []Class{Control, Bulk} }

// String is the class as subjects and metrics write it.
func (c Class) String() string {
	if c == Control {
		return "control"
	}
	return "bulk"
}

// Subject is where a member publishes: <ledger>.from.<member>.<class>.<target>.
func Subject(ledgerName string, from MemberID, class Class, target string) string {
	return ledgerName + ".from." + string(from) + "." + class.String() + "." + target
}

// ParseSubject takes a subject apart.
func ParseSubject(subject string) (ledgerName string, from MemberID, class Class, target string, err error) {
	parts := strings.Split(subject, ".")
	if len(parts) != 5 || parts[1] != "from" || !targetName.MatchString(parts[4]) || !memberName.MatchString(parts[0]) {
		return "", "", 0, "", fmt.Errorf("%w: %q is no subject of a member", ErrName, subject)
	}
	from = MemberID(parts[2])
	if err := from.Validate(); err != nil {
		return "", "", 0, "", err
	}
	switch parts[3] {
	case "control":
		class = Control
	case "bulk":
		class = Bulk
	default:
		return "", "", 0, "", fmt.Errorf("%w: %q is no class of messages", ErrName, parts[3])
	}
	return parts[0], from, class, parts[4], nil
}

// Member is how another member is reached and recognised.
type Member struct {
	ID              MemberID
	Address         string      // host:port of its server for members
	NKey            string      // public NATS user key
	CertFingerprint ledger.Hash // SHA-256 of its TLS certificate, DER
}

// Limits bound what a member may make us hold or do. Guesses of November 2026
// from the measurements in the design notes, to be revised by load tests.
type Limits struct {
	ControlBytesMax int // one control message
	BulkBytesMax    int // one bulk message
	OutboxMessages  int // per peer and class
	OutboxBytes     int
	InboxMessages   int // per peer and class, waiting for their handler
	InboxBytes      int
	MessagesPerSec  int // per peer; a burst of one second is allowed
	BytesPerSec     int
}

// DefaultLimits suit some dozens of members.
func DefaultLimits() Limits {
	return Limits{
		ControlBytesMax: 64 << 10, BulkBytesMax: 8 << 20,
		OutboxMessages: 8192, OutboxBytes: 64 << 20,
		InboxMessages: 8192, InboxBytes: 64 << 20,
		MessagesPerSec: 50_000, BytesPerSec: 256 << 20,
	}
}

// BytesMax of a class.
func (l Limits) BytesMax(c Class) int {
	if c == Control {
		return l.ControlBytesMax
	}
	return l.BulkBytesMax
}

// DropReason says why a message went no further. The set is closed: it is a
// metric's label.
type DropReason string

// The reasons.
const (
	DropOutboxFull DropReason = "outbox_full" // newer messages took its place
	DropOversize   DropReason = "oversize"
	DropInboxFull  DropReason = "inbox_full"
	DropFlood      DropReason = "flood"      // above the peer's rate
	DropRefused    DropReason = "refused"    // the handler found it wrong
	DropNoTarget   DropReason = "no_target"  // nobody here has that name
	DropPermission DropReason = "permission" // published under another's name, or subscribed
	DropAuth       DropReason = "auth"       // wrong key, wrong certificate, unknown member
	DropConnection DropReason = "connection" // lost while being sent
)
