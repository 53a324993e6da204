package state

import (
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
)

// ErrPart is wrapped by everything that is wrong with a part or an outline.
var ErrPart = errors.New("the part of the state does not hold")

// Pair is a key with its encoded Record.
type Pair struct{ Key, Value []byte }

// OutlineNode is an inner node of the tree's top, or, with Part, a subtree below it.
type OutlineNode struct {
	Part bool
	Pos  int         // of an inner node
	Hash ledger.Hash // of a part
}

// Outline is the top of a state tree, each inner node before its left and its right
// subtree, down to parts that can be fetched from anyone and checked on their own.
// The state without records has none.
type Outline []OutlineNode

// PartsMax bounds the parts of an outline.
const PartsMax = 1 << 17

// Parts are the parts in the order of their keys.
func (o Outline) Parts() []OutlineNode {
	var out []OutlineNode
	for _, n := range o {
		if n.Part {
			out = append(out, n)
		}
	}
	return out
}

// Root is the root of the state that has this outline.
func (o Outline) Root() (ledger.Hash, error) {
	if len(o) == 0 {
		return ledger.Hash{}, nil
	}
	at := 0
	h, err := o.sum(&at, -1)
	if err == nil && at != len(o) {
		err = fmt.Errorf("%w: %d nodes too many in the outline", ErrPart, len(o)-at)
	}
	return h, err
}

func (o Outline) sum(at *int, above int) (ledger.Hash, error) {
	if *at >= len(o) {
		return ledger.Hash{}, fmt.Errorf("%w: the outline is cut off", ErrPart)
	}
	n := o[*at]
	*at++
	if n.Part {
		return n.Hash, nil
	}
	if n.Pos <= above || n.Pos > PositionMax {
		return ledger.Hash{}, fmt.Errorf("%w: position %d below %d", ErrPart, n.Pos, above)
	}
	left, err := o.sum(at, n.Pos)
	if err != nil {
		return left, err
	}
	right, err := o.sum(at, n.Pos)
	return InnerHash(n.Pos, left, right), err
}

// PartHash is the hash of the subtree that holds exactly these records, which must
// stand in the order of their places.
func PartHash(pairs []Pair) (ledger.Hash, error) {
	var r Root
	for _, p := range pairs {
		if len(p.Key) == 0 || len(p.Key) > KeyBytesMax {
			return ledger.Hash{}, fmt.Errorf("%w: a key of %d bytes", ErrPart, len(p.Key))
		}
		placed, err := PlaceOf(p.Key, p.Value)
		if err == nil {
			err = r.Add(placed, RecordHash(p.Value))
		}
		if err != nil {
			return ledger.Hash{}, fmt.Errorf("%w: %w", ErrPart, err)
		}
	}
	return r.Sum(), nil
}
