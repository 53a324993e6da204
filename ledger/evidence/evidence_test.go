package evidence

import (
	"bytes"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/signature"
)

func founding(t testing.TB) (*ledger.Genesis, []signature.PrivateKey) {
	g := &ledger.Genesis{F: 1}
	var keys []signature.PrivateKey
	for i := range 4 {
		key, err := signature.Generate(rand.New(rand.NewSource(int64(i))))
		require.NoError(t, err)
		public := key.Public()
		g.Members = append(g.Members, ledger.Member{ID: ledger.ReplicaID(i).String(), Kind: ledger.MemberReplica, SigningKey: public[:]})
		keys = append(keys, key)
	}
	return g, keys
}

func sign(key signature.PrivateKey, e *Equivocation, path uint8, digest ledger.Hash) Proposal {
	p := Proposal{Path: path, Digest: digest}
	copy(p.Signature[:], key.Sign(ledger.ProposalBytes(e.Ledger, e.Epoch, e.View, e.Seq, path, digest)))
	return p
}

func equivocation(key signature.PrivateKey) *Equivocation {
	e := &Equivocation{Ledger: ledger.ID{1}, Epoch: 2, View: 6, Seq: 9}
	e.First, e.Second = sign(key, e, 1, ledger.Hash{8}), sign(key, e, 2, ledger.Hash{3})
	e.Order()
	return e
}

func TestEvidenceConvictsThePrimaryAndNobodyElse(t *testing.T) {
	g, keys := founding(t)
	e := equivocation(keys[2]) // view 6 of four replicas
	require.NoError(t, e.Verify(ledger.ID{1}, g))
	again, err := Parse(e.Marshal())
	require.NoError(t, err)
	require.Equal(t, e, again)
	require.Equal(t, e.ID(), again.ID())

	require.ErrorIs(t, e.Verify(ledger.ID{2}, g), ErrEvidence, "another ledger")
	require.ErrorIs(t, equivocation(keys[1]).Verify(ledger.ID{1}, g), ErrEvidence, "signed by one who was not primary")
	same := *e
	same.Second = same.First
	require.ErrorIs(t, same.Verify(ledger.ID{1}, g), ErrEvidence, "a repetition is no contradiction")
	turned := *e
	turned.First, turned.Second = e.Second, e.First
	require.ErrorIs(t, turned.Verify(ledger.ID{1}, g), ErrEvidence, "a pair has one form")
	repath := *e
	repath.Second = sign(keys[2], e, 1, e.First.Digest)
	require.ErrorIs(t, repath.Verify(ledger.ID{1}, g), ErrEvidence, "one content by another path is no contradiction")
	raw := e.Marshal()
	for i := range raw {
		forged := bytes.Clone(raw)
		forged[i] ^= 1
		if f, err := Parse(forged); err == nil {
			require.Error(t, f.Verify(ledger.ID{1}, g), "byte %d", i)
		}
	}
}

func FuzzParse(f *testing.F) {
	_, keys := founding(f)
	f.Add(equivocation(keys[2]).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := Parse(b); err == nil && !bytes.Equal(e.Marshal(), b) {
			t.Fatalf("%x is read as %+v", b, e)
		}
	})
}
