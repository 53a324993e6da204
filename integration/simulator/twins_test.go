package simulator

import (
	"flag"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var twinsAll = flag.Bool("sim.twins", false, "play all scenarios of the twins campaign, not every 40th")

// TestTwins plays the exact campaign: every three-round scenario of n = 4 with one
// twinned replica and two groups, each with full rounds and with rounds that are cut.
func TestTwins(t *testing.T) {
	scenarios := TwinScenarios()
	require.Len(t, scenarios, 25_740)
	step := uint64(40)
	if *twinsAll {
		step = 1
	}
	var next, steps, slots, proofs, views atomic.Uint64
	var mu sync.Mutex
	var failed []string
	start := time.Now()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				k := next.Add(1) - 1
				if k*step >= 2*uint64(len(scenarios)) {
					return
				}
				number := k * step
				r := Twins(number, scenarios[number/2], number%2 == 1, false)
				steps.Add(uint64(r.Steps))
				slots.Add(uint64(r.Slots))
				proofs.Add(uint64(r.Proofs))
				views.Add(uint64(r.Views))
				if r.Err != nil {
					mu.Lock()
					failed = append(failed, r.Err.Error())
					mu.Unlock()
					return
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d scenarios played %d times in all, in %s: %d machine steps, %d slots, %d views, %d proofs of equivocation", len(scenarios),
		2*uint64(len(scenarios))/step, time.Since(start).Round(time.Second), steps.Load(), slots.Load(), views.Load(), proofs.Load())
	require.Empty(t, failed)
	require.Positive(t, proofs.Load(), "twins equivocate")
}

// Two twinned identities of four are more than f: the campaign must see agreement break.
func TestTwinsOfTwoIdentitiesBreakAgreement(t *testing.T) {
	scenarios := TwinScenarios()
	broken, played := 0, 0
	for number := uint64(0); number < uint64(len(scenarios)) && broken < 3; number += 7 {
		played++
		r := Twins(number, scenarios[number], number%2 == 1, true)
		if r.Err != nil && (strings.Contains(r.Err.Error(), "A1") || strings.Contains(r.Err.Error(), "more than f")) {
			broken++
		}
	}
	t.Logf("%d disagreements in %d scenarios with two twinned replicas", broken, played)
	require.Equal(t, 3, broken)
}
