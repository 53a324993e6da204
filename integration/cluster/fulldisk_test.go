package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/node/config"
	"github.com/concordat-ledger/concordat/node/devnet"
)

// onSmallDisk is a program that runs concordat with a small file system of its own
// as a replica's data folder.
func onSmallDisk(t *testing.T, data string, mib int) string {
	try := exec.Command("unshare", "-Urm", "sh", "-c", "mount -t tmpfs -o size=1m tmpfs "+data)
	if out, err := try.CombinedOutput(); err != nil {
		t.Skipf("this machine does not let a user mount a file system: %v %s", err, out)
	}
	script := filepath.Join(t.TempDir(), "concordat")
	text := fmt.Sprintf("#!/bin/sh\nexec unshare -Urm sh -c 'mount -t tmpfs -o size=%dm tmpfs %s && exec %s \"$@\"' sh \"$@\"\n", mib, data, binary)
	require.NoError(t, os.WriteFile(script, []byte(text), 0o700))
	return script
}

// A replica whose disk is full says so and stops taking part; the others go on, and
// with room again it catches up.
func TestAFullDiskStopsOneReplicaOnly(t *testing.T) {
	n := start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Second)
	defer cancel()
	require.NoError(t, n.replicas[3].Kill())
	folder, err := config.Load(n.Replicas[3])
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(folder.DataDir()))
	require.NoError(t, os.MkdirAll(folder.DataDir(), 0o700))
	p, err := devnet.StartProcess(onSmallDisk(t, folder.DataDir(), smallDisk), "replica", n.Replicas[3])
	require.NoError(t, err)
	n.replicas[3] = p
	n.waitEqual(ctx)

	acknowledged := map[string]ledger.Place{}
	alice := n.signer("alice@org0")
	big := []byte(strings.Repeat("x", 500_000))
	write := func(i int) {
		command := fmt.Sprint("big ", i)
		s := n.insistOn(ctx, alice, client.Call{Contract: "concordat", Method: "note", Args: big, Command: []byte(command)})
		require.NotNil(t, s)
		acknowledged[command] = ledger.Place{Height: s.Receipt.Header.Height, Index: s.Receipt.Index}
	}
	full := func() string {
		st, err := n.c.Status(ctx)
		if err != nil {
			return ""
		}
		for _, r := range st.GetReplicas() {
			if r.GetId() == "replica-3" && strings.Contains(r.GetSummary(), "disk is full") {
				return r.GetSummary()
			}
		}
		return ""
	}
	written := 0
	for ; full() == "" && written < 400; written++ {
		write(written)
	}
	require.NotEmpty(t, full(), "replica-3 says that its disk is full")
	t.Logf("after %d MB: %s", written/2, full())
	for i := range 20 {
		write(written + i)
	}
	select {
	case <-p.Done():
		t.Errorf("the replica with the full disk ended: %v", p.Err())
	default:
	}
	ended, done := context.WithTimeout(ctx, 15*time.Second)
	defer done()
	require.NoError(t, p.Stop(ended))
	n.startReplica(3) // the small disk is gone with its process
	n.waitEqual(ctx)
	n.check(acknowledged)
}

// smallDisk is in MiB: a little more than what a store keeps free.
const smallDisk = storage.FreeBytesMinDefault>>20 + 60
