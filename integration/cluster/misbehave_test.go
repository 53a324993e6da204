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
	"lie": newViewMax, "forge": newViewMax, "silence": newViewMax, "complain": newViewMax,
}

// A Byzantine replica, primary at first, harms nobody's history. Afterwards another
// replica is restarted, so that the ledger needs the liar's votes or a view change.
func TestAByzantineReplicaIsBorne(t *testing.T) {
	long(t)
	for kind, most := range misbehaviours {
		t.Run(kind, func(t *testing.T) {
			tr := begin(t, 1, 0, badly(t, "--misbehave", kind))
			tr.meanwhile(kind, 8*time.Second, most)
			if kind == "equivocate" {
				out, err := tr.concordat("status")
				require.NoError(t, err)
				require.Contains(t, out, "replica-0 signed two proposals for one slot")
			}
			p := tr.leader()
			tr.kill(p)
			tr.startReplica(p)
			tr.meanwhile(kind+", its primary restarted", 5*time.Second, 2*most)
			tr.reform(0)
			tr.meanwhile("honest again", 2*time.Second, slowMax)
			tr.judge()
		})
	}
}

// A replica whose clock is wrong loses its turn as primary at most.
func TestAWrongClockIsBorne(t *testing.T) {
	long(t)
	for _, offset := range []string{"1h", "-1h", "2s", "-2s"} {
		t.Run(offset, func(t *testing.T) {
			tr := begin(t, 1, 0, badly(t, "--clock-offset", offset))
			tr.meanwhile("clock of the first primary wrong by "+offset, 8*time.Second, newViewMax)
			tr.reform(0)
			tr.judge()
		})
	}
}
