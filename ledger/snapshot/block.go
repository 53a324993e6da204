package snapshot

import (
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
)

// Block is a whole block of the past: its transactions with their results.
type Block struct {
	Header   ledger.Header
	Outcome  ledger.Outcome
	Txs      [][]byte
	Results  []*ledger.Result
	Commands BlockCommands
}

// NewBlock puts a block together from its bytes and checks that they belong together:
// the transactions to the header, the results to the outcome. Whether header and
// outcome are those that were certified is for the caller to check.
func NewBlock(header, outcome []byte, txs, results [][]byte) (*Block, error) {
	h, err := ledger.ParseHeader(header)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	o, err := ledger.ParseOutcome(outcome)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	b := &Block{Header: *h, Outcome: *o, Txs: txs, Commands: BlockCommands{Height: h.Height, Time: h.Time}}
	if len(txs) != len(results) || len(txs) != int(h.TxCount) || ledger.NewMerkleTree(txs).Root() != h.TxRoot {
		return nil, fmt.Errorf("%w: these are not the transactions of block %d", ErrSnapshot, h.Height)
	}
	leaves := make([][]byte, len(results))
	for i, raw := range results {
		r, err := ledger.ParseResult(raw)
		if err != nil {
			return nil, fmt.Errorf("%w: block %d: %w", ErrSnapshot, h.Height, err)
		}
		b.Results = append(b.Results, r)
		leaves[i] = r.Leaf()
		if r.Command == (ledger.Hash{}) {
			continue
		}
		c, err := executed(uint32(i), r, txs[i]) // #nosec G115 -- bounded by the block
		if err != nil {
			return nil, fmt.Errorf("block %d, transaction %d: %w", h.Height, i, err)
		}
		b.Commands.Commands = append(b.Commands.Commands, c)
	}
	if ledger.NewMerkleTree(leaves).Root() != o.ResultsRoot {
		return nil, fmt.Errorf("%w: these are not the results of block %d", ErrSnapshot, h.Height)
	}
	return b, nil
}

// executed is the entry of the duplicate window that a result with a command made.
func executed(index uint32, r *ledger.Result, raw []byte) (ledger.ExecutedCommand, error) {
	e, err := ledger.ParseEnvelope(raw)
	if err != nil {
		return ledger.ExecutedCommand{}, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	tx, err := ledger.ParseTransaction(e.Payload)
	if err != nil {
		return ledger.ExecutedCommand{}, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	if ledger.CommandKey(tx.Party, tx.Command) != r.Command {
		return ledger.ExecutedCommand{}, fmt.Errorf("%w: the result is of another command", ErrSnapshot)
	}
	return ledger.ExecutedCommand{Key: r.Command, Index: index, Expires: tx.ValidUntil}, nil
}
