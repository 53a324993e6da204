package ledgertest_test

import (
	"testing"

	"github.com/concordat-ledger/concordat/contracts-sdk/go/ledgertest"
)

// What vectors say of the ledger's cryptography is computed here, and compared.
func TestReplayComparesCryptography(t *testing.T) {
	const right = "case a hash\ncrypto 1 00 6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
	if err := ledgertest.Replay("x", right); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{right[:len(right)-1] + "e", "case a\ncrypto 1 00 -", "case a\ncrypto 1 0 -", "case a\ncrypto one 00 -"} {
		if ledgertest.Replay("x", wrong) == nil {
			t.Errorf("it is accepted: %s", wrong)
		}
	}
}
