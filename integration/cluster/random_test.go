package cluster

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/integration/fault"
)

// strike is a fault of one replica, and what ends it.
type strike struct {
	name string
	do   func(tr *trial, victim int) (undo func())
}

// onLinks is a condition of links that a victim has.
func onLinks(name string, c fault.Condition, which func(*trial, int) []fault.Link) strike {
	return strike{name, func(tr *trial, victim int) func() {
		links := which(tr, victim)
		tr.links.Set(c, links...)
		return func() { tr.links.Set(fault.Condition{}, links...) }
	}}
}

func all(tr *trial, v int) []fault.Link   { return tr.links.Of(name(v)) }
func said(tr *trial, v int) []fault.Link  { return tr.links.From(name(v)) }
func heard(tr *trial, v int) []fault.Link { return tr.links.To(name(v)) }
func peers(tr *trial, v int) []fault.Link {
	return tr.links.Between([]string{name(v)}, tr.others(v))
}

func one(tr *trial, v int) []fault.Link {
	list := peers(tr, v)
	return list[rand.IntN(len(list)):][:1]
}

var strikes = []strike{
	{"is killed", func(tr *trial, v int) func() {
		tr.kill(v)
		return func() { tr.startReplica(v) }
	}},
	{"is frozen", func(tr *trial, v int) func() {
		tr.freeze(v)
		return func() { tr.thaw(v) }
	}},
	{"flaps", func(tr *trial, v int) func() {
		return tr.links.Flap(time.Duration(100+rand.IntN(900))*time.Millisecond, time.Duration(100+rand.IntN(900))*time.Millisecond, peers(tr, v)...)
	}},
	onLinks("is severed from all", fault.Severed, all),
	onLinks("is severed from replicas", fault.Severed, peers),
	onLinks("is held back", fault.Stalled, all),
	onLinks("is swallowed", fault.BlackHole, peers),
	onLinks("is mute", fault.Severed, said),
	onLinks("is deaf", fault.Severed, heard),
	onLinks("is held back in what it says", fault.Stalled, said),
	onLinks("is half open", fault.Condition{HalfOpen: true}, peers),
	onLinks("loses one link", fault.Severed, one),
	onLinks("is far away", fault.Condition{Delay: 100 * time.Millisecond, Jitter: 100 * time.Millisecond}, all),
	onLinks("is on a thin line", fault.Condition{BytesPerSecond: 30_000}, all),
	onLinks("is reset again and again", fault.Condition{ResetAfter: 15_000}, all),
}

// One random fault after another, of one replica or several, of the primary every other
// time. Only that nothing is lost, doubled or seen wrongly is claimed while more than
// f replicas are struck, and that all come together afterwards.
// CONCORDAT_FAULT_TIME is for how long, a minute when empty.
func TestRandomFaults(t *testing.T) {
	long(t)
	lasts, err := time.ParseDuration(orElse("CONCORDAT_FAULT_TIME", "1m"))
	require.NoError(t, err)
	size := rand.IntN(3)
	if text := os.Getenv("CONCORDAT_FAULT_SIZE"); text != "" {
		size, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	f, c := []int{1, 1, 2}[size], []int{0, 1, 0}[size]
	tr := beginFor(t, f, c, nil, lasts+3*time.Minute)
	for end := time.Now().Add(lasts); time.Now().Before(end) && !t.Failed(); {
		victims := rand.Perm(len(tr.replicas))
		if rand.IntN(2) == 0 {
			victims[0] = tr.leader()
		}
		count := 1
		switch rand.IntN(6) {
		case 0:
			count = len(victims)
		case 1, 2:
			count = 2
		}
		tr.strikeAtOnce(victims[:count])
	}
	tr.together()
	tr.judge()
}

// strikeAtOnce lets different faults befall replicas for a time, and ends them in
// another order.
func (tr *trial) strikeAtOnce(victims []int) {
	struck := map[int]func(){}
	for _, v := range victims {
		if struck[v] == nil {
			s := strikes[rand.IntN(len(strikes))]
			tr.t.Logf("replica %d of %d %s", v, len(tr.replicas), s.name)
			struck[v] = s.do(tr, v)
			tr.pause(time.Duration(rand.IntN(300)) * time.Millisecond)
		}
	}
	tr.pause(time.Duration(200+rand.IntN(3000)) * time.Millisecond)
	for _, undo := range struck { // in random order
		undo()
		tr.pause(time.Duration(rand.IntN(300)) * time.Millisecond)
	}
	if rand.IntN(2) == 0 {
		tr.together()
	}
}

func orElse(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}
