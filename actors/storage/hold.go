package storage

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/dgraph-io/badger/v4"

	"github.com/concordat-ledger/concordat/ledger"
)

// Holds says which transactions stay when their block is pruned; nil: none does.
type Holds func(*ledger.Transaction, *ledger.Result) bool

// Held is a transaction that outlives its block, with its proofs: a path to the
// transactions' root in the header, and one to the results' root in the outcome.
type Held struct {
	Tx, Result         []byte
	TxPath, ResultPath ledger.MerklePath
}

func (h *Held) marshal() []byte {
	var w ledger.Writer
	w.Bytes(h.Tx).Bytes(h.Result)
	for _, path := range []ledger.MerklePath{h.TxPath, h.ResultPath} {
		w.U32(uint32(len(path))) // #nosec G115 -- at most 64
		for _, node := range path {
			w.Hash(node)
		}
	}
	return w.Done()
}

func parseHeld(raw []byte) (*Held, error) {
	r := ledger.NewPlainReader(raw)
	h := &Held{Tx: r.Bytes(len(raw)), Result: r.Bytes(len(raw))}
	for _, path := range []*ledger.MerklePath{&h.TxPath, &h.ResultPath} {
		*path = make(ledger.MerklePath, r.Count(ledger.HashSize, 64))
		for i := range *path {
			(*path)[i] = r.Hash()
		}
	}
	return h, r.Close()
}

// is reports whether this is the transaction with an id.
func (h *Held) is(id ledger.Hash) bool {
	r, err := ledger.ParseResult(h.Result)
	return err == nil && r.TxID == id
}

func heldKey(h ledger.Height, i uint32, piece int) []byte {
	key := binary.BigEndian.AppendUint32(heightKey(kindHeld, h), i)
	return binary.BigEndian.AppendUint16(key, uint16(piece)) // #nosec G115 -- a transaction has few pieces
}

// Held reads a transaction that was held when its block was pruned; false: it was not,
// or the block is whole.
func (s *Store) Held(h ledger.Height, i uint32) (*Held, bool, error) {
	var whole []byte
	for piece := 0; ; piece++ {
		raw, err := s.read(heldKey(h, i, piece), math.MaxUint64)
		if isNotFound(err) && piece == 0 {
			return nil, false, nil
		}
		if isNotFound(err) {
			return nil, false, s.noted(corrupt(heldKey(h, i, piece), uint64(h), "a piece is missing"))
		}
		if err != nil {
			return nil, false, err
		}
		if whole = append(whole, raw...); len(raw) == pieceBytes {
			continue // the last piece is shorter
		}
		held, err := parseHeld(whole)
		if err != nil {
			return nil, false, s.noted(corrupt(heldKey(h, i, 0), uint64(h), err.Error()))
		}
		return held, true, nil
	}
}

// heldItem reads a transaction or a result of a pruned block.
func (s *Store) heldItem(kind byte, h ledger.Height, i uint32) ([]byte, error) {
	held, ok, err := s.Held(h, i)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, s.gone(h)
	case kind == kindTxs:
		return held.Tx, nil
	}
	return held.Result, nil
}

// hold keeps what is held of blocks that are about to be pruned.
func (s *Store) hold(all []*leaving, holds Holds) error {
	kept := false
	for _, l := range all {
		out, err := s.heldOf(l, holds)
		if s.hopeless(l.height, err) {
			l.held, err = nil, nil // what cannot be read cannot be held
		}
		if err == nil {
			err = s.keepAside(s.opt.FreeBytesMin/2, out)
		}
		if err != nil {
			return fmt.Errorf("prune block %d: %w", l.height, err)
		}
		kept = kept || len(out) > 0
	}
	if !kept {
		return nil
	}
	// Badger may begin another log before the floor is raised, and a power cut may keep
	// that one only: then what is held must be there.
	return s.syncAside()
}

// heldOf is what is held of a whole block. Of an envelope that came twice in it both are
// held or none.
func (s *Store) heldOf(l *leaving, holds Holds) ([]entry, error) {
	if holds == nil || len(l.results) == 0 {
		return nil, nil
	}
	txs, err := s.stored(kindTxs, l.height, l.record.Txs)
	if err != nil {
		return nil, err
	}
	if len(txs) != len(l.results) {
		return nil, corrupt(heightKey(kindBlock, l.height), l.version, "it has not as many results as transactions")
	}
	l.held = map[ledger.Hash]bool{}
	for i, raw := range txs {
		tx, err := transaction(raw)
		if err != nil {
			return nil, fmt.Errorf("transaction %d: %w", i, err)
		}
		if holds(tx, l.results[i]) {
			l.held[l.results[i].TxID] = true
		}
	}
	if len(l.held) == 0 {
		return nil, nil
	}
	leaves := make([][]byte, len(txs))
	for i, r := range l.results {
		leaves[i] = r.Leaf()
	}
	txTree, resultTree := ledger.NewMerkleTree(txs), ledger.NewMerkleTree(leaves)
	var out []entry
	for i, r := range l.results {
		if !l.held[r.TxID] {
			continue
		}
		held := &Held{Tx: txs[i], Result: l.raw[i]}
		// #nosec G115 -- positive
		if held.TxPath, err = txTree.Path(uint64(i)); err != nil {
			return nil, err
		}
		// #nosec G115 -- positive
		if held.ResultPath, err = resultTree.Path(uint64(i)); err != nil {
			return nil, err
		}
		out = append(out, held.entries(l.height, uint32(i))...) // #nosec G115 -- bounded by the block
	}
	return out, nil
}

func (h *Held) entries(at ledger.Height, i uint32) []entry {
	var out []entry
	for raw := h.marshal(); ; raw = raw[pieceBytes:] {
		n := min(len(raw), pieceBytes)
		out = append(out, entry{key: heldKey(at, i, len(out)), value: raw[:n]})
		if n < pieceBytes {
			return out
		}
	}
}

// keepAside writes entries beside the blocks, in as many transactions as it takes. It
// demands so much room only.
func (s *Store) keepAside(room uint64, out []entry) error {
	for len(out) > 0 {
		n := s.fit(out)
		err := s.asideWithin(room, func(tip ledger.Height, _ *badger.Txn) (ledger.Height, []entry, error) { return tip, out[:n], nil })
		if err != nil {
			return err
		}
		out = out[n:]
	}
	return nil
}

func transaction(raw []byte) (*ledger.Transaction, error) {
	env, err := ledger.ParseEnvelope(raw)
	if err != nil {
		return nil, err
	}
	return ledger.ParseTransaction(env.Payload)
}

// findHeld looks which transactions of a block were held when it was pruned.
func (s *Store) findHeld(l *leaving) error {
	if l.held = map[ledger.Hash]bool{}; len(l.results) == 0 {
		return nil
	}
	from := heldKey(l.height, 0, 0)[1:]
	it, err := s.scan(kindHeld, from, heldKey(l.height+1, 0, 0)[1:], math.MaxUint64, false)
	if err != nil {
		return err
	}
	defer it.Close()
	for it.Next() {
		i := binary.BigEndian.Uint32(it.Key()[8:])
		if int(i) >= len(l.results) {
			return corrupt(heldKey(l.height, i, 0), uint64(l.height), "there is no such transaction")
		}
		l.held[l.results[i].TxID] = true
	}
	return it.Err()
}
