package storage

import "github.com/concordat-ledger/concordat/ledger/state"

// Change is one write to the state.
type Change = state.Change
