package state_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

func TestTheAudienceFilter(t *testing.T) {
	alice := ledger.Recipient{Party: "alice@a", Organisation: "a"}
	bob := ledger.Recipient{Party: "bob@b", Organisation: "b"}
	auditor := ledger.Recipient{Auditor: true}
	nobody := ledger.Recipient{}
	for _, c := range []struct {
		audience  ledger.Audience
		a, b, aud bool
		none      bool
	}{
		{nil, true, true, true, true},
		{ledger.NewAudience("alice@a"), true, false, true, false},
		{ledger.NewAudience("org:b"), false, true, true, false},
		{ledger.NewAudience("org:a", "bob@b"), true, true, true, false},
	} {
		from := state.Provenance{Height: 3, TxID: ledger.Hash{9}}
		r, err := state.DecodeRecord(state.EncodeRecord(c.audience.Encode(), from, []byte("x")))
		require.NoError(t, err)
		require.Equal(t, from, r.Provenance)
		require.Equal(t, "x", string(r.Value))
		require.Equal(t, c.a, state.Visible(r.Audience, alice))
		require.Equal(t, c.b, state.Visible(r.Audience, bob))
		require.Equal(t, c.aud, state.Visible(r.Audience, auditor))
		require.Equal(t, c.none, state.Visible(r.Audience, nobody))
	}
}

// Places are in the order of their bits, and two keys differ first where Critical says.
func TestPlacesAreInTheOrderOfTheirBits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 128, 255}), 1, 4)
		a, b := state.Place(nil, key.Draw(t, "a")), state.Place(nil, key.Draw(t, "b"))
		d := state.Critical(a, b)
		for i := range 9 * 6 {
			switch {
			case d < 0 || i < d:
				require.Equal(t, state.Bit(a, i), state.Bit(b, i))
			case i == d:
				require.NotEqual(t, state.Bit(a, i), state.Bit(b, i))
				require.Equal(t, bytes.Compare(a, b) > 0, state.Bit(a, i) == 1)
			}
		}
		require.Equal(t, d < 0, bytes.Equal(a, b))
		k, err := state.KeyOf(state.Place([]byte{1, 2}, a))
		require.NoError(t, err)
		require.Equal(t, a, k)
		require.Negative(t, bytes.Compare(a, state.AfterOpen()))
	})
}

func TestAPlaceRangeHoldsItsAudienceOnly(t *testing.T) {
	mine, other := ledger.NewAudience("a@a").Encode(), ledger.NewAudience("b@b").Encode()
	for _, audience := range [][]byte{nil, mine} {
		low, high := state.PlaceRange(audience, []byte("b"), nil)
		in := func(p []byte) bool { return bytes.Compare(p, low) >= 0 && bytes.Compare(p, high) < 0 }
		require.True(t, in(state.Place(audience, []byte("b"))))
		require.True(t, in(state.Place(audience, bytes.Repeat([]byte{255}, 80))))
		require.False(t, in(state.Place(audience, []byte("a"))))
		require.False(t, in(state.Place(other, []byte("c"))))
		require.Equal(t, audience == nil, in(state.Place(nil, []byte("c"))))
	}
}

func FuzzParseProof(f *testing.F) {
	f.Add(state.Proof(nil).Marshal())
	f.Add(state.Proof{{Kind: state.ProofInner, Pos: 9}, {Kind: state.ProofLeaf, Key: []byte("k")}, {Kind: state.ProofHash}}.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := state.ParseProof(b)
		if err != nil {
			return
		}
		require.Equal(t, b, p.Marshal())
		_, _ = p.Check(ledger.Hash{}, nil, nil) // whatever it is: no panic
	})
}

func FuzzParseClaim(f *testing.F) {
	f.Add((&state.Claim{From: []byte("a"), To: []byte("b"), Records: []state.Pair{{Key: []byte("a"), Value: []byte("v")}}}).Marshal())
	f.Add((&state.Claim{}).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := state.ParseClaim(b)
		if err != nil {
			return
		}
		require.Equal(t, b, c.Marshal())
		_ = c.Check(ledger.Hash{1}) // whatever it is: no panic
	})
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add(state.EncodeRecord(ledger.NewAudience("a", "org:b").Encode(), state.Provenance{Height: 1}, []byte("v")))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := state.DecodeRecord(b); err == nil {
			require.Equal(t, b, state.EncodeRecord(r.Audience.Encode(), r.Provenance, r.Value))
		}
	})
}
