package replica

import (
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
)

// proven is the result of one transaction with all that proves it.
type proven struct {
	head   *storage.StoredBlock
	result []byte
	tx     []byte            // its envelope
	path   ledger.MerklePath // to the outcome's results root
	cert   []byte
}

var errRange = errors.New("no such transaction in the block")

// provenAt reads the proof of a result: from its block, or from what was held of it. It is
// nil when the block is not certified yet.
func (r *records) provenAt(at ledger.Place) (*proven, error) {
	cert, ok, err := r.Certificate(at.Height)
	if err != nil || !ok {
		return nil, err
	}
	b, err := r.Store.Block(at.Height)
	if errors.Is(err, storage.ErrPruned) {
		return r.provenHeld(at, cert, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read block %d: %w", at.Height, err)
	}
	if int(at.Index) >= len(b.Results) {
		return nil, fmt.Errorf("%w: %d", errRange, at.Index)
	}
	leaves := make([][]byte, len(b.Results))
	for i, raw := range b.Results {
		res, err := ledger.ParseResult(raw)
		if err != nil {
			return nil, fmt.Errorf("read result %d of block %d: %w", i, at.Height, err)
		}
		leaves[i] = res.Leaf()
	}
	path, err := ledger.NewMerkleTree(leaves).Path(uint64(at.Index))
	return &proven{head: b, result: b.Results[at.Index], tx: b.Txs[at.Index], path: path, cert: cert}, err
}

func (r *records) provenHeld(at ledger.Place, cert []byte, pruned error) (*proven, error) {
	held, ok, err := r.Held(at.Height, at.Index)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, pruned
	}
	head, err := r.Head(at.Height)
	if err != nil {
		return nil, err
	}
	return &proven{head: head, result: held.Result, tx: held.Tx, path: held.ResultPath, cert: cert}, nil
}
