package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/integration/fault"
)

// What clients may have to wait for on one shared machine. The aims are lower: see
// the figures of the failover measurement.
const (
	newViewMax  = 5 * time.Second  // one bad primary
	twoViewsMax = 8 * time.Second  // two in a row
	slowMax     = 3 * time.Second  // a replica is missing or slow that is not the primary
	restartMax  = 5 * time.Second  // all replicas start again
	flapMax     = 15 * time.Second // the primary comes and goes
)

// The short form of what follows.
func TestABadPrimaryIsReplaced(t *testing.T) {
	tr := begin(t, 1, 0, nil)
	p := tr.leader()
	tr.kill(p)
	tr.recovers("primary killed", newViewMax)
	tr.startReplica(p)
	tr.together()
	p = tr.leader()
	tr.links.Set(fault.Stalled, tr.links.Of(name(p))...)
	tr.recovers("primary neither heard nor hearing", newViewMax)
	tr.together()
	p = tr.leader()
	tr.freeze(p)
	tr.recovers("primary frozen", newViewMax)
	tr.thaw(p)
	tr.together()
	tr.judge()
}

// The client nodes still reach the primary that no replica hears any more.
func TestAPrimaryWithoutReplicasIsReplaced(t *testing.T) {
	long(t)
	for what, condition := range map[string]fault.Condition{"severed": fault.Severed, "swallowed": fault.BlackHole, "held back": fault.Stalled, "half open": {HalfOpen: true}} {
		t.Run(what, func(t *testing.T) {
			tr := begin(t, 1, 0, nil)
			p := tr.leader()
			tr.links.Set(condition, tr.links.Between([]string{name(p)}, tr.others(p))...)
			tr.meanwhile("primary "+what, 8*time.Second, newViewMax)
			tr.together()
			tr.meanwhile("healed", 2*time.Second, slowMax)
			tr.judge()
		})
	}
}

func TestAnIsolatedPrimaryIsReplaced(t *testing.T) {
	long(t)
	tr := begin(t, 1, 0, nil)
	p := tr.leader()
	tr.links.Isolate(name(p))
	tr.meanwhile("primary isolated", 8*time.Second, newViewMax)
	tr.together()
	tr.judge()
}

func TestAPrimaryThatIsNotHeardIsReplaced(t *testing.T) {
	long(t)
	tr := begin(t, 1, 0, nil)
	p := tr.leader()
	tr.links.Set(fault.Severed, tr.links.From(name(p))...)
	tr.meanwhile("primary mute", 8*time.Second, newViewMax)
	tr.together()
	tr.judge()
}

func TestAPrimaryThatDoesNotHearIsReplaced(t *testing.T) {
	long(t)
	tr := begin(t, 1, 0, nil)
	p := tr.leader()
	tr.links.Set(fault.Severed, tr.links.To(name(p))...)
	tr.meanwhile("primary deaf", 8*time.Second, newViewMax)
	tr.together()
	tr.judge()
}

// One link is bad in one way; nobody is cut off.
func TestOneLinkOneWay(t *testing.T) {
	long(t)
	tr := begin(t, 1, 0, nil)
	p := tr.leader()
	tr.links.OneWay(name(p), name((p+1)%len(tr.replicas)))
	tr.meanwhile("primary to one backup", 5*time.Second, newViewMax)
	tr.links.Heal()
	tr.links.OneWay(name((tr.leader()+2)%len(tr.replicas)), name(tr.leader()))
	tr.meanwhile("one backup to the primary", 5*time.Second, newViewMax)
	tr.together()
	tr.judge()
}

func TestACrashedReplicaCatchesUpAfterLong(t *testing.T) {
	long(t)
	tr := begin(t, 1, 0, nil)
	b := (tr.leader() + 1) % len(tr.replicas)
	tr.kill(b)
	tr.meanwhile("backup away", 30*time.Second, slowMax)
	tr.startReplica(b)
	tr.together()
	tr.judge()
}

func TestRollingRestarts(t *testing.T) {
	long(t)
	tr := begin(t, 1, 0, nil)
	for range 2 {
		for i := range tr.replicas {
			ctx, cancel := context.WithTimeout(tr.ctx, 15*time.Second)
			require.NoError(t, tr.replicas[i].Stop(ctx))
			cancel()
			tr.startReplica(i)
			tr.meanwhile(name(i)+" restarted", time.Second, newViewMax)
			tr.together()
		}
	}
	tr.judge()
}

