// Package retention decides what a replica may forget: which blocks lose their
// transactions and results, and which transactions are kept all the same.
//
// In: what the operator wants, and where the ledger stands. Out: a height. Kept:
// nothing. The same inputs give the same answer; who prunes is elsewhere.
package retention

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/concordat-ledger/concordat/ledger"
)

// Policy is what an operator wants kept. The zero value keeps everything.
type Policy struct {
	Blocks    uint64      // the newest so many; 0: their number keeps none
	Age       ledger.Time // what is younger than this, by block time; 0: age keeps none
	Contracts []string    // whose transactions stay
	Parties   []ledger.Party
}

// Prunes reports whether anything is ever forgotten.
func (p *Policy) Prunes() bool { return p.Blocks > 0 || p.Age > 0 }

// String is the policy in words.
func (p *Policy) String() string {
	var kept []string
	if p.Blocks > 0 {
		kept = append(kept, fmt.Sprintf("the newest %d blocks", p.Blocks))
	}
	if p.Age > 0 {
		kept = append(kept, fmt.Sprintf("blocks younger than %s", time.Duration(p.Age)))
	}
	if len(kept) == 0 {
		return "everything is kept"
	}
	text := "kept: " + strings.Join(kept, ", ")
	if len(p.Contracts) > 0 {
		text += "; held: contracts " + strings.Join(p.Contracts, ", ")
	}
	if len(p.Parties) > 0 {
		names := make([]string, len(p.Parties))
		for i, name := range p.Parties {
			names[i] = string(name)
		}
		text += "; held: parties " + strings.Join(names, ", ")
	}
	return text
}

// HoldsAny reports whether there can be a transaction that outlives its block.
func (p *Policy) HoldsAny() bool { return len(p.Contracts) > 0 || len(p.Parties) > 0 }

// Holds reports whether a transaction with this result outlives its block.
func (p *Policy) Holds(tx *ledger.Transaction, r *ledger.Result) bool {
	if slices.Contains(p.Parties, tx.Party) || slices.Contains(p.Contracts, tx.Contract) {
		return true
	}
	return slices.ContainsFunc(r.Events, func(e ledger.Event) bool { return slices.Contains(p.Contracts, e.Contract) })
}

// Standing is where a ledger stands on one replica.
type Standing struct {
	Oldest, Tip ledger.Height // the oldest whole block, and the newest
	Stable      ledger.Height // the newest certified checkpoint, 0 for none
	// Needed is the lowest height that somebody is being served from, such as a
	// snapshot's; 0: nobody is.
	Needed ledger.Height
	// Behind is how many blocks below the checkpoint always stay: whoever is less far
	// behind fetches blocks, and must find them.
	Behind ledger.Height
	// ValidityMax is the length of the duplicate window. A command that may come again
	// is answered with its first result, and whoever takes a snapshot is given the
	// commands of the blocks before it that still count.
	ValidityMax ledger.Time
}

// Floor is the height below which things may go, at least the oldest block and at most
// the tip. Block times must not decrease.
func Floor(p *Policy, s Standing, timeOf func(ledger.Height) (ledger.Time, error)) (ledger.Height, error) {
	top := min(s.Stable, s.Tip)
	if !p.Prunes() || s.Tip <= s.Oldest || top <= s.Behind {
		return s.Oldest, nil
	}
	floor := top - s.Behind
	if s.Needed > 0 {
		floor, top = min(floor, s.Needed), min(top, s.Needed)
	}
	if p.Blocks > 0 {
		floor = min(floor, s.Tip+1-min(s.Tip, ledger.Height(p.Blocks)))
	}
	if floor <= s.Oldest || top <= s.Oldest {
		return s.Oldest, nil
	}
	if p.Age > 0 {
		now, err := timeOf(s.Tip)
		if err != nil {
			return s.Oldest, err
		}
		young, err := first(s.Oldest, floor, now-p.Age, timeOf)
		if err != nil {
			return s.Oldest, err
		}
		floor = young
	}
	now, err := timeOf(top)
	if err != nil {
		return s.Oldest, err
	}
	counts, err := first(s.Oldest, floor+1, now-s.ValidityMax, timeOf)
	if err != nil {
		return s.Oldest, err
	}
	// The block before those that count stays: it shows that none is missing.
	return max(s.Oldest, min(floor, counts-1)), nil
}

// first is the lowest height from low on whose block is not older than a time; high if
// there is none below it.
func first(low, high ledger.Height, at ledger.Time, timeOf func(ledger.Height) (ledger.Time, error)) (ledger.Height, error) {
	for low < high {
		middle := low + (high-low)/2
		t, err := timeOf(middle)
		if err != nil {
			return 0, err
		}
		if t < at {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, nil
}
