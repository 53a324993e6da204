package replica

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/verify"
)

// A receipt that somebody looks up holds the events for every member, whoever signed the
// transaction; the signer's own holds those for the signer, too. Both verify.
func TestAReceiptThatIsLookedUpHoldsNoPrivateEvents(t *testing.T) {
	s := newShelf(t)
	s.block(s.party("alice@a", "a", nil), s.party("bob@b", "b", nil))
	tx := ledger.Transaction{Ledger: s.id, Party: "bob@b", Command: []byte("c"), Contract: "teller", Method: "x", ValidUntil: 1}
	e := ledger.Envelope{Payload: tx.Marshal(), PublicKey: s.keys["bob@b"].Public()}
	event := func(data string, audience ...ledger.Party) ledger.Event {
		return ledger.Event{Contract: "teller", Topic: "t", Data: []byte(data), Audience: ledger.NewAudience(audience...).Encode()}
	}
	result := &ledger.Result{TxID: ledger.TransactionID(e.Payload), Events: []ledger.Event{event("for all"), event("for bob", "bob@b"), event("for alice", "alice@a")}}
	header := ledger.Header{Ledger: s.id, Height: 2, Parent: s.parent, Time: 2000, TxRoot: ledger.NewMerkleTree([][]byte{e.Marshal()}).Root(), TxCount: 1}
	outcome := ledger.Outcome{StateRoot: s.tree.Root(), ResultsRoot: ledger.NewMerkleTree([][]byte{result.Leaf()}).Root()}
	require.NoError(t, s.lookups.Store.Commit(&storage.BlockCommit{Height: 2, BlockHash: header.Hash(), Header: header.Marshal(), Outcome: outcome.Marshal(),
		Txs: [][]byte{e.Marshal()}, Results: [][]byte{result.Marshal()}, TxIDs: []ledger.Hash{result.TxID}}))
	require.NoError(t, s.lookups.PutCertificate(2, s.sign(certificate.ExecutionStatement{Ledger: s.id, Height: 2, Block: header.Hash(),
		StateRoot: outcome.StateRoot, ResultsRoot: outcome.ResultsRoot})))

	at := ledger.Place{Height: 2}
	raw, err := s.lookups.Receipt(at)
	require.NoError(t, err)
	require.Contains(t, string(raw), "for all")
	require.NotContains(t, string(raw), "for bob")
	require.NotContains(t, string(raw), "for alice")
	r, err := ledger.ParseReceipt(raw)
	require.NoError(t, err)
	require.NoError(t, verify.Receipt(s.id, s.key, r))

	signers, err := s.lookups.records.Receipt(at)
	require.NoError(t, err)
	own := string(signers.GetItems()[0].GetResult())
	require.Contains(t, own, "for all")
	require.Contains(t, own, "for bob")
	require.NotContains(t, own, "for alice")
}
