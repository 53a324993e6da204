package former

import (
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
)

const domainProof ledger.Domain = "concordat/state-proof/1"

// Proof shows what a state root says about one key: its siblings from the root
// downwards, and, when another key's leaf stands in its place, that leaf.
type Proof struct {
	Siblings []ledger.Hash
	Other    bool // another leaf stands where the key would be
	OtherKey ledger.Hash
	OtherVal ledger.Hash
}

// ErrProof is wrapped by every proof that does not hold.
var ErrProof = errors.New("the state proof does not hold")

// Prove gives a proof of presence or of absence, whichever is so.
func (t *Tree) Prove(key []byte) Proof {
	k := KeyHash(key)
	var p Proof
	n := t.root
	for depth := 0; n != nil && !n.leaf; depth++ {
		if bit(&k, depth) == 0 {
			p.Siblings = append(p.Siblings, hashOf(n.right))
			n = n.left
		} else {
			p.Siblings = append(p.Siblings, hashOf(n.left))
			n = n.right
		}
	}
	if n != nil && n.key != k {
		p.Other, p.OtherKey, p.OtherVal = true, n.key, n.value
	}
	return p
}

// Verify checks that under root the key has exactly this value; nil means that
// the key is absent.
func Verify(root ledger.Hash, key, value []byte, p Proof) error {
	if len(p.Siblings) > 8*ledger.HashSize {
		return fmt.Errorf("%w: %d siblings", ErrProof, len(p.Siblings))
	}
	k := KeyHash(key)
	var h ledger.Hash
	switch {
	case value != nil && p.Other:
		return fmt.Errorf("%w: it shows another key", ErrProof)
	case value != nil:
		h = leafHash(k, ValueHash(value))
	case p.Other:
		if p.OtherKey == k {
			return fmt.Errorf("%w: the key is there", ErrProof)
		}
		for d := range p.Siblings {
			if bit(&p.OtherKey, d) != bit(&k, d) {
				return fmt.Errorf("%w: the other key stands elsewhere", ErrProof)
			}
		}
		h = leafHash(p.OtherKey, p.OtherVal)
	}
	for d := len(p.Siblings) - 1; d >= 0; d-- {
		if bit(&k, d) == 0 {
			h = innerHash(h, p.Siblings[d])
		} else {
			h = innerHash(p.Siblings[d], h)
		}
	}
	if h != root {
		return fmt.Errorf("%w: it leads to %s, not to %s", ErrProof, h.Short(), root.Short())
	}
	return nil
}

// Marshal is the proof's exact layout.
func (p Proof) Marshal() []byte {
	w := ledger.NewWriter(domainProof, 64+32*len(p.Siblings)).U32(uint32(len(p.Siblings))) // #nosec G115 -- at most 256
	for _, s := range p.Siblings {
		w.Hash(s)
	}
	if p.Other {
		return w.U8(1).Hash(p.OtherKey).Hash(p.OtherVal).Done()
	}
	return w.U8(0).Done()
}

// ParseProof reads what Marshal wrote.
func ParseProof(b []byte) (Proof, error) {
	r := ledger.NewReader(domainProof, b)
	var p Proof
	n := r.Count(ledger.HashSize, 8*ledger.HashSize)
	for range n {
		p.Siblings = append(p.Siblings, r.Hash())
	}
	switch r.U8() {
	case 0:
	case 1:
		p.Other, p.OtherKey, p.OtherVal = true, r.Hash(), r.Hash()
	default:
		return Proof{}, fmt.Errorf("%w: unknown form", ErrProof)
	}
	if err := r.Close(); err != nil {
		return Proof{}, fmt.Errorf("read a state proof: %w", err)
	}
	return p, nil
}
