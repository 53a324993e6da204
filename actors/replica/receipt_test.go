package replica

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/reads"
	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/ledger/verify"
)

// A receipt that a party asks for in a signed read holds the events for it, and proves the
// same as any other of the transaction.
func TestAReceiptHoldsTheEventsForItsReader(t *testing.T) {
	s := newShelf(t)
	s.block(s.party("alice@a", "a", nil), s.party("bob@b", "b", nil))
	result := &ledger.Result{TxID: ledger.Hash{5}, Events: []ledger.Event{
		{Contract: "c", Topic: "all", Data: []byte("1")},
		{Contract: "c", Topic: "bob", Data: []byte("2"), Audience: ledger.NewAudience("bob@b").Encode()},
		{Contract: "c", Topic: "a", Data: []byte("3"), Audience: ledger.NewAudience("org:a").Encode()}}}
	header := ledger.Header{Ledger: s.id, Height: 2, Parent: s.parent, Time: 2000, TxCount: 1}
	outcome := ledger.Outcome{StateRoot: s.tree.Root(), ResultsRoot: ledger.NewMerkleTree([][]byte{result.Leaf()}).Root()}
	b := &storage.BlockCommit{Height: 2, BlockHash: header.Hash(), Header: header.Marshal(), Outcome: outcome.Marshal(),
		Txs: [][]byte{[]byte("tx")}, Results: [][]byte{result.Marshal()}, TxIDs: []ledger.Hash{result.TxID}}
	require.NoError(t, s.lookups.Store.Commit(b))
	req := &ledgerpb.StateRequest{Receipt: result.TxID.String()}
	_, err := s.answer("bob@b", req)
	var refused *reads.RefusedError
	require.ErrorAs(t, err, &refused)
	require.True(t, refused.Later, "it is not certified yet")
	require.NoError(t, s.lookups.PutCertificate(2, s.sign(certificate.ExecutionStatement{Ledger: s.id, Height: 2, Block: b.BlockHash,
		StateRoot: outcome.StateRoot, ResultsRoot: outcome.ResultsRoot})))
	for as, want := range map[ledger.Party][]string{"": {"all"}, "alice@a": {"all", "a"}, "bob@b": {"all", "bob"}} {
		got, err := s.answer(as, req)
		require.NoError(t, err, as)
		r, err := ledger.ParseReceipt(got.GetReceipt())
		require.NoError(t, err)
		require.NoError(t, verify.Receipt(s.id, s.client.LedgerKey(), r), as)
		var topics []string
		for _, e := range r.Result.Events {
			if !e.Withheld() {
				topics = append(topics, e.Topic)
			}
		}
		require.Equal(t, want, topics, as)
		require.Len(t, r.Result.Events, 3)
	}
	_, err = s.answer("bob@b", &ledgerpb.StateRequest{Receipt: ledger.Hash{6}.String()})
	require.ErrorIs(t, err, reads.ErrNotFound)
}
