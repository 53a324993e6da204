package execution

import "github.com/concordat-ledger/concordat/ledger"

// PartyKey is where a party's record stands.
func PartyKey(p ledger.Party) []byte { return []byte("s/party/" + string(p)) }
