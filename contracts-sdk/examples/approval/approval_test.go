package approval_test

import (
	"testing"

	"github.com/concordat-ledger/concordat/contracts-sdk/examples/exampletest"
)

func TestApproval(t *testing.T) {
	exampletest.Check(t, exampletest.Example{Name: "approval", Others: map[string]string{"asset": "../asset"}})
}
