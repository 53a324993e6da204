package execution

import "github.com/concordat-ledger/concordat/ledger"

// Keys of the state. A contract's own keys begin with "c/NAME/"; names hold no
// slash, so that no contract reaches another's.

// PartyKey is where a party's record stands.
func PartyKey(p ledger.Party) []byte { return []byte("s/party/" + string(p)) }

// ContractKey is where a contract's key stands.
func ContractKey(contract string, key []byte) []byte {
	b := make([]byte, 0, 3+len(contract)+len(key))
	b = append(b, "c/"...)
	b = append(b, contract...)
	b = append(b, '/')
	return append(b, key...)
}
