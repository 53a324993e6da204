package cluster

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/bus"
	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/node/config"
)

// proposal is a pre-prepare of one transaction, signed by the primary of view 0.
func (n *network) proposal(primary *config.Folder, seq ledger.Seq, tx []byte) []byte {
	at := ledger.TimeFromStd(time.Now())
	body := ledger.NewBody(n.ID, ledger.Proposal{Time: at, Txs: [][]byte{tx}})
	signed := ledger.ProposalBytes(n.ID, 0, 0, seq, uint8(sbft.PathSlow), body.Digest)
	raw, err := proto.Marshal(&actorspb.ConsensusMessage{Body: &actorspb.ConsensusMessage_PrePrepare{PrePrepare: &actorspb.PrePrepare{
		Seq: uint64(seq), Time: int64(at), Path: uint32(sbft.PathSlow), Txs: [][]byte{tx}, Signature: primary.SigningKey.Sign(signed)}}})
	require.NoError(n.t, err)
	return raw
}

func (n *network) concordat(args ...string) (string, error) {
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "CONCORDAT_URL="+n.URLs[0], "CONCORDAT_DIR="+n.Dir, "CONCORDAT_CONFIG="+filepath.Join(n.Dir, "contexts.yaml"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// A primary that signs two contents for one slot leaves a proof that names it, holds
// against the genesis file alone, and survives a restart. Its honest successor, and
// with it the ledger, go on.
func TestAnEquivocatingPrimaryIsConvicted(t *testing.T) {
	n := start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	alice := n.signer("alice@org0")
	first := n.insist(ctx, alice, "before")
	require.NotNil(t, first)
	n.waitEqual(ctx)
	out, err := n.concordat("evidence", "list", "-o", "json")
	require.NoError(t, err, out)
	require.NotContains(t, out, "replica-0", "nobody is accused without cause")

	require.NoError(t, n.replicas[0].Kill())
	liar, err := config.Load(n.Replicas[0])
	require.NoError(t, err)
	conn, err := connect(liar.Node.Peers["replica-1"], liar.Identity)
	require.NoError(t, err)
	slot := ledger.Seq(first.Receipt.Header.Height + 1)
	for _, text := range []string{"to Bob", "to Carol"} {
		tx := alice.Sign(n.ID, client.Call{Contract: "concordat", Method: "note", Args: []byte(text)})
		require.NoError(t, conn.Publish(bus.Subject(n.Genesis.Name, "replica-0", bus.Bulk, "consensus"), n.proposal(liar, slot, tx)))
	}
	require.NoError(t, conn.Flush())
	require.Eventually(t, func() bool {
		out, err = n.concordat("status")
		return err == nil && strings.Contains(out, "replica-0 signed two proposals for one slot")
	}, 20*time.Second, 50*time.Millisecond, "%s", out)
	conn.Close()

	require.NoError(t, n.replicas[1].Kill())
	n.startReplica(1) // the proof is on its disk
	require.Eventually(t, func() bool {
		out, err = n.concordat("evidence", "list")
		return err == nil && strings.Contains(out, "replica-1")
	}, 20*time.Second, 50*time.Millisecond, "%s", out)
	require.Regexp(t, `replica-0 +two proposals for one slot +0 +\d+ +replica-1 +true`, out)
	fields := strings.Fields(strings.Split(out, "\n")[1])
	file := filepath.Join(t.TempDir(), "replica-0.evidence")
	out, err = n.concordat("evidence", "show", fields[0], "--save", file)
	require.NoError(t, err, out)
	out, err = n.concordat("evidence", "verify", file)
	require.NoError(t, err, out)
	require.Contains(t, out, "proves that replica-0 signed both")
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	raw[len(raw)-1] ^= 1
	require.NoError(t, os.WriteFile(file, raw, 0o600))
	out, err = n.concordat("evidence", "verify", file)
	require.Error(t, err)
	require.Contains(t, out, "replica-0 did not sign")

	n.startReplica(0)
	require.NotNil(t, n.insist(ctx, alice, "after"))
	n.waitEqual(ctx)
	n.check(map[string]ledger.Place{"before": {Height: first.Receipt.Header.Height, Index: first.Receipt.Index}})
}
