package state_test

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/reference"
)

func TestAnyBatchesGiveTheReferenceRootAndProofs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree, model := state.New(), map[string][]byte{}
		for range rapid.IntRange(1, 12).Draw(t, "batches") {
			var changes []state.Change
			for range rapid.IntRange(0, 20).Draw(t, "changes") {
				k := []byte(fmt.Sprintf("k%d", rapid.IntRange(0, 60).Draw(t, "key")))
				if rapid.IntRange(0, 2).Draw(t, "delete") == 0 {
					changes = append(changes, state.Change{Key: k, Delete: true})
					delete(model, string(k))
				} else {
					v := rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, "value")
					changes = append(changes, state.Change{Key: k, Value: v})
					model[string(k)] = v
				}
			}
			before := tree.Root()
			next := tree.Apply(changes)
			require.Equal(t, before, tree.Root(), "versions are immutable")
			tree = next
			require.Equal(t, reference.Root(model), [32]byte(tree.Root()))
			require.Equal(t, len(model), tree.Len())
		}
		for i := range 61 {
			k := fmt.Sprintf("k%d", i)
			p, err := state.ParseProof(tree.Prove([]byte(k)).Marshal())
			require.NoError(t, err)
			v, there := model[k]
			if there && v == nil {
				v = []byte{}
			}
			require.NoError(t, state.Verify(tree.Root(), []byte(k), v, p))
			require.Error(t, state.Verify(tree.Root(), []byte(k), append([]byte{1}, v...), p))
			if there {
				require.Error(t, state.Verify(tree.Root(), []byte(k), nil, p), "absence of what is there")
			}
		}
		var l state.Loader
		for k, v := range model {
			l.Add([]byte(k), v)
		}
		require.Equal(t, tree.Root(), l.Tree().Root())
	})
}

func TestNoMutatedProofHolds(t *testing.T) {
	rnd := rand.New(rand.NewSource(3))
	var changes []state.Change
	for i := range 2000 {
		changes = append(changes, state.Change{Key: []byte(fmt.Sprint("k", i)), Value: []byte(fmt.Sprint("v", i))})
	}
	tree := state.New().Apply(changes)
	root := tree.Root()
	mutations := 0
	for mutations < 100_000 {
		i := rnd.Intn(4000)
		key := []byte(fmt.Sprint("k", i))
		var value []byte
		if i < 2000 {
			value = []byte(fmt.Sprint("v", i))
		}
		good := tree.Prove(key).Marshal()
		for range 50 {
			mutations++
			b := append([]byte{}, good...)
			switch rnd.Intn(3) {
			case 0, 1:
				b[rnd.Intn(len(b))] ^= 1 << rnd.Intn(8)
			default:
				b = b[:rnd.Intn(len(b))]
			}
			p, err := state.ParseProof(b)
			if err == nil {
				err = state.Verify(root, key, value, p)
			}
			if err == nil && p.Other && value == nil {
				// The other leaf's value hash and key are covered; nothing is free.
				t.Fatalf("a mutated proof of absence holds: %x", b)
			}
			require.Error(t, err)
		}
	}
}

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
		r, err := state.DecodeRecord(state.EncodeRecord(c.audience.Encode(), []byte("x")))
		require.NoError(t, err)
		require.Equal(t, c.a, state.Visible(r.Audience, alice))
		require.Equal(t, c.b, state.Visible(r.Audience, bob))
		require.Equal(t, c.aud, state.Visible(r.Audience, auditor))
		require.Equal(t, c.none, state.Visible(r.Audience, nobody))
	}
}

func FuzzParseProof(f *testing.F) {
	f.Add(state.New().Prove([]byte("x")).Marshal())
	f.Add(state.New().Apply([]state.Change{{Key: []byte("a")}, {Key: []byte("b")}}).Prove([]byte("x")).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := state.ParseProof(b); err == nil {
			require.Equal(t, b, p.Marshal())
		}
	})
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add(state.EncodeRecord(ledger.NewAudience("a", "org:b").Encode(), []byte("v")))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := state.DecodeRecord(b); err == nil {
			require.Equal(t, b, state.EncodeRecord(r.Audience.Encode(), r.Value))
		}
	})
}

func BenchmarkApply1000(b *testing.B) {
	for _, size := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var l state.Loader
			for i := range size {
				l.Add([]byte(fmt.Sprint("key", i)), []byte("value"))
			}
			tree := l.Tree()
			rnd := rand.New(rand.NewSource(1))
			for b.Loop() {
				changes := make([]state.Change, 1000)
				for i := range changes {
					changes[i] = state.Change{Key: []byte(fmt.Sprint("key", rnd.Intn(size))), Value: []byte(fmt.Sprint(rnd.Int()))}
				}
				tree = tree.Apply(changes)
			}
		})
	}
}
