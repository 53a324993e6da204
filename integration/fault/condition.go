package fault

import "time"

// Way is a direction inside a connection: forward is from the one who dials.
type Way uint8

// The ways.
const (
	Forward  Way = 1
	Backward Way = 2
	Both         = Forward | Backward
)

// Condition is what a link does to what goes through it. The zero value passes
// everything on at once.
type Condition struct {
	// Cut refuses new connections and resets those that there are.
	Cut bool
	// Delay is added to each way, and up to Jitter more; order is kept.
	Delay, Jitter time.Duration
	// BytesPerSecond bounds each way of each connection; 0: no bound.
	BytesPerSecond int
	// Hold keeps the bytes of these ways in the bounded buffers, and then in the
	// sender's, as when every packet is lost and repeated: afterwards they arrive, late.
	Hold Way
	// Swallow takes the bytes of these ways and forgets them. A connection that lost
	// some is reset when the condition changes, for what came later could not be read.
	Swallow Way
	// HalfOpen ends connections at the target without a word to who dialled; new ones
	// are accepted and reach nobody.
	HalfOpen bool
	// ResetAfter resets each connection once so many bytes went through it, in the
	// middle of a message; 0: never.
	ResetAfter int64
}

// The conditions that scenarios name.
var (
	Severed   = Condition{Cut: true}
	BlackHole = Condition{Swallow: Both}
	Stalled   = Condition{Hold: Both}
)

// loses reports whether bytes of this way vanish.
func (c Condition) loses(w Way) bool { return c.Swallow&w != 0 || c.HalfOpen && w == Forward }
