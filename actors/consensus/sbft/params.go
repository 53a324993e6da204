package sbft

import (
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// Params are fixed for the life of a machine.
type Params struct {
	Self   ledger.ReplicaID
	Ledger ledger.ID
	Epoch  ledger.Epoch
	Quorum quorum.Config
	Window int // slots above Low that are worked on
	// InFlightMax bounds the primary's proposals that are not committed yet.
	InFlightMax int
	BatchMax    int         // transactions in a proposal
	BatchBytes  int         // bytes of envelopes in a proposal
	ClockBound  ledger.Time // how far ahead of this replica's clock a proposed time may lie, in ns
	Timing      Timing
}

// Timing holds the machine's patience. Guesses of November 2026 where no source
// is named.
type Timing struct {
	BatchWait      Instant // how long a loaded primary waits for a fuller batch
	CollectInitial Instant // 150 ms in concord-bft
	CollectMin     Instant // 20 ms in concord-bft
	CollectMax     Instant // 2 s in concord-bft
	CollectStagger Instant // between one collector's turn and the next one's
	Resend         Instant // a slot that has not moved for so long is repeated
	StatusIdle     Instant // between statuses when nothing changes
	StatusBusy     Instant // and when something does
	Heartbeat      Instant // between statuses of a primary
	Silence        Instant // without a word of the primary for so long, it is suspected
	ViewInitial    Instant // patience with a primary when something is pending, and before anything is known of its pace
	ViewMax        Instant // the cap on it, whatever happens
	RequestMax     Instant // one request may wait so long
}

// DefaultTiming suits a local network.
func DefaultTiming() Timing {
	return Timing{
		BatchWait: Milliseconds(20), CollectInitial: Milliseconds(150), CollectMin: Milliseconds(20),
		CollectMax: Milliseconds(2000), CollectStagger: Milliseconds(60), Resend: Milliseconds(250),
		StatusIdle: Milliseconds(1000), StatusBusy: Milliseconds(200), Heartbeat: Milliseconds(100), Silence: Milliseconds(400),
		ViewInitial: Milliseconds(250), ViewMax: Milliseconds(5000), RequestMax: Milliseconds(10_000),
	}
}

// batchWorthwhile is the number of waiting transactions for which a primary with
// slots in flight proposes without waiting any longer.
const batchWorthwhile = 200
