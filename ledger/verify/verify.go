// Package verify checks receipts and proofs about the state offline: with the ledger's
// id and public key, and nothing else. It has no heavy dependencies and builds for a browser.
package verify

import (
	"errors"
	"fmt"
	"sync"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// Errors say which check failed.
var (
	ErrLedger      = errors.New("the receipt is of another ledger")
	ErrResult      = errors.New("the result is not in the block's results")
	ErrCertificate = errors.New("the execution certificate does not verify under the ledger's key")
)

// Receipt checks that the ledger with that id and key certified exactly this
// result. About 1.6 ms, nearly all of it one pairing check.
func Receipt(id ledger.ID, ledgerKey []byte, r *ledger.Receipt) error {
	return (&Cache{}).Receipt(id, ledgerKey, r)
}

// cacheMax bounds the blocks whose certificate is remembered.
const cacheMax = 4096

// Cache remembers verified blocks, so that many receipts of one block cost one
// pairing check. The zero value is ready; it is safe for concurrent use.
type Cache struct {
	mu     sync.Mutex
	blocks map[cached]struct{} // under mu
}

// cached is everything that a certificate's validity depends on.
type cached struct {
	statement   certificate.ExecutionStatement
	key         string
	certificate string
}

// Receipt is like the function of that name.
func (c *Cache) Receipt(id ledger.ID, ledgerKey []byte, r *ledger.Receipt) error {
	if r.Header.Ledger != id {
		return fmt.Errorf("%w: of %s, not of %s", ErrLedger, r.Header.Ledger.Short(), id.Short())
	}
	err := ledger.VerifyMerklePath(r.Outcome.ResultsRoot, uint64(r.Index), uint64(r.Header.TxCount), r.Result.Leaf(), r.Path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrResult, err)
	}
	return c.Block(id, ledgerKey, &r.Header, &r.Outcome, r.Certificate)
}

// Block checks the execution certificate of a block.
func (c *Cache) Block(id ledger.ID, ledgerKey []byte, h *ledger.Header, o *ledger.Outcome, cert []byte) error {
	st := certificate.ExecutionStatement{Ledger: id, Height: h.Height, Block: h.Hash(), StateRoot: o.StateRoot, ResultsRoot: o.ResultsRoot}
	key := cached{statement: st, key: string(ledgerKey), certificate: string(cert)}
	c.mu.Lock()
	_, known := c.blocks[key]
	c.mu.Unlock()
	if known {
		return nil
	}
	if err := certificate.VerifyExecution(ledgerKey, st, cert); err != nil {
		return fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.blocks == nil || len(c.blocks) >= cacheMax {
		c.blocks = map[cached]struct{}{}
	}
	c.blocks[key] = struct{}{}
	return nil
}

// State checks that the ledger with that id and key certified exactly what the
// attestation claims about its state, and returns the claim.
func State(id ledger.ID, ledgerKey []byte, a *ledger.Attestation) (*state.Claim, error) {
	return (&Cache{}).State(id, ledgerKey, a)
}

// State is like the function of that name.
func (c *Cache) State(id ledger.ID, ledgerKey []byte, a *ledger.Attestation) (*state.Claim, error) {
	if a.Header.Ledger != id {
		return nil, fmt.Errorf("%w: of %s, not of %s", ErrLedger, a.Header.Ledger.Short(), id.Short())
	}
	if a.Kind != ledger.AttestState {
		return nil, fmt.Errorf("%w: it is not about the state", state.ErrProof)
	}
	claim, err := state.ParseClaim(a.Claim)
	if err == nil {
		err = claim.Check(a.Outcome.StateRoot)
	}
	if err == nil {
		err = c.Block(id, ledgerKey, &a.Header, &a.Outcome, a.Certificate)
	}
	return claim, err
}
