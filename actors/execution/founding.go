package execution

import (
	"encoding/json"
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// genesisPiece is how much of the genesis file one record holds.
const genesisPiece = 60 << 10

// founding is the state that genesis brings: the file itself, its members, the limits
// they share, and its parties. It is entered with the first block, so all of it can be
// proven like any other record.
func founding(g *ledger.Genesis, file []byte) ([]state.Change, error) {
	from := state.Provenance{Height: 1}
	var out []state.Change
	add := func(key []byte, value any) error {
		b, err := json.Marshal(value) // writes struct fields in order, and sorts the keys of maps
		if err != nil {
			return fmt.Errorf("encode what genesis says under %s: %w", key, err)
		}
		out = append(out, state.Change{Key: key, Value: state.EncodeRecord(nil, from, b)})
		return nil
	}
	for piece := 0; piece*genesisPiece < len(file); piece++ {
		part := file[piece*genesisPiece : min(len(file), (piece+1)*genesisPiece)]
		out = append(out, state.Change{Key: GenesisKey(piece), Value: state.EncodeRecord(nil, from, part)})
	}
	if err := add(LimitsKey(), &g.Limits); err != nil {
		return nil, err
	}
	for i := range g.Members {
		if err := add(MemberKey(g.Members[i].ID), &g.Members[i]); err != nil {
			return nil, err
		}
	}
	for i := range g.Parties {
		if err := add(PartyKey(g.Parties[i].Party), &g.Parties[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}
