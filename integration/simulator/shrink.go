package simulator

import (
	"slices"
	"time"
)

// shrinkTime bounds how long one looks for a shorter story.
const shrinkTime = 20 * time.Second

// Shrink makes the story of a failing seed shorter: it switches off one fault or
// behaviour after the other as long as the run still fails, then asks for fewer slots.
// The seed draws the same otherwise, so what is left is what is needed.
func Shrink(seed uint64, o Options) (Options, *Result) {
	best := Run(seed, o)
	if best.Err == nil {
		return o, best
	}
	start := time.Now()
	for again := true; again && time.Since(start) < shrinkTime; {
		again = false
		for _, name := range slices.Concat(best.Faults, best.Acts) {
			try := o
			try.Without = append(slices.Clone(o.Without), name)
			if r := Run(seed, try); r.Err != nil && time.Since(start) < shrinkTime {
				o, best, again = try, r, true
				break
			}
		}
	}
	for slots := 50; slots >= 10; slots -= 20 {
		try := o
		try.Slots = slots
		if r := Run(seed, try); r.Err != nil {
			o, best = try, r
		}
	}
	o.Trace = true
	return o, Run(seed, o)
}