func TestAllKilledUnderLoadGoOnSoon(t *testing.T) {
	long(t)
	tr := begin(t, 1, 0, nil)
	for range 8 {
		for i := range tr.replicas {
			tr.kill(i)
		}
		begun := time.Now()
		for i := range tr.replicas {
			tr.startReplica(i)
		}
		for len(tr.acks.after(begun)) == 0 && time.Since(begun) < 30*time.Second {
			tr.pause(10 * time.Millisecond)
		}
		first := time.Since(begun)
		t.Logf("all killed: the first receipt %s after the start", first.Round(time.Millisecond))
		if first > restartMax {
			t.Errorf("the first receipt came after %s, at most %s are allowed", first, restartMax)
		}
		tr.pause(time.Second)
	}
	tr.together()
	tr.judge()
}

func TestAFrozenReplicaThatWakesUp(t *testing.T) {
	long(t)
	for _, who := range []string{"primary", "backup"} {
		t.Run(who, func(t *testing.T) {
			tr := begin(t, 1, 0, nil)
			victim, most := tr.leader(), newViewMax
			if who == "backup" {
				victim, most = (victim+1)%len(tr.replicas), slowMax
			}
			tr.freeze(victim)
			tr.meanwhile(who+" frozen", 10*time.Second, most)
			tr.thaw(victim)
			tr.meanwhile(who+" awake", 2*time.Second, newViewMax)
			tr.together()
			tr.judge()
		})
	}
}

func TestFlappingLinks(t *testing.T) {
	long(t)
	tr := begin(t, 1, 0, nil)
	b := (tr.leader() + 1) % len(tr.replicas)
	stop := tr.links.Flap(700*time.Millisecond, 300*time.Millisecond, tr.links.Of(name(b))...)
	tr.meanwhile("a backup's links flap", 8*time.Second, newViewMax)
	stop()
	p := tr.leader()
	stop = tr.links.Flap(700*time.Millisecond, 300*time.Millisecond, tr.links.Between([]string{name(p)}, tr.others(p))...)
	tr.meanwhile("the primary's links flap", 12*time.Second, flapMax)
	stop()
	tr.together()
	tr.meanwhile("healed", 2*time.Second, slowMax)
	tr.judge()
}

func TestSlowLinks(t *testing.T) {
	long(t)
	tr := begin(t, 1, 0, nil)
	b := (tr.leader() + 1) % len(tr.replicas)
	slow := fault.Condition{Delay: 150 * time.Millisecond, Jitter: 50 * time.Millisecond, BytesPerSecond: 50_000}
	tr.links.Set(slow, tr.links.Of(name(b))...)
	tr.meanwhile("a backup on a slow line", 10*time.Second, newViewMax)
	tr.together()
	p := tr.leader()
	tr.links.Set(fault.Condition{Delay: 40 * time.Millisecond, Jitter: 20 * time.Millisecond}, tr.links.Of(name(p))...)
	tr.meanwhile("the primary far away", 8*time.Second, newViewMax)
	tr.together()
	tr.links.Set(fault.Condition{ResetAfter: 20_000}, tr.links.Links(func(fault.Link) bool { return true })...)
	tr.meanwhile("every connection reset after 20 kB", 8*time.Second, flapMax)
	tr.together()
	tr.judge()
}

// The next primary is killed as soon as it leads.
func TestTwoPrimariesKilledInARow(t *testing.T) {
	long(t)
	tr := begin(t, 2, 0, nil)
	first := tr.leader()
	begun := time.Now()
	tr.kill(first)
	second := (first + 1) % len(tr.replicas)
	for tr.leader() != second && time.Since(begun) < 20*time.Second {
		tr.pause(10 * time.Millisecond)
	}
	require.Equal(t, second, tr.leader())
	tr.kill(second)
	tr.meanwhile("two primaries killed", twoViewsMax, twoViewsMax)
	t.Logf("%s without a receipt since the first", tr.acks.gap(begun).Round(time.Millisecond))
	tr.startReplica(first)
	tr.startReplica(second)
	tr.together()
	tr.judge()
}
