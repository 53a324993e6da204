package claims_test

import (
	"testing"

	"github.com/concordat-ledger/concordat/contracts-sdk/examples/exampletest"
)

func TestClaims(t *testing.T) { exampletest.Check(t, exampletest.Example{Name: "claims"}) }
