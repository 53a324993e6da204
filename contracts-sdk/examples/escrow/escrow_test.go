package escrow_test

import (
	"testing"

	"github.com/concordat-ledger/concordat/contracts-sdk/examples/exampletest"
)

func TestEscrow(t *testing.T) {
	exampletest.Check(t, exampletest.Example{Name: "escrow", Others: map[string]string{"asset": "../asset", "token": "../token"}})
}
