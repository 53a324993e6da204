package chain_test

import (
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
	"github.com/concordat-ledger/concordat/ledger/verify/sample"
)

// lies are blocks that all replicas signed although they break a rule: every root and
// every certificate is right, so each is refused by the one check that it is for.
var lies = map[string]struct {
	lie    func(*sample.Ledger, *sample.Draft)
	refuse string
}{
	"a signature": {func(_ *sample.Ledger, d *sample.Draft) { d.Txs[2][len(d.Txs[2])-1] ^= 1 },
		"block 3, transactions, transaction 2: its result says that it was accepted, but its signature does not verify"},
	"another transaction's result": {func(_ *sample.Ledger, d *sample.Draft) { d.Results[1].TxID[0]++ },
		"block 3, results, transaction 1: it is the result of another transaction"},
	"another command's result": {func(_ *sample.Ledger, d *sample.Draft) { d.Results[1].Command[0]++ },
		"block 3, results, transaction 1: it is the result of another command"},
	"executed without a command": {func(_ *sample.Ledger, d *sample.Draft) { d.Results[1].Command = ledger.Hash{} },
		"block 3, results, transaction 1: its status says that the transaction was executed, but it names no command"},
	"nonsense executed": {func(_ *sample.Ledger, d *sample.Draft) { d.Txs[1] = []byte("nonsense") },
		"block 3, results, transaction 1: it is the result of another transaction"},
	"another ledger's transaction": {replace(func(tx *ledger.Transaction) { tx.Ledger[0]++ }),
		"block 3, results, transaction 1: its transaction is not one of this ledger"},
	"a transaction too late": {replace(func(tx *ledger.Transaction) { tx.ValidUntil = 1 }),
		"block 3, results, transaction 1: its transaction was no longer valid at the block's time"},
	"a result missing": {func(_ *sample.Ledger, d *sample.Draft) { d.Results = d.Results[1:] },
		"block 3, results: 3 results of 4 transactions"},
	"a time of its own": {func(_ *sample.Ledger, d *sample.Draft) { d.Header.Time++ },
		"block 3, header: its time is neither the proposed one nor its parent's"},
	"another parent": {func(_ *sample.Ledger, d *sample.Draft) { d.Header.Parent[0]++ },
		"block 3, header: its parent is"},
	"another height": {func(_ *sample.Ledger, d *sample.Draft) { d.Header.Height++ },
		"block 3, header: it is of block 4"},
	"another epoch": {func(_ *sample.Ledger, d *sample.Draft) { d.Header.Epoch++ },
		"block 3, header: epoch 1 has no members"},
	"another ledger": {func(_ *sample.Ledger, d *sample.Draft) { d.Header.Ledger[0]++ },
		"block 3, header: it is of ledger"},
}

// replace changes a transaction and signs it again, as its party would.
func replace(change func(*ledger.Transaction)) func(*sample.Ledger, *sample.Draft) {
	return func(l *sample.Ledger, d *sample.Draft) {
		e, err := ledger.ParseEnvelope(d.Txs[1])
		if err != nil {
			panic(err)
		}
		tx, err := ledger.ParseTransaction(e.Payload)
		if err != nil {
			panic(err)
		}
		change(tx)
		d.Txs[1], d.Results[1].TxID = l.Sign(tx), ledger.TransactionID(tx.Marshal())
	}
}

func TestWhatAllReplicasSignedMustStillFollowTheRules(t *testing.T) {
	for name, c := range lies {
		t.Run(name, func(t *testing.T) {
			l, err := sample.New(rand.New(rand.NewSource(1)), certificate.SchemeEd25519)
			require.NoError(t, err)
			rules, err := chain.NewRules(l.Genesis)
			require.NoError(t, err)
			whole, err := rules.Chain(1, ledger.Hash{})
			require.NoError(t, err)
			for h := range 3 {
				if h == 2 {
					l.Lie = func(d *sample.Draft) { c.lie(l, d) }
				}
				b, err := l.Next(4, true)
				require.NoError(t, err)
				if err = whole.Next(&b.Block); h < 2 {
					require.NoError(t, err)
					continue
				}
				require.True(t, chain.IsFault(err))
				require.ErrorContains(t, err, c.refuse)
			}
		})
	}
}
