package verify

import (
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

func receipt(t *testing.T) (ledger.ID, []byte, []byte) {
	public, private, err := certificate.Deal(rand.New(rand.NewSource(1)), quorum.Config{F: 1}, certificate.SchemeEd25519)
	require.NoError(t, err)
	id := ledger.ID{7}
	results := []ledger.Result{{TxID: ledger.Hash{1}}, {TxID: ledger.Hash{2}, Status: ledger.StatusContractError, Code: 3, Message: "no",
		GasUsed: 9, Output: []byte("out"), Events: []ledger.Event{{Contract: "c", Topic: "t", Data: []byte("d"), Audience: []byte("a")}}}, {TxID: ledger.Hash{3}}}
	var leaves [][]byte
	for i := range results {
		leaves = append(leaves, results[i].Leaf())
	}
	tree := ledger.NewMerkleTree(leaves)
	r := &ledger.Receipt{Header: ledger.Header{Ledger: id, Height: 5, Parent: ledger.Hash{4}, Time: 77, TxRoot: ledger.Hash{5}, TxCount: 3},
		Outcome: ledger.Outcome{StateRoot: ledger.Hash{6}, ResultsRoot: tree.Root()}, Index: 1, Result: results[1]}
	r.Path, err = tree.Path(1)
	require.NoError(t, err)
	st := certificate.ExecutionStatement{Ledger: id, Height: 5, Block: r.Header.Hash(), StateRoot: r.Outcome.StateRoot, ResultsRoot: r.Outcome.ResultsRoot}
	cert, _, err := public.Execution().Combine(st, []certificate.Share{private[0].ExecutionSigner().Sign(st), private[2].ExecutionSigner().Sign(st)})
	require.NoError(t, err)
	r.Certificate = cert
	return id, public.Execution().LedgerKey(), r.Marshal()
}

func check(id ledger.ID, key, raw []byte) error {
	r, err := ledger.ParseReceipt(raw)
	if err != nil {
		return err
	}
	return Receipt(id, key, r)
}

func TestAReceiptWithAnyBitFlippedIsRefused(t *testing.T) {
	id, key, raw := receipt(t)
	require.NoError(t, check(id, key, raw))
	step := 1
	if testing.Short() {
		step = 7
	}
	for bit := 0; bit < len(raw)*8; bit += step {
		forged := append([]byte{}, raw...)
		forged[bit/8] ^= 1 << (bit % 8)
		require.Error(t, check(id, key, forged), "bit %d of %d", bit, len(raw)*8)
	}
	for _, n := range []int{0, 1, len(raw) / 2, len(raw) - 1} {
		require.Error(t, check(id, key, raw[:n]))
	}
	require.ErrorIs(t, check(ledger.ID{8}, key, raw), ErrLedger)
}

func TestACacheDoesNotWhitenOtherReceipts(t *testing.T) {
	id, key, raw := receipt(t)
	var c Cache
	good, err := ledger.ParseReceipt(raw)
	require.NoError(t, err)
	require.NoError(t, c.Receipt(id, key, good))
	for _, spoil := range []func(*ledger.Receipt){
		func(r *ledger.Receipt) { r.Result.Output = []byte("forged") },
		func(r *ledger.Receipt) { r.Header.Time++ },
		func(r *ledger.Receipt) { r.Outcome.StateRoot[0]++ },
		func(r *ledger.Receipt) { r.Certificate = append([]byte{}, r.Certificate...); r.Certificate[9] ^= 1 },
		func(r *ledger.Receipt) { r.Index = 0 },
	} {
		r, err := ledger.ParseReceipt(raw)
		require.NoError(t, err)
		spoil(r)
		require.Error(t, c.Receipt(id, key, r))
	}
	require.Error(t, c.Receipt(id, key[:95], good))
}
