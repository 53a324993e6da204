package main

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// Every structure takes the same small history, proves, and is opened again.
func TestEveryStructureKeepsWhatItIsGiven(t *testing.T) {
	const n = 3000
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			dir, e := t.TempDir(), k.make()
			require.NoError(t, e.open(dir))
			blocks := newSource(n)
			if k.name == "verkle" { // each of its keys takes a millisecond
				blocks = newSource(100)
			}
			require.NoError(t, load(e, blocks.n))
			if k.stored { // some only work after a start
				require.NoError(t, e.close())
				e = k.make()
				require.NoError(t, e.open(dir))
			}
			before := bytes.Clone(e.root())
			for i := range 3 {
				require.NoError(t, e.apply(blocks.block(i == 2), false))
			}
			require.NotEqual(t, before, e.root())
			if p, ok := e.(prover); ok {
				figures, err := measureProofs(p, blocks.n, 3)
				require.NoError(t, err)
				require.GreaterOrEqual(t, len(figures), 2)
			}
			after := bytes.Clone(e.root())
			require.NoError(t, e.close())
			if k.stored {
				e = k.make()
				require.NoError(t, e.open(dir))
				require.Equal(t, fmt.Sprintf("%x", after), fmt.Sprintf("%x", e.root()))
				require.NoError(t, e.close())
			}
		})
	}
}

func TestStoredAndMemoryGiveOneRoot(t *testing.T) {
	a, b := &ours{}, &memory{}
	require.NoError(t, a.open(t.TempDir()))
	require.NoError(t, b.open(""))
	for i := range 20 {
		block := newSource(1000 + i).block(false)
		require.NoError(t, a.apply(block, false))
		require.NoError(t, b.apply(block, false))
		require.Equal(t, a.root(), b.root())
	}
	require.NoError(t, a.close())
}

// A proof that is timed is one that would have failed under another root.
func TestProofsAreOfTheirRoot(t *testing.T) {
	o := &ours{}
	require.NoError(t, o.open(t.TempDir()))
	require.NoError(t, load(o, 500))
	place := state.Place(nil, keyOf(7))
	p, err := o.tree.Prove(place, state.Next(place), func([]byte) (ledger.Hash, error) {
		raw, _, err := o.store.Get(keyOf(7), o.height)
		return state.RecordHash(raw), err
	})
	require.NoError(t, err)
	leaves, err := p.Check(o.tree.Root(), place, state.Next(place))
	require.NoError(t, err)
	require.Len(t, leaves, 1)
	_, err = p.Check(ledger.Hash{1}, place, state.Next(place))
	require.ErrorIs(t, err, state.ErrProof)
	require.NoError(t, o.close())
}
