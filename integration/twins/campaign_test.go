package twins

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// found is a scenario that violated something.
type found struct {
	number   int
	scenario scenario
	err      error
}

// campaign plays every so-many-th scenario on all processors and adds up what
// happened. It stops after a few violations. The result does not depend on the number of processors,
// unless something was found.
func (p play) campaign(scenarios []scenario, every, violationsMost int) (figures, []found) {
	var (
		next  atomic.Int64
		group sync.WaitGroup
		mu    sync.Mutex
		total figures
		bad   []found
	)
	for range runtime.GOMAXPROCS(0) {
		group.Add(1)
		go func() {
			defer group.Done()
			var mine figures
			for {
				at := int(next.Add(1)-1) * every
				mu.Lock()
				enough := len(bad) >= violationsMost
				mu.Unlock()
				if at >= len(scenarios) || enough {
					break
				}
				tally, err := p.run(at, scenarios[at])
				mine.add(&tally)
				if err != nil {
					mu.Lock()
					bad = append(bad, found{at, scenarios[at], err})
					mu.Unlock()
				}
			}
			mu.Lock()
			total.add(&mine)
			mu.Unlock()
		}()
	}
	group.Wait()
	slices.SortFunc(bad, func(a, b found) int { return a.number - b.number })
	return total, bad
}

func (f found) String() string {
	return fmt.Sprintf("scenario %d, %s: %v", f.number, f.scenario, f.err)
}
