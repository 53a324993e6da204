package storage_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// chain makes blocks whose transactions, results and roots are true, so that what is held
// of them can be proven.
type chain struct {
	rnd    *rand.Rand
	txs    int // of a block
	keys   int // that its transactions change, one each
	args   int // bytes of a transaction
	parent ledger.Header
	sum    ledger.Hash
	times  []ledger.Time // by height
	repeat *sent         // an envelope that the next block has again, last
}

type sent struct {
	raw   []byte
	first ledger.Place
}

const (
	blockTime   = ledger.Time(100e6) // between two blocks
	commandLife = 20 * blockTime
)

func newChain(seed uint64, txs, keys int) *chain {
	return &chain{rnd: rand.New(rand.NewPCG(seed, 1)), txs: txs, keys: keys, args: 40, times: []ledger.Time{0}}
}

var partiesOfChain = []ledger.Party{"alice@org0", "bob@org1", "carol@org2", "dave@org3"}

func (c *chain) next() *storage.BlockCommit {
	header := ledger.Header{Height: c.parent.Height + 1, Parent: c.parent.Hash(), Time: c.parent.Time + blockTime, TxCount: uint32(c.txs)}
	b := &storage.BlockCommit{Height: header.Height, Commit: make([]byte, 300), CommandsBefore: c.sum}
	var leaves [][]byte
	add := func(raw []byte, first ledger.Place) {
		env, _ := ledger.ParseEnvelope(raw)
		tx, _ := ledger.ParseTransaction(env.Payload)
		i := uint32(len(b.Txs))
		r := &ledger.Result{TxID: ledger.TransactionID(env.Payload), Command: ledger.CommandKey(tx.Party, tx.Command), GasUsed: uint64(i), Output: make([]byte, 60),
			Events: []ledger.Event{{Contract: fmt.Sprint("events-", i%5), Topic: "t"}}}
		if first.Height > 0 {
			r = &ledger.Result{TxID: ledger.TransactionID(env.Payload), Status: ledger.StatusDuplicate, First: first}
		} else {
			key := fmt.Appendf(nil, "key-%06d", c.rnd.IntN(c.keys))
			b.Changes = append(b.Changes, storage.Change{Key: key, Value: state.EncodeRecord(nil, state.Provenance{Height: header.Height}, make([]byte, 40))})
			b.Places = append(b.Places, state.Place(nil, key))
			b.Commands = append(b.Commands, storage.Command{Key: r.Command, Height: header.Height, Index: i, Expires: tx.ValidUntil})
		}
		b.Txs, b.TxIDs, b.Results = append(b.Txs, raw), append(b.TxIDs, r.TxID), append(b.Results, r.Marshal())
		leaves = append(leaves, r.Leaf())
	}
	for i := range c.txs {
		tx := ledger.Transaction{Party: partiesOfChain[i%len(partiesOfChain)], Command: fmt.Appendf(nil, "%d-%d", header.Height, i),
			Contract: fmt.Sprint("contract-", i%3), Method: "m", Args: make([]byte, c.args), ValidUntil: header.Time + commandLife}
		env := ledger.Envelope{Payload: tx.Marshal()}
		add(env.Marshal(), ledger.Place{})
	}
	if c.repeat != nil {
		add(c.repeat.raw, c.repeat.first)
		header.TxCount++
		c.repeat = nil
	}
	header.TxRoot = ledger.NewMerkleTree(b.Txs).Root()
	outcome := ledger.Outcome{ResultsRoot: ledger.NewMerkleTree(leaves).Root()}
	c.sum = ledger.Hash{byte(header.Height), byte(header.Height >> 8), 9}
	b.Header, b.BlockHash, b.Outcome, b.CommandsSum = header.Marshal(), header.Hash(), outcome.Marshal(), c.sum
	c.parent, c.times = header, append(c.times, header.Time)
	return b
}
