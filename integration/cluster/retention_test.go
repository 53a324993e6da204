package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/ledger/verify"
	"github.com/concordat-ledger/concordat/node/devnet"
)

// archive is the replica that keeps everything; the others keep little.
const archive = 0

// retaining starts a ledger of which all replicas but one prune, with one party on hold.
// Commands live for so short a time that blocks can go soon.
func retaining(t *testing.T) *network {
	limits := ledger.DefaultLimits()
	limits.Window, limits.ValidityMax = 16, ledger.Duration(4*time.Second)
	n, err := devnet.Create(devnet.Options{Dir: t.TempDir(), F: 1, ClientNodes: 1, Limits: limits})
	require.NoError(t, err)
	for i, dir := range n.Replicas {
		text := "retention:\n  archive: true\n"
		if i != archive {
			text = "retention:\n  blocks: 50\n  hold:\n    parties: [alice@org0]\n"
		}
		file, err := os.OpenFile(filepath.Join(dir, "node.yaml"), os.O_APPEND|os.O_WRONLY, 0o600)
		require.NoError(t, err)
		_, err = file.WriteString(text)
		require.NoError(t, errors.Join(err, file.Close()))
	}
	return run(t, n)
}

// notes lets parties write notes one after the other until the ledger has so many blocks.
// It returns the transactions of the first ones, by party.
func (n *network) notes(ctx context.Context, prefix string, blocks uint64) map[string][]*client.Submitted {
	first := map[string][]*client.Submitted{}
	var mu sync.Mutex
	var height atomic.Uint64
	var wg sync.WaitGroup
	for _, party := range []string{"alice@org0", "bob@org1", "bench@org0"} {
		wg.Go(func() {
			signer := n.signer(party)
			for i := 0; ctx.Err() == nil && height.Load() < blocks; i++ {
				call := client.Call{Contract: "concordat", Method: "note", Command: fmt.Appendf(nil, "%s-%d", prefix, i), Validity: 3 * time.Second}
				s, err := n.c.Submit(ctx, signer.Sign(n.ID, call))
				if err != nil {
					continue // signed anew
				}
				height.Store(max(height.Load(), uint64(s.Receipt.Header.Height)))
				mu.Lock()
				if len(first[party]) < 20 {
					first[party] = append(first[party], s)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	require.NoError(n.t, ctx.Err())
	return first
}

// pruned waits until a replica has pruned up to a height.
func (n *network) pruned(ctx context.Context, i int, height ledger.Height) *ledgerpb.ReplicaStatus {
	for ctx.Err() == nil {
		if s := n.status(ctx, i); s.GetOldestBlock() > uint64(height) {
			return s
		}
		pause(ctx, 50*time.Millisecond)
	}
	n.t.Fatalf("%s does not prune: %v", name(i), n.status(context.Background(), i))
	return nil
}

func (n *network) lookUp(ctx context.Context, id string) (*ledgerpb.LookupReply, error) {
	return n.c.Lookup(ctx, &ledgerpb.LookupRequest{What: &ledgerpb.LookupRequest_TxId{TxId: id}})
}

// finds demands a transaction and a receipt of it that verifies, a few times so that each
// replica is asked.
func (n *network) finds(ctx context.Context, s *client.Submitted) {
	id := s.Receipt.Result.TxID
	for range 2 * len(n.replicas) {
		reply, err := n.lookUp(ctx, id.String())
		require.NoError(n.t, err)
		require.Equal(n.t, [2]string{id.String(), s.Receipt.Result.TxID.String()}, [2]string{reply.GetTransaction().GetId(), reply.GetResult().GetTxId()})
		require.Equal(n.t, uint64(s.Receipt.Header.Height), reply.GetTransaction().GetHeight())
		reply, err = n.c.Lookup(ctx, &ledgerpb.LookupRequest{What: &ledgerpb.LookupRequest_Receipt{Receipt: id.String()}})
		require.NoError(n.t, err)
		got, err := ledger.ParseReceipt(reply.GetReceipt())
		require.NoError(n.t, err)
		require.NoError(n.t, verify.Receipt(n.ID, n.c.LedgerKey(), got))
		require.Equal(n.t, s.Receipt.Header, got.Header)
	}
}

// refuses demands that a transaction is not to be had, and that it is said where it may be.
func (n *network) refuses(ctx context.Context, s *client.Submitted) {
	for range 2 * len(n.replicas) {
		_, err := n.lookUp(ctx, s.Receipt.Result.TxID.String())
		var refused *client.RefusedError
		require.ErrorAs(n.t, err, &refused)
		require.Equal(n.t, ledgerpb.Refusal_REFUSAL_NOT_FOUND, refused.Refusal)
		require.Contains(n.t, refused.Message, "such as an archive")
	}
}

func TestPruningReplicasKeepWhatIsHeldAndAnArchiveKeepsAll(t *testing.T) {
	n := retaining(t)
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	first := n.notes(ctx, "first", 700)
	alice, bob := first["alice@org0"], first["bob@org1"]
	last := bob[len(bob)-1].Receipt.Header.Height
	pause(ctx, 4*time.Second) // until the first commands are expired
	n.notes(ctx, "then", 760) // and blocks say so
	for i := range n.replicas {
		if i != archive {
			s := n.pruned(ctx, i, max(last, alice[len(alice)-1].Receipt.Header.Height))
			require.Equal(t, "kept: the newest 50 blocks; held: parties alice@org0", s.GetRetention())
			require.Equal(t, s.GetOldestBlock(), s.GetOldestState())
		}
	}
	s := n.status(ctx, archive)
	require.Equal(t, []any{"everything is kept", uint64(1)}, []any{s.GetRetention(), s.GetOldestBlock()})
	for i := range 3 { // the client node asks on until it has come to the archive
		n.finds(ctx, alice[i])
		n.finds(ctx, bob[i])
	}
	header := func() *ledgerpb.BlockView {
		reply, err := n.c.Lookup(ctx, &ledgerpb.LookupRequest{What: &ledgerpb.LookupRequest_Height{Height: 3}})
		require.NoError(t, err)
		return reply.GetBlocks()[0]
	}
	whole := header()
	require.False(t, whole.GetPruned())
	require.NoError(t, n.replicas[archive].Kill())
	for i := range 3 {
		n.finds(ctx, alice[i])
		n.refuses(ctx, bob[i])
	}
	bare := header()
	require.True(t, bare.GetPruned() && bare.GetCertified())
	require.Equal(t, [2]string{whole.GetHash(), whole.GetTxRoot()}, [2]string{bare.GetHash(), bare.GetTxRoot()})
	_, err := n.c.Query(ctx, &ledgerpb.QueryRequest{Contract: "concordat", Method: "note", Height: 3})
	require.ErrorContains(t, err, "the state of height 3 is pruned")

	n.joinsFromPruners(ctx)
}

// joinsFromPruners empties a replica while the archive is away: it takes a snapshot from
// those that prune, and does not fetch a past that it does not keep.
func (n *network) joinsFromPruners(ctx context.Context) {
	const joiner = 2
	require.NoError(n.t, n.replicas[joiner].Kill())
	require.NoError(n.t, os.RemoveAll(filepath.Join(n.Replicas[joiner], "data")))
	n.startReplica(joiner)
	_, said := n.joins(ctx, joiner)
	s := n.status(ctx, joiner)
	require.Greater(n.t, s.GetOldestBlock(), uint64(500), "%v", said)
	n.startReplica(archive) // the ledger stood still
	for k := 0; strings.Contains(n.status(ctx, joiner).GetSummary(), "votes were lost"); k++ {
		n.notes(ctx, fmt.Sprint("probation-", k), s.GetHeight()+uint64(k)) // #nosec G115 -- small
	}
	n.waitEqual(ctx)
	n.hasThePast(ctx, joiner)
	s = n.status(ctx, joiner)
	require.Greater(n.t, s.GetOldestBlock(), uint64(500), "of the past it fetches what it keeps")
	require.Less(n.t, s.GetOldestBlock()+40, s.GetHeight(), "and no less")
}
