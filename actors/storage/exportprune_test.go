package storage

import (
	"encoding/binary"
	"math"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
)

// DropEvery is how often the actor drops expired commands.
const DropEvery = dropEvery

// Wrote has fn called after each of Badger's transactions.
func (s *Store) Wrote(fn func()) { s.wrote = fn }

// Leftovers counts what is stored of the contents of blocks below a height: chunks, and
// places of transactions that are not held.
func (s *Store) Leftovers(t require.TestingT, below ledger.Height) (chunks, places int) {
	for _, kind := range []byte{kindTxs, kindResults, kindTxID} {
		it, err := s.scan(kind, nil, nil, math.MaxUint64, false)
		require.NoError(t, err)
		for it.Next() {
			if kind != kindTxID {
				if ledger.Height(binary.BigEndian.Uint64(it.Key())) < below {
					chunks++
				}
				continue
			}
			h, i, err := parsePlace(it.Value())
			require.NoError(t, err)
			if _, held, err := s.Held(h, i); h < below && !held {
				require.NoError(t, err)
				places++
			}
		}
		require.NoError(t, it.Err())
		it.Close()
	}
	return chunks, places
}
