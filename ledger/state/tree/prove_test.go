package tree_test

import (
	"bytes"
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// within are the model's keys in a range, in order.
func (b *bench) within(from, to []byte) (out []string) {
	for k := range b.model {
		if k >= string(from) && (to == nil || k < string(to)) {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

func TestEveryRangeIsProvenAndNothingCanBeWithheld(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBench(0)
		b.apply(t, rapid.MapOfN(keys(), rapid.SliceOfN(rapid.Byte(), 0, 6), 0, 120).Draw(t, "set"), nil)
		b.flush(t)
		root := b.tree.Root()
		for range 10 {
			from := []byte(keys().Draw(t, "from"))
			to := []byte(keys().Draw(t, "to"))
			switch rapid.IntRange(0, 3).Draw(t, "range") {
			case 0:
				to = state.Next(from)
			case 1:
				to = nil
			case 2:
				from = nil
			}
			p, err := b.tree.Prove(from, to, b.record)
			require.NoError(t, err)
			parsed, err := state.ParseProof(p.Marshal())
			require.NoError(t, err)
			require.Equal(t, p, parsed)
			found, err := p.Check(root, from, to)
			require.NoError(t, err)
			want := b.within(from, to)
			b.discreet(t, p, from, to)
			require.Len(t, found, len(want))
			for i, k := range want {
				require.Equal(t, k, string(found[i].Key))
				require.Equal(t, state.RecordHash(b.model[k]), found[i].Record)
			}
			// Whatever shown subtree is hidden behind its hash: no key in the range goes.
			for i := range p {
				hidden := hide(p, i)
				if got, err := hidden.Check(root, from, to); err == nil {
					require.Len(t, got, len(want))
				}
			}
		}
	})
}

// discreet demands that a proof about what every member may read shows nothing else, as
// long as there is anything of that.
func (b *bench) discreet(t require.TestingT, p state.Proof, from, to []byte) {
	if to == nil || bytes.Compare(from, to) >= 0 || bytes.Compare(to, state.AfterOpen()) > 0 || len(b.within(nil, state.AfterOpen())) == 0 {
		return
	}
	for i := range p {
		require.False(t, p[i].Kind == state.ProofLeaf && p[i].Key[0] != 0, "a restricted record is shown")
	}
}

// hide puts the hash of the subtree at node i in its place.
func hide(p state.Proof, i int) state.Proof {
	end := i
	h := sum(p, &end)
	out := append(slices.Clone(p[:i]), state.ProofNode{Kind: state.ProofHash, Hash: h})
	return append(out, p[end:]...)
}

func sum(p state.Proof, at *int) ledger.Hash {
	n := p[*at]
	*at++
	switch n.Kind {
	case state.ProofInner:
		left := sum(p, at)
		return state.InnerHash(n.Pos, left, sum(p, at))
	case state.ProofLeaf:
		return state.LeafHash(n.Key, n.Hash)
	}
	return n.Hash
}

// A million mutated proofs, none of which says anything that is not so.
func TestNoMutatedProofHolds(t *testing.T) {
	rnd := rand.New(rand.NewSource(3))
	b := newBench(1 << 30)
	set := map[string][]byte{}
	for i := range 2000 {
		set[fmt.Sprint("k", i)] = fmt.Append(nil, "v", i)
	}
	b.apply(t, set, nil)
	root := b.tree.Root()
	mutations := 1_000_000
	if testing.Short() {
		mutations = 50_000
	}
	accepted := 0
	for done := 0; done < mutations; {
		from := fmt.Append(nil, "k", rnd.Intn(4000))
		to := state.Next(from)
		if rnd.Intn(3) == 0 {
			to = append(bytes.Clone(from), '5')
		}
		p, err := b.tree.Prove(from, to, b.record)
		require.NoError(t, err)
		want := b.within(from, to)
		good := p.Marshal()
		for range 500 {
			done++
			raw := mutate(rnd, good)
			p, err := state.ParseProof(raw)
			if err != nil {
				continue
			}
			got, err := p.Check(root, from, to)
			if err != nil {
				continue
			}
			accepted++
			require.Equal(t, good, raw, "a proof that is not the tree's")
			require.Len(t, got, len(want))
		}
	}
	require.Less(t, accepted, mutations/100, "mutations that change nothing")
}

// mutate changes, cuts, doubles or swaps pieces.
func mutate(rnd *rand.Rand, good []byte) []byte {
	raw := bytes.Clone(good)
	i, j := rnd.Intn(len(raw)), rnd.Intn(len(raw))
	switch rnd.Intn(8) {
	case 0:
		return raw[:i]
	case 1:
		return append(raw, byte(rnd.Int()))
	case 2:
		n := rnd.Intn(min(40, len(raw)-max(i, j)) + 1)
		copy(raw[i:i+n], good[j:j+n])
	case 3:
		return append(raw[:i], good[min(len(good), i+1+rnd.Intn(40)):]...)
	default:
		raw[i] ^= 1 << rnd.Intn(8)
	}
	return raw
}

func TestPartsCoverTheStateAndGiveItsRoot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBench(0)
		b.apply(t, rapid.MapOfN(keys(), rapid.SliceOfN(rapid.Byte(), 0, 6), 0, 200).Draw(t, "set"), nil)
		b.flush(t)
		size := uint64(rapid.SampledFrom([]int{1, 40, 400, 1 << 20}).Draw(t, "bytes"))
		o, parts, err := b.tree.Cut(size)
		require.NoError(t, err)
		root, err := o.Root()
		require.NoError(t, err)
		require.Equal(t, b.tree.Root(), root)
		require.Len(t, o.Parts(), len(parts))
		var all []string
		for i, p := range parts {
			var r state.Root
			require.NoError(t, p.Walk(func(k []byte, _ ledger.Hash) error {
				all = append(all, string(k))
				return r.Add(k, state.RecordHash(b.model[string(k)]))
			}))
			require.Equal(t, o.Parts()[i].Hash, r.Sum())
			require.Equal(t, p.Hash(), r.Sum())
		}
		require.Equal(t, b.within(nil, nil), all)
		if len(o) > 2 {
			_, err = o[:len(o)-1].Root()
			require.ErrorIs(t, err, state.ErrPart)
			_, err = append(slices.Clone(o), o[len(o)-1]).Root()
			require.ErrorIs(t, err, state.ErrPart)
		}
	})
}
