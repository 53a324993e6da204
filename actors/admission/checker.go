package admission

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/signature"
)

// ErrSignature means that an envelope's signature does not verify.
var ErrSignature = errors.New("the signature does not verify")

// checkedMax bounds each of the two generations of remembered envelopes.
const checkedMax = 1 << 16

// Checker verifies envelopes in batches and remembers those that hold, so that a
// replica checks each transaction once, whether it came from a client or in a
// proposal first. It is safe for concurrent use.
type Checker struct {
	id         ledger.ID
	mu         sync.Mutex
	young, old map[ledger.Hash]struct{} // under mu
}

// NewChecker for a ledger.
func NewChecker(id ledger.ID) *Checker {
	return &Checker{id: id, young: map[ledger.Hash]struct{}{}}
}

// Parsed is an envelope that was taken apart.
type Parsed struct {
	Raw         []byte
	Envelope    ledger.Envelope
	Transaction *ledger.Transaction
	ID          ledger.Hash
	Err         error // why it cannot be accepted; nil: it can
}

// Parse decodes an envelope and checks what needs no cryptography.
func (c *Checker) Parse(raw []byte) Parsed {
	p := Parsed{Raw: raw}
	if p.Envelope, p.Err = ledger.ParseEnvelope(raw); p.Err != nil {
		return p
	}
	p.ID = ledger.TransactionID(p.Envelope.Payload)
	if p.Transaction, p.Err = ledger.ParseTransaction(p.Envelope.Payload); p.Err != nil {
		return p
	}
	if p.Transaction.Ledger != c.id {
		p.Err = fmt.Errorf("%w: it is meant for ledger %s, this is %s", ledger.ErrMalformed, p.Transaction.Ledger.Short(), c.id.Short())
	}
	return p
}

// Verify checks the signatures of those that parsed, and sets Err where one does
// not hold.
func (c *Checker) Verify(list []Parsed) {
	var batch signature.Batch
	var which []int
	keys := make([]ledger.Hash, len(list))
	for i := range list {
		p := &list[i]
		if p.Err != nil {
			continue
		}
		keys[i] = sha256.Sum256(p.Raw)
		if c.known(keys[i]) {
			continue
		}
		batch.Add(p.Envelope.PublicKey, ledger.SignedBytes(p.Envelope.Payload), p.Envelope.Signature[:])
		which = append(which, i)
	}
	all, valid := batch.Verify()
	for n, i := range which {
		if all || valid[n] {
			c.remember(keys[i])
		} else {
			list[i].Err = ErrSignature
		}
	}
}

// Check is for a proposal: every envelope must hold.
func (c *Checker) Check(txs [][]byte) error {
	list := make([]Parsed, len(txs))
	for i, raw := range txs {
		if list[i] = c.Parse(raw); list[i].Err != nil {
			return fmt.Errorf("transaction %d: %w", i, list[i].Err)
		}
	}
	c.Verify(list)
	for i := range list {
		if list[i].Err != nil {
			return fmt.Errorf("transaction %d: %w", i, list[i].Err)
		}
	}
	return nil
}

func (c *Checker) known(key ledger.Hash) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.young[key]; ok {
		return true
	}
	_, ok := c.old[key]
	return ok
}

func (c *Checker) remember(key ledger.Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= checkedMax {
		c.young, c.old = map[ledger.Hash]struct{}{}, c.young
	}
	c.young[key] = struct{}{}
}
