package tree

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// ErrProofSize says that a range has more records than a proof can show.
var ErrProofSize = errors.New("the range is too large for one proof; ask for a smaller one")

// Prove shows all leaves from <= placed < to; without to the range goes to the end.
// record gives the state.RecordHash of a place; it must be the record of this version.
func (t *Tree) Prove(from, to []byte, record func(placed []byte) (ledger.Hash, error)) (state.Proof, error) {
	if t.root == nil {
		return nil, nil
	}
	p := &prover{tree: t, from: from, to: to, record: record}
	if err := p.node(t.root, true); err != nil {
		return nil, err
	}
	return p.out, nil
}

type prover struct {
	tree     *Tree
	from, to []byte
	record   func([]byte) (ledger.Hash, error)
	out      state.Proof
}

func (p *prover) hide(n *node) error {
	p.out = append(p.out, state.ProofNode{Kind: state.ProofHash, Hash: n.hash})
	return nil
}

// node shows what must be shown of a subtree that is not outside the range. first: go
// down to its first leaf rather than to its last if one outside must be shown.
func (p *prover) node(n *node, first bool) error {
	if len(p.out) >= state.ProofNodesMax {
		return ErrProofSize
	}
	if n.leaf() {
		return p.leaf(n)
	}
	k, err := p.tree.cache.kids(n)
	if err != nil {
		return err
	}
	p.out = append(p.out, state.ProofNode{Kind: state.ProofInner, Pos: n.pos})
	left := state.Outside(k.right.key, n.pos, false, p.from, p.to)
	right := state.Outside(k.left.key, n.pos, true, p.from, p.to)
	if left && right { // where they lie is seen by a leaf of either
		left, right = !first, first
	}
	for _, kid := range []struct {
		n    *node
		hide bool
	}{{k.left, left}, {k.right, right}} {
		show := p.node
		if kid.hide {
			show = func(n *node, _ bool) error { return p.hide(n) }
		}
		if err := show(kid.n, kid.n == k.right); err != nil {
			return err
		}
	}
	return nil
}

func (p *prover) leaf(n *node) error {
	r, err := p.record(n.key)
	if err != nil {
		return err
	}
	if state.LeafHash(n.key, r) != n.hash {
		return fmt.Errorf("%w: %x", ErrRecord, n.key)
	}
	p.out = append(p.out, state.ProofNode{Kind: state.ProofLeaf, Key: bytes.Clone(n.key), Hash: r})
	return nil
}

// ErrRecord says that a record is not the one that the tree was built with.
var ErrRecord = errors.New("a record differs from what the state tree holds")
