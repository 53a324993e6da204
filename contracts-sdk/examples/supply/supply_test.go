package supply_test

import (
	"testing"

	"github.com/concordat-ledger/concordat/contracts-sdk/examples/exampletest"
)

func TestSupply(t *testing.T) { exampletest.Check(t, exampletest.Example{Name: "supply"}) }
