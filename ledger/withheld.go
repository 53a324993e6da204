package ledger

import (
	"slices"

	"github.com/transparency-dev/merkle/rfc6962"
)

// Withheld tells that an event is not shown to who holds the result: Data is the hash that
// stands for it in the tree of events, so that the result is proven all the same. Events of
// contracts name their contract.
func (e *Event) Withheld() bool { return e.Contract == "" }

// valid tells whether an event may stand in a result.
func (e *Event) valid() bool {
	return !e.Withheld() || e.Topic == "" && len(e.Data) == HashSize && len(e.Audience) == 0
}

// leaf is the event's hash in the tree of events.
func (e *Event) leaf() []byte {
	if e.Withheld() {
		return e.Data
	}
	return rfc6962.DefaultHasher.HashLeaf(e.marshal())
}

// Shown is the result for someone: events whose audience that one is not in are withheld.
// The hash that stands for one tells who guesses all of it that the guess is right.
func (r *Result) Shown(visible func(Audience) bool) *Result {
	var out *Result
	for i := range r.Events {
		e := &r.Events[i]
		if e.Withheld() || len(e.Audience) == 0 {
			continue
		}
		if a, err := ParseAudience(e.Audience); err == nil && visible(a) {
			continue
		}
		if out == nil {
			c := *r
			c.Events = slices.Clone(r.Events)
			out = &c
		}
		out.Events[i] = Event{Data: e.leaf()}
	}
	if out == nil {
		return r
	}
	return out
}
