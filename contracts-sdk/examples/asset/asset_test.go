package asset_test

import (
	"testing"

	"github.com/concordat-ledger/concordat/contracts-sdk/examples/exampletest"
)

func TestAsset(t *testing.T) { exampletest.Check(t, exampletest.Example{Name: "asset"}) }
