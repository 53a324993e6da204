package ledger

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
)

func drawTransaction(t *rapid.T) *Transaction {
	some := func(name string, from, to int) []byte {
		return rapid.SliceOfN(rapid.Byte(), from, to).Draw(t, name)
	}
	tx := &Transaction{Party: Party(rapid.StringMatching(`[a-z0-9][a-z0-9._@-]{0,30}`).Draw(t, "party")),
		Command: some("command", 1, 64), Contract: rapid.StringMatching(`[a-z]{1,20}`).Draw(t, "contract"),
		Method: rapid.StringMatching(`[a-z_]{1,20}`).Draw(t, "method"), ValidUntil: Time(rapid.Int64Range(1, 1<<62).Draw(t, "until")),
		GasLimit: rapid.Uint64().Draw(t, "gas")}
	copy(tx.Ledger[:], some("ledger", 32, 32))
	if a := some("args", 0, 200); len(a) > 0 {
		tx.Args = a
	}
	return tx
}

func TestTransactionsAreReadAsWrittenAndAsProtobufReadsThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tx := drawTransaction(t)
		b := tx.Marshal()
		again, err := ParseTransaction(b)
		require.NoError(t, err)
		require.Equal(t, tx, again)
		var pb ledgerpb.Transaction
		require.NoError(t, proto.Unmarshal(b, &pb))
		require.Equal(t, tx.Ledger[:], pb.GetLedger())
		require.Equal(t, string(tx.Party), pb.GetParty())
		require.Equal(t, tx.Args, pb.GetArgs())
		require.Equal(t, int64(tx.ValidUntil), pb.GetValidUntil())
		other, err := proto.MarshalOptions{Deterministic: true}.Marshal(&pb)
		require.NoError(t, err)
		require.Equal(t, b, other, "a standard library gives the same bytes")
	})
}

func TestOnlyOneFormIsAccepted(t *testing.T) {
	tx := Transaction{Ledger: ID{1}, Party: "alice@a", Command: []byte{1}, Contract: "c", Method: "m", ValidUntil: 5}
	good := tx.Marshal()
	require.NoError(t, second(ParseTransaction(good)))
	for name, bad := range map[string][]byte{
		"unknown field":     append(append([]byte{}, good...), 0x78, 1),
		"repeated field":    append(append([]byte{}, good...), 0x38, 6),
		"default written":   append(append([]byte{}, good...), 0x40, 0),
		"long varint":       append(append([]byte{}, good...), 0x40, 0x81, 0x00),
		"cut off":           good[:len(good)-1],
		"empty":             {},
		"wrong type":        append([]byte{0x08, 1}, good...),
		"length beyond end": {0x0a, 0xff, 0x7f},
	} {
		require.ErrorIs(t, second(ParseTransaction(bad)), ErrMalformed, name)
	}
}

func second[A any](_ A, err error) error { return err }

func FuzzParseTransaction(f *testing.F) {
	f.Add((&Transaction{Ledger: ID{1}, Party: "a", Command: []byte{1}, Contract: "c", Method: "m", ValidUntil: 5, GasLimit: 300}).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if tx, err := ParseTransaction(b); err == nil {
			require.Equal(t, b, tx.Marshal())
		}
	})
}

func FuzzParseEnvelope(f *testing.F) {
	f.Add((&Envelope{Payload: []byte("x")}).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := ParseEnvelope(b); err == nil {
			require.True(t, bytes.Equal(b, e.Marshal()))
		}
	})
}

func FuzzParseReceipt(f *testing.F) {
	f.Add((&Receipt{Result: Result{Events: []Event{{Contract: "c", Topic: "t"}}}, Path: MerklePath{{1}}, Certificate: []byte{1}}).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := ParseReceipt(b); err == nil {
			require.True(t, bytes.Equal(b, r.Marshal()))
		}
	})
}

func FuzzParseGenesis(f *testing.F) {
	f.Add([]byte(`{"version":1,"name":"dev"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if g, id, err := ParseGenesis(b); err == nil {
			require.Equal(t, GenesisID(b), id)
			require.NotEmpty(t, g.Replicas())
		}
	})
}

func FuzzParseAudience(f *testing.F) {
	f.Add(NewAudience("b", "a", "org:x").Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := ParseAudience(b); err == nil {
			require.True(t, bytes.Equal(b, a.Encode()))
		}
	})
}

func TestEveryLeafHasItsPathAndNoOther(t *testing.T) {
	for size := 1; size <= 33; size++ {
		var leaves [][]byte
		for i := range size {
			leaves = append(leaves, []byte{byte(i), 7})
		}
		tree := NewMerkleTree(leaves)
		for i := range uint64(size) {
			path, err := tree.Path(i)
			require.NoError(t, err)
			require.NoError(t, VerifyMerklePath(tree.Root(), i, uint64(size), leaves[i], path))
			require.ErrorIs(t, VerifyMerklePath(tree.Root(), i, uint64(size), []byte("x"), path), ErrMerkle)
			require.Error(t, VerifyMerklePath(tree.Root(), (i+1)%uint64(size+1), uint64(size), leaves[i], path))
		}
		_, err := tree.Path(uint64(size))
		require.Error(t, err)
	}
}

func TestOtherSplitOtherHash(t *testing.T) {
	a := NewBody(ID{}, Proposal{Time: 1, Txs: [][]byte{[]byte("ab"), []byte("c")}})
	b := NewBody(ID{}, Proposal{Time: 1, Txs: [][]byte{[]byte("a"), []byte("bc")}})
	c := NewBody(ID{}, Proposal{Time: 1, Txs: [][]byte{[]byte("abc")}})
	require.NotEqual(t, a.Digest, b.Digest)
	require.NotEqual(t, a.Digest, c.Digest)
	require.NotEqual(t, a.Digest, NewBody(ID{1}, a.Proposal).Digest, "another ledger")
}
