package directory_test

import (
	"testing"

	"github.com/concordat-ledger/concordat/contracts-sdk/examples/exampletest"
)

func TestDirectory(t *testing.T) { exampletest.Check(t, exampletest.Example{Name: "directory"}) }
