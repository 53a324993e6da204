package simulator

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
)

var (
	runsFlag  = flag.Int("sim.runs", 60, "simulated cluster-runs")
	seedFlag  = flag.Uint64("sim.seed", 1, "first seed")
	timeFlag  = flag.Duration("sim.time", 10*time.Minute, "stop after so long")
	onlyFlag  = flag.Uint64("sim.only", 0, "play this one seed, tell its story")
	firstFlag = flag.Bool("sim.first", false, "stop at the first failure without shrinking, and say how many runs it took")
)

// campaignMin is what a search of a change runs at least: beyond its time if the machine is
// busy, but not for longer than campaignMost.
const (
	campaignMin  = 2000
	rulesMin     = 100 // times that each rule is applied
	campaignMost = 10 * time.Minute
)

// campaign plays many seeds on two workers and adds up what they exercised.
type campaign struct {
	mu     sync.Mutex
	runs   int
	steps  int
	slots  int
	views  int
	proofs int
	rules  [sbft.Rules]int
	pairs  map[string]int
	acted  map[string]int
	healed []sbft.Instant
	failed *Result
	next   uint64
}

func (c *campaign) worker(start time.Time) {
	for {
		c.mu.Lock()
		seed := c.next
		took := time.Since(start)
		enough := c.enough() || *runsFlag < campaignMin || took >= campaignMost
		if c.failed != nil || int(seed-*seedFlag) >= *runsFlag || took >= *timeFlag && enough {
			c.mu.Unlock()
			return
		}
		c.next++
		c.mu.Unlock()
		r := Run(seed, Options{})
		c.mu.Lock()
		c.add(r)
		c.mu.Unlock()
	}
}

// enough reports whether a campaign may end: it had its runs, and every rule was applied.
func (c *campaign) enough() bool {
	return c.runs >= campaignMin && !slices.ContainsFunc(c.rules[1:sbft.Rules], func(n int) bool { return n < rulesMin })
}

func (c *campaign) add(r *Result) {
	c.runs++
	c.steps += r.Steps
	c.slots += r.Slots
	c.views += int(r.Views)
	c.proofs += r.Proofs
	c.healed = append(c.healed, r.Healed)
	for i, k := range r.Rules {
		c.rules[i] += k
	}
	for _, a := range r.Acts {
		for _, f := range r.Faults {
			c.pairs[a+" x "+f]++
		}
	}
	for a, k := range r.Acted {
		c.acted[a] += k
	}
	if r.Err != nil && (c.failed == nil || r.Seed < c.failed.Seed) {
		c.failed = r
	}
}

func (c *campaign) table(took time.Duration) string {
	var b strings.Builder
	sort.Slice(c.healed, func(i, j int) bool { return c.healed[i] < c.healed[j] })
	fmt.Fprintf(&b, "%d runs in %s (%.1f/s), %d machine steps, %d slots, %d views, %d proofs of equivocation\n", c.runs, took.Round(time.Second),
		float64(c.runs)/took.Seconds(), c.steps, c.slots, c.views, c.proofs)
	fmt.Fprintf(&b, "from healing to a new slot everywhere: p50 %d ms, p99 %d ms, max %d ms\n", c.healed[len(c.healed)/2]/1e6,
		c.healed[len(c.healed)*99/100]/1e6, c.healed[len(c.healed)-1]/1e6)
	for i := 1; i < sbft.Rules; i++ {
		fmt.Fprintf(&b, "%s %d  ", sbft.Rule(i), c.rules[i])
	}
	fmt.Fprintf(&b, "\nbehaviours: %v\n", c.acted)
	low, worst := 1<<30, ""
	for _, a := range behaviourNames {
		for _, f := range faultNames {
			if k := c.pairs[a+" x "+f]; k < low {
				low, worst = k, a+" x "+f
			}
		}
	}
	fmt.Fprintf(&b, "rarest pair: %s, %d runs", worst, low)
	return b.String()
}

// TestCampaign is the search: fresh configurations, faults and liars for each seed.
func TestCampaign(t *testing.T) {
	if *onlyFlag != 0 {
		o, r := Shrink(*onlyFlag, Options{})
		t.Logf("%s\nwithout %v\n%s\n%v", r.Plan, o.Without, strings.Join(r.Story, "\n"), r.Err)
		if r.Err != nil {
			t.Fail()
		}
		return
	}
	runs := *runsFlag
	if testing.Short() {
		*runsFlag = min(runs, 40)
	}
	c := &campaign{pairs: map[string]int{}, acted: map[string]int{}, next: *seedFlag}
	start := time.Now()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { c.worker(start) })
	}
	wg.Wait()
	t.Log(c.table(time.Since(start)))
	if c.failed != nil && *firstFlag {
		fmt.Fprintf(os.Stderr, "FOUND after %d runs: %v\n", c.failed.Seed-*seedFlag+1, c.failed.Err)
		t.FailNow()
	}
	if c.failed != nil {
		t.Logf("%v\n%s", c.failed.Err, c.failed.Plan)
		o, r := Shrink(c.failed.Seed, Options{})
		t.Fatalf("%v\n%s\nshrunk: without %v, %d slots\n%s\n%v", c.failed.Err, c.failed.Plan, o.Without, o.Slots, strings.Join(r.Story, "\n"), r.Err)
	}
	if *runsFlag >= campaignMin && c.runs < campaignMin {
		t.Errorf("%d runs in %s; a campaign has at least %d", c.runs, time.Since(start), campaignMin)
	}
	if c.runs >= campaignMin {
		for i := 1; i < sbft.Rules; i++ {
			if c.rules[i] < rulesMin {
				t.Errorf("rule %s was applied %d times only", sbft.Rule(i), c.rules[i])
			}
		}
	}
}
