package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/concordat-ledger/concordat/ledger"
)

// Carry copies what is held, and what proves it, from a store into the one that takes its
// place and begins with a later block; also what would be held of whole blocks that the
// other one does not have. It returns how many blocks something is held of, and how
// many are damaged and were left out. What is done twice does no harm.
func Carry(from, to *Store, holds Holds) (carried, damaged int, err error) {
	heights, err := from.heldHeights()
	if err != nil {
		return 0, 0, fmt.Errorf("carry over what is held: %w", err)
	}
	tip, _ := from.Tip()
	for h := from.Oldest(); h <= tip && h < to.Base() && holds != nil; h++ {
		if len(heights) == 0 || heights[len(heights)-1] != h {
			heights = append(heights, h)
		}
	}
	for _, h := range heights {
		if h >= to.Base() {
			continue // it is whole there
		}
		entries, err := from.heldEntries(h, holds)
		var bad *CorruptError
		if errors.As(err, &bad) {
			damaged++
			continue
		}
		if err == nil && len(entries) > 0 {
			carried++
			err = to.keepAside(to.opt.FreeBytesMin, entries)
		}
		if err != nil {
			return carried, damaged, fmt.Errorf("carry over what is held of block %d: %w", h, err)
		}
	}
	return carried, damaged, to.syncAside()
}

// heldHeights are the pruned blocks of which something is held, ascending.
func (s *Store) heldHeights() ([]ledger.Height, error) {
	it, err := s.scan(kindHeld, nil, heightKey(kindHeld, s.Oldest())[1:], math.MaxUint64, false)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var out []ledger.Height
	for it.Next() {
		if h := ledger.Height(binary.BigEndian.Uint64(it.Key())); len(out) == 0 || out[len(out)-1] != h {
			out = append(out, h)
		}
	}
	return out, it.Err()
}

// heldEntries are the entries of what is held of a block, and of the block's record.
func (s *Store) heldEntries(h ledger.Height, holds Holds) ([]entry, error) {
	var held []entry
	var rec *blockRecord
	var err error
	if s.gone(h) == nil {
		l, lerr := s.leaving(h)
		if lerr != nil {
			return nil, lerr
		}
		rec = l.record
		held, err = s.heldOf(l, holds)
	} else if rec, err = s.record(h); err == nil {
		held, err = s.heldPieces(h)
	}
	if err != nil || len(held) == 0 {
		return nil, err
	}
	for _, e := range slices.Clone(held) {
		i, piece := binary.BigEndian.Uint32(e.key[9:]), binary.BigEndian.Uint16(e.key[13:])
		if piece > 0 {
			continue
		}
		raw, err := s.Result(h, i)
		if err != nil {
			return nil, err
		}
		r, err := ledger.ParseResult(raw)
		if err != nil {
			return nil, corrupt(e.key, uint64(h), err.Error())
		}
		held = append(held, entry{key: hashKey(kindTxID, r.TxID), value: marshalPlace(h, i)})
	}
	held = append(held, entry{key: heightKey(kindBlock, h), value: rec.marshal()}, entry{key: hashKey(kindBlockHash, rec.Hash), value: marshalHeight(h)})
	cert, ok, err := s.Certificate(h)
	if err == nil && ok {
		held = append(held, entry{key: heightKey(kindCertificate, h), value: cert})
	}
	return held, err
}

// heldPieces are the stored values of what is held of a pruned block.
func (s *Store) heldPieces(h ledger.Height) ([]entry, error) {
	it, err := s.scan(kindHeld, heldKey(h, 0, 0)[1:], heldKey(h+1, 0, 0)[1:], math.MaxUint64, false)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var out []entry
	for it.Next() {
		out = append(out, entry{key: append([]byte{kindHeld}, it.Key()...), value: slices.Clone(it.Value())})
	}
	return out, it.Err()
}
