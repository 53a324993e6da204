package execution

import (
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
)

// PartyKey is where a party's record stands.
func PartyKey(p ledger.Party) []byte { return []byte("s/party/" + string(p)) }

// MemberKey is where the record of a member of the ledger stands.
func MemberKey(id string) []byte { return []byte("s/member/" + id) }

// LimitsKey is where the limits stand that all members share.
func LimitsKey() []byte { return []byte("s/limits") }

// GenesisKey is where a piece of the genesis file stands.
func GenesisKey(piece int) []byte { return fmt.Appendf(nil, "s/genesis/%04d", piece) }
