package ledger

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// No party that is registered or signs can have a contract's name: it could act as the
// contract.
func TestNobodyIsCalledLikeAContract(t *testing.T) {
	for _, name := range []Party{"contract:escrow", "contract:", "contract:a@b", "contract:contract:x"} {
		require.ErrorIs(t, name.Validate(), ErrParty, name)
		tx := Transaction{Ledger: ID{1}, Party: name, Command: []byte{1}, Contract: "c", Method: "m", ValidUntil: 5}
		_, err := ParseTransaction(tx.Marshal())
		require.ErrorIs(t, err, ErrMalformed, name)
		g := Genesis{Parties: []PartyRecord{{Party: name, PublicKey: make([]byte, PublicKeySize)}}}
		require.ErrorContains(t, g.validateParties(), "stands for a contract", name)
	}
	require.NoError(t, Party("contract").Validate(), "a name that only begins alike")
}

func TestWhatOthersMayName(t *testing.T) {
	require.Equal(t, Party("contract:escrow"), ContractParty("escrow"))
	for name, well := range map[Party]bool{
		"alice@org0": true, "contract:escrow": true, "contract:a-1": true,
		"": false, "contract:": false, "contract:Escrow": false, "contract:a@b": false, "contract:1": false, "org:a": false,
		"contract:contract:x": false, ContractParty(strings.Repeat("x", 33)): false,
	} {
		require.Equal(t, well, name.ValidateNamed() == nil, name)
	}
}

// A record for a contract is one that nobody outside of contracts reads.
func TestAnAudienceMayNameAContract(t *testing.T) {
	a := NewAudience("alice@a", "contract:escrow", "org:b")
	b, err := ParseAudience(a.Encode())
	require.NoError(t, err)
	require.Equal(t, a, b)
	for _, entry := range []Party{"org:contract:escrow", "contract:", "contract:org:a", "org:"} {
		_, err := ParseAudience(NewAudience(entry).Encode())
		require.ErrorIs(t, err, ErrAudience, entry)
	}
}
