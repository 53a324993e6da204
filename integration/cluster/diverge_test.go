package cluster

import (
	"context"
	be "encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/integration/history"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// tamper changes a record in a stopped replica's store as nothing but a fault of ours
// could: checksum and all.
func (n *network) tamper(i int, match func(key string) bool) {
	dir := filepath.Join(n.Replicas[i], "data", "store")
	s, err := storage.Open(dir, storage.Options{Ledger: n.ID})
	require.NoError(n.t, err)
	tip, _ := s.Tip()
	var key, raw []byte
	var version uint64
	require.NoError(n.t, s.Each(tip, func(k, v []byte) error {
		if match(string(k)) {
			key, raw = k, v
		}
		return nil
	}))
	require.NotNil(n.t, key)
	written, err := state.DecodeRecord(raw)
	require.NoError(n.t, err)
	version = uint64(written.Height)
	require.NoError(n.t, s.Close())

	db, err := badger.OpenManaged(badger.DefaultOptions(filepath.Join(dir, "badger")).WithLogger(nil).WithCompression(options.None).WithBlockSize(64 << 10))
	require.NoError(n.t, err)
	raw[len(raw)-1] ^= 1
	full := append([]byte{'s'}, key...)
	sum := crc32.Checksum(append(append([]byte{}, full...), raw...), crc32.MakeTable(crc32.Castagnoli))
	txn := db.NewTransactionAt(version, true)
	require.NoError(n.t, txn.Set(full, be.BigEndian.AppendUint32(raw, sum)))
	require.NoError(n.t, txn.CommitAt(version, nil))
	require.NoError(n.t, db.Close())
}

// A replica computes another state than the others: it notices, signs nothing and answers
// nothing any more, names the first record that differs and the transaction that wrote it,
// and comes back with the state of the others.
func TestAReplicaWhoseStateDiffersSaysWhereAndMendsItself(t *testing.T) {
	n := start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	schema := n.deployToken(ctx, "bench@org0")
	require.Equal(t, ledger.StatusOK, n.deploy(ctx, register, history.Contract()).Status)
	n.fill(ctx, 2_000, 0)
	const victim = 2
	require.NoError(t, n.replicas[victim].Stop(ctx)) // the first block after a start writes the tree's pages, and the next start takes them as they are
	n.startReplica(victim)
	for i := range 20 {
		require.NotNil(t, n.insistOn(ctx, n.signer("bench@org0"), history.Swapping(register, 1<<40+uint64(i), 1, fmt.Sprint("again-", i))))
	}
	n.waitEqual(ctx)
	require.NoError(t, n.replicas[victim].Stop(ctx))
	n.tamper(victim, func(k string) bool {
		return strings.HasPrefix(k, "c/token/") && strings.Contains(k, "bench@org0")
	})
	n.startReplica(victim)
	args, err := schema.ArgsFromPairs("transfer", []string{"to=bob@org1", "amount=1"})
	require.NoError(t, err)
	log := filepath.Join(n.Dir, name(victim), "log.txt")
	said := func() string {
		raw, err := os.ReadFile(log)
		require.NoError(t, err)
		return string(raw)
	}
	const noticed, named = "its state differs from what the others certify", "the first record that differs is"
	for i := 0; !strings.Contains(said(), named); i++ {
		require.NoError(t, ctx.Err(), "nothing is named")
		require.NotNil(t, n.insistOn(ctx, n.signer("bench@org0"), client.Call{Contract: "token", Method: "transfer", Args: args, Command: fmt.Appendf(nil, "diverge-%d", i)}))
	}
	text := said()
	require.Contains(t, text, noticed)
	line := text[strings.Index(text, named):]
	line, _, _ = strings.Cut(line, "\n")
	t.Log(line)
	require.Contains(t, line, `c/token/\\abalance\\nbench@org0`)
	require.Regexp(t, `here it was written by transaction [0-9a-f]{64} of block \d+, with the others it was written by transaction`, line)
	for s := n.status(ctx, victim); s == nil || !strings.Contains(s.GetStore(), "its state differed once"); s = n.status(ctx, victim) {
		require.NoError(t, ctx.Err(), "it has not come back")
		pause(ctx, 20*time.Millisecond)
	}
	n.waitEqual(ctx)
	n.check(nil)
}
