package cluster

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// liar builds the program that can misbehave, once.
var liar = sync.OnceValues(func() (string, error) {
	path := binary + "-misbehave"
	out, err := exec.Command("go", "build", "-tags", "misbehave", "-o", path, "../../node").CombinedOutput()
	if err != nil {
		return "", &exec.Error{Name: string(out), Err: err}
	}
	return path, nil
})

// badly is replica 0, the first primary, started with more arguments.
func badly(t *testing.T, more ...string) map[int]special {
	program, err := liar()
	require.NoError(t, err)
	return map[int]special{0: {program, more}}
}

// reform starts a replica again as an honest one.
func (tr *trial) reform(i int) {
	tr.kill(i)
	delete(tr.special, i)
	tr.startReplica(i)
	tr.together()
}

func TestNoAttackIsInTheProgram(t *testing.T) {
	for _, flag := range []string{"--misbehave=silence", "--clock-offset=1h"} {
		out, err := exec.Command(binary, "replica", "run", "--home", t.TempDir(), flag).CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "unknown flag: "+flag[:strings.Index(flag, "=")])
	}
	code, err := os.ReadFile(binary)
	require.NoError(t, err)
	require.NotContains(t, string(code), "node/misbehave")
	require.True(t, bytes.Contains(code, []byte("node/devnet")), "names of packages are in the program")
}

// misbehaviours of f = 1 of four replicas, and how long clients may have to wait.
var misbehaviours = map[string]time.Duration{
	"withhold": newViewMax, "equivocate": newViewMax, "garbage": newViewMax, "replay": newViewMax, "delay": newViewMax,
	"lie": newViewMax, "forge": newViewMax, "silence": newViewMax, "complain": newViewMax, "snapshot": slowMax,
}

// circle kills each primary in turn until all have had theirs, so that the ledger
// changes views with a liar among those who speak, and makes the liar primary again.
// For that time more is broken than is promised to be borne: nothing may be lost all
// the same.
func (tr *trial) circle(bad int) {
	for range tr.replicas {
		p := tr.leader()
		if p == bad {
			tr.pause(2 * time.Second)
			continue
		}
		tr.kill(p)
		for begun := time.Now(); tr.leader() == p && time.Since(begun) < 2*time.Second; {
			tr.pause(20 * time.Millisecond)
		}
		tr.startReplica(p)
		tr.pause(300 * time.Millisecond)
	}
}

// A Byzantine replica, primary at first, harms nobody's history.
func TestAByzantineReplicaIsBorne(t *testing.T) {
	long(t)
	for kind, most := range misbehaviours {
		t.Run(kind, func(t *testing.T) {
			t.Parallel() // as many as there are processors: most of the time is waiting
			tr := begin(t, 1, 0, badly(t, "--misbehave", kind))
			tr.meanwhile(kind, 2*time.Second, most)
			tr.circle(0)
			tr.meanwhile(kind+" in other views", 3*time.Second, 2*most)
			if kind == "equivocate" {
				out, err := tr.concordat("status")
				require.NoError(t, err)
				require.Contains(t, out, "replica-0 signed two proposals for one slot")
			}
			tr.reform(0)
			tr.meanwhile("honest again", 2*time.Second, slowMax)
			tr.judge()
		})
	}
}

// Two of seven lie in different ways, and are the first two primaries.
func TestTwoByzantineReplicasAreBorne(t *testing.T) {
	long(t)
	for _, kinds := range [][2]string{{"equivocate", "forge"}, {"silence", "complain"}} {
		t.Run(kinds[0]+" and "+kinds[1], func(t *testing.T) {
			unlike := badly(t, "--misbehave", kinds[0])
			unlike[1] = special{unlike[0].binary, []string{"--misbehave", kinds[1]}}
			tr := begin(t, 2, 0, unlike)
			tr.meanwhile("two liars", 5*time.Second, twoViewsMax)
			tr.circle(0)
			tr.meanwhile("two liars in other views", 5*time.Second, twoViewsMax)
			tr.reform(0)
			tr.reform(1)
			tr.judge()
		})
	}
}

// A replica whose clock is wrong loses its turn as primary at most.
func TestAWrongClockIsBorne(t *testing.T) {
	long(t)
	for _, offset := range []string{"2s", "-2s", "45s", "-45s", "1h", "-1h"} {
		t.Run(offset, func(t *testing.T) {
			t.Parallel()
			tr := begin(t, 1, 0, badly(t, "--clock-offset", offset))
			tr.meanwhile("clock of the first primary wrong by "+offset, 2*time.Second, newViewMax)
			tr.circle(0)
			tr.meanwhile("in other views", 2*time.Second, newViewMax)
			tr.reform(0)
			tr.judge()
		})
	}
}
